import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareHttp, KEY, where } from './test-support/bare.ts';

const CONSOLE = 'https://console.example.com';
const ASKED = { 'access-control-request-method': 'POST' };

/** Near misses of the one origin that is named. */
const OTHERS = [
  'null',
  '',
  '*',
  'http://console.example.com',
  'https://console.example.com:443',
  'https://console.example.com:8443',
  'https://console.example.com/',
  'https://console.example.com.evil.example',
  'https://evil-console.example.com',
  'https://sub.console.example.com',
  'https://example.com',
  'https://consoleXexample.com',
  'https://CONSOLE.example.com',
  'https://console.example.com, https://evil.example',
  'https://console.example.com@evil.example',
  'https://evil.example#https://console.example.com',
  ' https://console.example.com.',
  'https://c\u043ensole.example.com',
  'file://',
  'http://localhost',
  'http://127.0.0.1:3000',
];

let app: FastifyInstance;
beforeAll(async () => {
  app = await bareHttp([where], { corsOrigins: [CONSOLE] });
});
afterAll(() => app.close());

const ask = (origin: string | undefined, over: { method?: 'GET' | 'OPTIONS'; headers?: object; url?: string } = {}) =>
  app.inject({
    method: over.method ?? 'GET',
    url: over.url ?? '/v1/where',
    headers: { ...(origin === undefined ? {} : { origin }), ...over.headers },
  });
const allowing = (headers: object): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('an origin that is not named', () => {
  test.each(OTHERS)('%j is told nothing, neither with its request nor before it', async (origin) => {
    const answer = await ask(origin);
    expect([answer.statusCode, allowing(answer.headers), answer.headers.vary]).toEqual([200, [], 'origin']);
    const preflight = await ask(origin, { method: 'OPTIONS', headers: ASKED });
    expect([preflight.statusCode, allowing(preflight.headers)]).toEqual([405, []]);
  });
});

describe('an origin that is named', () => {
  test.each(['/v1/where', '/v1/nowhere', '/v1/where?no=body'])(
    'may read the answer of %s, also when it is a refusal, and send cookies',
    async (url) => {
      const { headers } = await ask(CONSOLE, { url });
      expect(headers).toMatchObject({
        'access-control-allow-origin': CONSOLE,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': expect.stringContaining('retry-after'),
        'cross-origin-resource-policy': 'cross-origin',
        vary: 'origin',
      });
    },
  );

  test('hears before its request what it may send, and needs no key for that', async () => {
    const headers = { ...ASKED, 'access-control-request-headers': 'authorization,x-stainless-lang,x-evil' };
    const { statusCode, headers: told, body } = await ask(CONSOLE, { method: 'OPTIONS', headers });
    expect([statusCode, body]).toEqual([204, '']);
    expect(told['access-control-allow-methods']).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
    const names = String(told['access-control-allow-headers']).split(', ');
    for (const name of ['authorization', 'content-type', 'guildhall-request', 'idempotency-key', 'x-stainless-lang'])
      expect(names).toContain(name);
    expect(names).not.toContain('x-evil');
    expect(told).toMatchObject({ 'x-content-type-options': 'nosniff', 'access-control-max-age': '600' });
  });

  test('an OPTIONS that asks nothing is no preflight', async () => {
    expect((await ask(CONSOLE, { method: 'OPTIONS' })).statusCode).toBe(405);
  });
});

test('a wildcard lets every origin in, and never with cookies, unless the origin is named beside it', async () => {
  const open = await bareHttp([where], { corsOrigins: ['*', CONSOLE] });
  for (const origin of ['https://a.example', 'null', '*']) {
    const { headers } = await open.inject({ url: '/v1/where', headers: { origin } });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  }
  const { headers } = await open.inject({ url: '/v1/where', headers: { origin: CONSOLE } });
  expect(headers).toMatchObject({
    'access-control-allow-origin': CONSOLE,
    'access-control-allow-credentials': 'true',
  });
  await open.close();
});

test('without a list nobody hears of origins at all', async () => {
  const closed = await bareHttp([where], {});
  const { headers } = await closed.inject({ url: '/v1/where', headers: { origin: CONSOLE, authorization: KEY } });
  expect([allowing(headers), headers.vary]).toEqual([[], undefined]);
  await closed.close();
});
