/** One span for each request, from its headers to the end of its answer. */
import type { FastifyInstance } from 'fastify';
import { noTracer, type Tracer } from '../telemetry/index.ts';

const FAULT_MIN = 500;

/** Everything that serves a request belongs to its span; the framework keeps it so while the body is read. Nothing is added without tracing. */
export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  if (tracer === noTracer) return;
  app.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const span = tracer.begin(
      `${request.method} ${route}`,
      { 'http.request.method': request.method, 'http.route': route, 'guildhall.request_id': request.id },
      String(request.headers.traceparent ?? ''),
    );
    // Also comes when the caller leaves before the end.
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw;
      span.set({ 'http.response.status_code': statusCode });
      span.end(statusCode >= FAULT_MIN ? String(statusCode) : undefined);
    });
    span.within(done);
  });
}
