import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { createHttp, type RouteDefinition, route } from './index.ts';

type Options = Parameters<typeof createHttp>[0];
let close: () => Promise<void> = async () => {};
afterEach(() => close());

async function serving(handler: (signal: AbortSignal) => Promise<void>, beginsFirst = false): Promise<string> {
  const routes: RouteDefinition[] = [
    route({
      method: 'GET',
      path: '/thing',
      summary: 'A thing',
      tag: 'Test',
      scope: 'public',
      responses: { 200: z.object({}) },
      handler: async ({ signal, reply }) => {
        if (beginsFirst) {
          reply.hijack();
          reply.raw.write('{');
        }
        await handler(signal);
        if (!beginsFirst) return { status: 200, body: {} };
        reply.raw.end('}');
        return undefined;
      },
    }),
  ];
  const silent = () => {};
  // Only what a public route touches; a part that is missing would show as a failure.
  const options = {
    routes,
    fileMaxBytes: 1,
    ids: { make: (prefix: string) => `${prefix}_1` },
    clock: { monotonicMs: () => performance.now() },
    log: { info: silent, warn: silent, error: silent },
    limit: async () => ({ headers: {} }),
    observe: silent,
  } as unknown as Options;
  const app = await createHttp(options);
  await app.listen({ port: 0, host: '127.0.0.1' });
  close = () => app.close().then(silent);
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/thing`;
}

/** Whether somebody listens there. */
async function isOpen(url: string): Promise<boolean> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  const isThere = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isThere;
}

it('a caller that gets its answer aborts nothing', async () => {
  let seen: AbortSignal | undefined;
  const url = await serving(async (signal) => {
    seen = signal;
  });
  const [response] = await once(http.get(url, { agent: false }), 'response');
  await once(response.resume(), 'close');
  await close();
  expect(seen?.aborted).toBe(false);
});

it('a caller that leaves before its answer aborts the call', async () => {
  const left = Promise.withResolvers<boolean>();
  const url = await serving(async (signal) => {
    request.destroy();
    await once(signal, 'abort');
    left.resolve(signal.aborted);
  });
  const request = http.get(url, { agent: false }).on('error', () => {});
  expect(await left.promise).toBe(true);
});

it('a connection that has sent nothing does not hold up the stop', async () => {
  const url = await serving(async () => {});
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await close();
  await closed;
});

it.each([{ begins: 'after' }, { begins: 'before' }])(
  'a connection ends with the answer that is under way on it, also one that begins $begins the stop',
  async ({ begins }) => {
    const [under, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const url = await serving(async () => {
      under.resolve();
      await go.promise;
    }, begins === 'before');
    const agent = new http.Agent({ keepAlive: true });
    const answered = once(http.get(url, { agent }), 'response');
    await under.promise;
    const closed = close();
    while (await isOpen(url)) await new Promise(setImmediate);
    go.resolve();
    const [response] = await answered;
    response.resume();
    // The client would keep it for the next request, and the server would wait for that.
    await closed;
    expect(response.complete).toBe(true);
    agent.destroy();
  },
  10_000,
);
