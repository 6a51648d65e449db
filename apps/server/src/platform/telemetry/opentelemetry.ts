/** The tracer on OpenTelemetry's SDK. Nothing is registered globally: what is open is known by this tracer's own async context. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Span as ApiSpan,
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { plainText } from './plain.ts';
import { isSecretName, REDACTED } from './redact.ts';
import type { OpenSpan, SpanAttributes, Tracer, TracerOptions } from './tracer.ts';

const SERVICE = 'guildhall';
// A batch that takes longer is given up; spans are lost rather than kept.
const EXPORT_MS = 5_000;
// Spans wait this long for company; a person who looks for a trace waits about as long.
const BATCH_EVERY_MS = 1_000;
// At some 5 spans a request, a second of 800 requests. What does not fit is dropped.
const QUEUE_MAX = 4_096;
const CLOSE_MS = 2_000;
// Version 00 of W3C Trace Context. Ids of zeros, which it forbids, are refused by the SDK.
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

type Clean = (text: string) => string;

function plainAttributes(attributes: SpanAttributes, clean: Clean): Attributes {
  const shown: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    shown[name] = isSecretName(name) ? REDACTED : typeof value === 'string' ? clean(value) : value;
  }
  return shown;
}

/** Every trace is recorded, whatever its caller decided about its own part. */
function remoteParent(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** Says so when spans are lost, which the SDK itself would not. */
function toldExporter(inner: SpanExporter, onLost: (error: unknown) => void): SpanExporter {
  return {
    export: (spans, done) =>
      inner.export(spans, (result) => {
        if (result.error) onLost(result.error);
        done(result);
      }),
    shutdown: () => inner.shutdown(),
  };
}

class TracedSpan implements OpenSpan {
  readonly traceId: string;
  readonly #span: ApiSpan;
  readonly #context: Context;
  readonly #active: AsyncLocalStorage<Context>;
  readonly #clean: Clean;
  #hasEnded = false;

  constructor(span: ApiSpan, parent: Context, { active, clean }: { active: AsyncLocalStorage<Context>; clean: Clean }) {
    this.#span = span;
    this.#context = trace.setSpan(parent, span);
    this.#active = active;
    this.#clean = clean;
    this.traceId = span.spanContext().traceId;
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(plainAttributes(attributes, this.#clean));
  }

  within<T>(work: () => T): T {
    return this.#active.run(this.#context, work);
  }

  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (error !== undefined) this.#fail(error);
    this.#span.end();
  }

  #fail(error: unknown): void {
    const { name, message } = error instanceof Error ? error : { name: String(error), message: '' };
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: this.#clean(message) });
    this.#span.setAttribute('error.type', this.#clean(name));
  }
}

export function openTracer(options: TracerOptions & { readonly endpoint: string }): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${options.endpoint}/v1/traces`, timeoutMillis: EXPORT_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': SERVICE, 'service.version': options.version }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: toldExporter(exporter, options.onLost),
        scheduledDelayMillis: BATCH_EVERY_MS,
        exportTimeoutMillis: EXPORT_MS,
        maxQueueSize: QUEUE_MAX,
      }),
    ],
  });
  const tracer = provider.getTracer(SERVICE, options.version);
  const active = new AsyncLocalStorage<Context>();
  const clean: Clean = (text) => options.scrub(plainText(text));
  const current = (): SpanContext | undefined => trace.getSpanContext(active.getStore() ?? ROOT_CONTEXT);
  const open = (name: string, attributes: SpanAttributes, traceparent?: string): OpenSpan => {
    const remote = remoteParent(traceparent);
    const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : (active.getStore() ?? ROOT_CONTEXT);
    const kind = 'http.request.method' in attributes ? SpanKind.SERVER : SpanKind.INTERNAL;
    const span = tracer.startSpan(clean(name), { kind, attributes: plainAttributes(attributes, clean) }, parent);
    return new TracedSpan(span, parent, { active, clean });
  };
  return {
    begin: open,
    span: async (name, attributes, work) => {
      const span = open(name, attributes);
      try {
        const result = await span.within(() => work(span));
        span.end();
        return result;
      } catch (error) {
        span.end(error);
        throw error;
      }
    },
    fields: () => {
      const context = current();
      return context ? { traceId: context.traceId, spanId: context.spanId } : {};
    },
    traceparent: () => {
      const context = current();
      return context && `00-${context.traceId}-${context.spanId}-01`;
    },
    close: () => closed(provider, options.onLost),
  };
}

/** A collector that does not answer holds no stop up. */
async function closed(provider: TracerProvider, onLost: (error: unknown) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([provider.shutdown().catch(onLost), late]);
  clearTimeout(timer);
}
