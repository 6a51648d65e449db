import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTracer, noTracer, type Tracer } from '../telemetry/index.ts';
import { type HttpSink, startHttpSink } from '../telemetry/test-support/http-sink.ts';
import { traceRequests } from './trace.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
let collector: HttpSink;
let tracer: Tracer;
let app: FastifyInstance;
let seen: Record<string, unknown>;

beforeEach(async () => {
  collector = await startHttpSink();
  tracer = await createTracer({
    endpoint: `http://127.0.0.1:${collector.port}`,
    version: '0',
    scrub: String,
    onLost: () => {},
  });
  app = fastify();
  seen = {};
  const note = (where: string) => {
    seen[where] = tracer.fields().traceId;
  };
  traceRequests(app, tracer);
  app.addHook('onRequest', async () => note('hook'));
  app.post('/things/:id', async () => {
    note('handler');
    return { ok: true };
  });
  app.get('/broken', async (_request, reply) => reply.code(503).send());
  app.setErrorHandler((_error, _request, reply) => {
    note('error');
    return reply.code(400).send();
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  await app.close();
  await tracer.close();
  await collector.close();
});

/** A request whose body comes in a packet of its own, after its headers were looked at. */
async function post(body: string): Promise<string> {
  const socket = net.connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const answer = text(socket);
  const headers = [
    `traceparent: 00-${TRACE}-b7ad6b7169203331-01`,
    'content-type: application/json',
    'connection: close',
  ];
  socket.write(
    `POST /things/7 HTTP/1.1\r\nhost: x\r\n${headers.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  await expect.poll(() => 'hook' in seen).toBe(true);
  socket.write(body);
  return answer;
}

test('hooks and handlers belong to the span of their request, also after a body that comes late', async () => {
  expect(await post('{"a":1}')).toContain('200 OK');
  expect(seen).toEqual({ hook: TRACE, handler: TRACE });
});

test('so does what is said of a body that cannot be read', async () => {
  expect(await post('{"a":')).toContain('400 Bad Request');
  expect(seen).toEqual({ hook: TRACE, error: TRACE });
});

test('a span names its route, never its address, and a fault marks it as failed', async () => {
  await post('{"a":1}');
  await app.inject({ url: '/broken?secret=canary' });
  await tracer.close();
  const sent = collector.posted.map(({ body }) => body).join('\n');
  expect(sent).toContain('"POST /things/:id"');
  expect(sent).not.toMatch(/things\/7|canary/);
  expect(sent).toMatch(/"GET \/broken".*"status":\{"code":2/);
});

test('without tracing a server gets no hook', () => {
  const bare = fastify();
  const hooks: unknown[] = [];
  traceRequests(Object.assign(bare, { addHook: (name: unknown) => hooks.push(name) }), noTracer);
  expect(hooks).toEqual([]);
});
