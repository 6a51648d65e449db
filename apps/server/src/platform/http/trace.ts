/** One span for each request, from its headers to the end of its answer. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { noTracer, type OpenSpan, type Tracer } from '../telemetry/index.ts';

const FAULT_MIN = 500;

/** Runs work, such as writing a log line, as part of a request's span. */
export type WithinRequest = (request: FastifyRequest, work: () => void) => void;

/**
 * Begins and ends the spans. Everything that serves a request then belongs to its span, but for what happens while its body is read; there
 * the returned function helps. Adds nothing to a server without tracing.
 */
export function traceRequests(app: FastifyInstance, tracer: Tracer): WithinRequest {
  if (tracer === noTracer) return (_request, work) => work();
  const spans = new WeakMap<FastifyRequest, OpenSpan>();
  const within: WithinRequest = (request, work) => {
    const span = spans.get(request);
    if (span) span.within(work);
    else work();
  };
  app.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const span = tracer.begin(
      `${request.method} ${route}`,
      { 'http.request.method': request.method, 'http.route': route, 'guildhall.request_id': request.id },
      String(request.headers.traceparent ?? ''),
    );
    spans.set(request, span);
    // Also comes when the caller leaves before the end.
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw;
      span.set({ 'http.response.status_code': statusCode });
      span.end(statusCode >= FAULT_MIN ? String(statusCode) : undefined);
    });
    span.within(done);
  });
  // What reads the body goes on from the socket's events, outside of the span.
  app.addHook('preHandler', (request, _reply, done) => within(request, done));
  return within;
}
