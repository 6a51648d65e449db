import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type HttpOptions, type RouteDefinition, route } from './index.ts';
import { bareHttp, KEY } from './test-support/bare.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** A route of work in bulk, whose answers wait until the gate is opened. */
function gated(scope: RouteDefinition['scope'] = 'public') {
  const gate = Promise.withResolvers<void>();
  const bulk = route({
    ...{ method: 'GET' as const, path: '/v1/bulk', summary: 'Work', tag: 'Runs', scope, responses: { 200: null } },
    handler: async () => {
      await gate.promise;
      return { status: 200, body: {} };
    },
  });
  return { bulk, open: gate.resolve };
}
const balance = route({
  ...{ method: 'GET' as const, path: '/v1/balance', summary: 'Balance', tag: 'Money', scope: 'public' as const },
  responses: { 200: null },
  handler: async () => ({ status: 200, body: {} }),
});
const take = route({
  ...{ method: 'POST' as const, path: '/v1/take', summary: 'Take', tag: 'Runs', scope: 'public' as const },
  body: z.strictObject({ text: z.string() }),
  responses: { 200: null },
  handler: async () => ({ status: 200, body: {} }),
});

async function serve(routes: readonly RouteDefinition[], options: Partial<HttpOptions> = {}) {
  const app: FastifyInstance = await bareHttp(routes, options);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 500 });
  opened.push({ close: () => app.close() }, { close: () => agent.destroy() });
  const { port } = app.server.address() as AddressInfo;
  const ask = (path: string): Promise<{ status: number; retryAfter?: string | undefined; code?: unknown }> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${KEY}` };
      http
        .get({ port, host: '127.0.0.1', path, agent, headers }, (answer) => {
          let text = '';
          answer.on('data', (chunk) => {
            text += chunk;
          });
          answer.on('end', () => {
            const { code } = JSON.parse(text) as { code?: unknown };
            resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'], code });
          });
        })
        .on('error', reject);
    });
  return { port, ask };
}

const countBy = (answers: readonly { status: number }[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

type Answer = Awaited<ReturnType<Awaited<ReturnType<typeof serve>>['ask']>>;

/** So many requests at once, and those of them that are answered already. */
function floodOf(count: number, ask: (path: string) => Promise<Answer>) {
  const ended: Answer[] = [];
  const flood = Array.from({ length: count }, async () => {
    const answer = await ask('/v1/bulk');
    ended.push(answer);
    return answer;
  });
  return { flood, ended };
}

describe('five times as many requests as there are places', () => {
  test('leave a fifth to what is not bulk: every one of 1,000 of those is answered', async () => {
    const { bulk, open } = gated();
    const { ask } = await serve([bulk, balance], { requestsAtOnceMax: 40 });
    const { flood, ended } = floodOf(200, ask);
    await expect.poll(() => ended.length, { timeout: 20_000 }).toBe(168);
    const important: { status: number }[] = [];
    const worker = async (): Promise<void> => {
      while (important.length < 1_000) important.push(await ask('/v1/balance'));
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(countBy(important)[200]).toBe(important.length);
    open();
    const all = await Promise.all(flood);
    expect(countBy(all)).toEqual({ 200: 32, 503: 168 });
    expect(all.find(({ status }) => status === 503)).toEqual({ status: 503, retryAfter: '1', code: 'http.overloaded' });
    expect((await ask('/v1/bulk')).status).toBe(200);
  });

  test('leave half of the places to other organisations', async () => {
    const { bulk, open } = gated('runs:read');
    const { ask } = await serve([bulk, balance], { requestsAtOnceMax: 40 });
    const { flood, ended } = floodOf(30, ask);
    await expect.poll(() => ended.length, { timeout: 20_000 }).toBe(10);
    expect(ended[0]).toEqual({ status: 429, retryAfter: '1', code: 'limits.exceeded' });
    open();
    expect(countBy(await Promise.all(flood))).toEqual({ 200: 20, 429: 10 });
    expect((await ask('/v1/bulk')).status).toBe(200);
  });
});

describe('attackers who are slow, large or many', () => {
  /** A connection that sends this, and what came back until it was closed. */
  const attack = (port: number, text: string, drip?: string): { socket: Socket; answer: Promise<string> } => {
    const socket = net.connect(port, '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.on('error', () => {});
    if (text !== '') socket.write(text);
    const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 50);
    const answer = new Promise<string>((resolve) =>
      socket.once('close', () => {
        clearInterval(timer);
        resolve(got);
      }),
    );
    return { socket, answer };
  };
  const POST = 'POST /v1/take HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

  test('are all cut off with an answer, while others wait for less than half a second', async () => {
    const patience = { headersMs: 600, bodyMs: 600, requestMs: 300_000 };
    const { port, ask } = await serve([take, balance], { patience });
    const each = (count: number, text: string, drip?: string) =>
      Array.from({ length: count }, () => attack(port, text, drip));
    const groups = {
      idle: each(300, ''),
      slowHeaders: each(100, 'GET /v1/balance HTTP/1.1\r\nhost: x\r\n', 'x-a: b\r\n'),
      slowBodies: each(100, `${POST}content-length: 1000\r\n\r\n{"text":"`, 'a'),
      slowChunks: each(50, `${POST}transfer-encoding: chunked\r\n\r\n`, '1\r\na\r\n'),
      hugeHeaders: each(50, `GET /v1/balance HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`),
      hugeBodies: each(50, `${POST}content-length: 10000000000\r\n\r\n${'a'.repeat(10_000)}`),
    };
    opened.push({
      close: () =>
        Object.values(groups)
          .flat()
          .map(({ socket }) => socket.destroy()),
    });
    const waits: number[] = [];
    let isOver = false;
    const others = (async () => {
      while (!isOver || waits.length < 100) {
        const beganMs = performance.now();
        expect((await ask('/v1/balance')).status).toBe(200);
        waits.push(performance.now() - beganMs);
      }
    })();
    const answersOf = async (group: keyof typeof groups) =>
      new Set((await Promise.all(groups[group].map(({ answer }) => answer))).map((text) => text.split(' ')[1]));
    expect(await answersOf('slowHeaders')).toEqual(new Set(['408']));
    expect(await answersOf('slowBodies')).toEqual(new Set(['408']));
    expect(await answersOf('slowChunks')).toEqual(new Set(['408']));
    expect(await answersOf('hugeHeaders')).toEqual(new Set(['431']));
    expect(await answersOf('hugeBodies')).toEqual(new Set(['413']));
    expect(await answersOf('idle')).toEqual(new Set(['408']));
    isOver = true;
    await others;
    const sorted = waits.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.95)]).toBeLessThan(500);
    // Sooner than the server would look by itself.
  }, 25_000);

  test('a body that comes in time is taken, however many pieces it comes in', async () => {
    const { port } = await serve([take], { patience: { headersMs: 5_000, bodyMs: 5_000, requestMs: 5_000 } });
    const { socket, answer } = attack(port, `${POST}connection: close\r\ncontent-length: 12\r\n\r\n`);
    for (const piece of '{"text":"a"}') {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await answer).split(' ')[1]).toBe('200');
  });
});
