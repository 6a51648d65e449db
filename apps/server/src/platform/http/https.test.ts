import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareHttp, KEY, where } from './test-support/bare.ts';

const PROXY = '10.0.0.9';
const PUBLIC = 'https://guildhall.example.com';
const page = { ...where, path: '/page', tag: 'Pages' };
const probe = { ...where, path: '/live', tag: 'Health' };
const closed = { ...where, path: '/v1/closed', scope: 'runs:read' as const };

let app: FastifyInstance;
beforeAll(async () => {
  app = await bareHttp([where, page, probe, closed], { trustedProxies: 1, publicUrl: PUBLIC });
});
afterAll(() => app.close());

const by = (scheme: string | undefined, url: string, headers: Record<string, string> = {}) => ({
  url,
  remoteAddress: PROXY,
  headers: {
    'x-forwarded-for': '198.51.100.7',
    ...(scheme === undefined ? {} : { 'x-forwarded-proto': scheme }),
    ...headers,
  },
});

describe('an installation whose address begins with https', () => {
  test('answers what came by https', async () => {
    expect((await app.inject(by('https', '/v1/where'))).statusCode).toBe(200);
    expect((await app.inject(by('https', '/page'))).statusCode).toBe(200);
  });

  test.each([
    ['said to be http', by('http', '/v1/where')],
    ['said to be nothing', by(undefined, '/v1/where')],
    ['past the proxy', { url: '/v1/where', remoteAddress: '198.51.100.7' }],
    ['past the proxy, claiming https', { ...by('https', '/v1/where'), headers: { 'x-forwarded-proto': 'https' } }],
    ['without a route', by('http', '/v1/nowhere')],
    ['with a key that is good', by('http', '/v1/closed', { authorization: `Bearer ${KEY}` })],
    ['with a key that is not', by('http', '/v1/closed', { authorization: 'Bearer wrong' })],
  ])('refuses what came in clear: %s', async (_, request) => {
    const answer = await app.inject(request);
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'http.https-required']);
  });

  test.each([
    ['/page?a=1', `${PUBLIC}/page?a=1`],
    ['/page?to=//evil.example', `${PUBLIC}/page?to=//evil.example`],
  ])('leads the page %s to %s', async (url, to) => {
    const answer = await app.inject(by('http', url));
    expect([answer.statusCode, answer.headers.location]).toEqual([308, to]);
    expect(answer.headers['strict-transport-security']).toContain('max-age=63072000');
  });

  test('answers probes, and whoever is on this machine', async () => {
    expect((await app.inject({ url: '/live', remoteAddress: PROXY })).statusCode).toBe(200);
    expect((await app.inject({ url: '/v1/where', remoteAddress: '127.0.0.1' })).statusCode).toBe(200);
    expect((await app.inject({ ...by('http', '/v1/where'), remoteAddress: '127.0.0.1' })).statusCode).toBe(403);
  });
});

test.each([undefined, 'http://127.0.0.1:3000'])('with %j as its address it answers in clear', async (publicUrl) => {
  const open = await bareHttp([where], { publicUrl });
  expect((await open.inject(by('http', '/v1/where'))).statusCode).toBe(200);
  await open.close();
});
