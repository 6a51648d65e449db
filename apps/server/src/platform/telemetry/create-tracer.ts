/** Tracing on or off, by the operator's setting. */
import { noTracer, type Tracer, type TracerOptions } from './tracer.ts';

/** OpenTelemetry by OTLP over HTTP; loaded only where it is on. */
export async function createTracer(options: TracerOptions): Promise<Tracer> {
  const { endpoint } = options;
  if (endpoint === undefined) return noTracer;
  const { openTracer } = await import('./opentelemetry.ts');
  return openTracer({ ...options, endpoint });
}
