/** The rates of sign-in and sign-up: one count over all processes, by the source that proxies vouch for and no other. */
import type { Problem } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let urls: readonly string[];
beforeAll(async () => {
  platform = await testPlatform({
    agents: asAgents(),
    role: 'api',
    environment: { LIMITS_SCALE: '1', TRUSTED_PROXIES: '1' },
  });
  const others = await Promise.all(Array.from({ length: 3 }, () => platform.another('api')));
  urls = [platform.url, ...others.map(({ url }) => url ?? '')];
}, 60_000);
afterAll(() => platform.close());

let people = 0;
/** Somebody else each time: tries at one account are counted apart. */
function signIn(): object {
  people += 1;
  return { email: `nobody${people}@example.com`, password: 'four words nobody knows' };
}
const signUp = (): object => ({ ...signIn(), email: `newcomer${people}@example.com`, name: 'Newcomer' });
const post = (path: string, body: object, source: string, url = platform.url) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': source },
    body: JSON.stringify(body),
  });
/** How many of the calls, spread over all servers at once, were not refused as too many. */
async function admitted(path: string, body: () => object, sources: readonly string[]): Promise<number> {
  const answers = await Promise.all(
    sources.map((source, index) => post(path, body(), source, urls[index % urls.length] ?? '')),
  );
  return answers.filter(({ status }) => status !== 429).length;
}

describe('four servers together', () => {
  it('admit five sign-ins a minute from one source, and three sign-ups', async () => {
    expect(await admitted('/v1/auth/sign-in', signIn, Array(24).fill('198.51.100.1'))).toBe(5);
    expect(await admitted('/v1/auth/sign-up', signUp, Array(24).fill('198.51.100.1'))).toBe(3);
  });

  it('count a source by what the proxy wrote last, whatever stands before it', async () => {
    const spoofed = Array.from({ length: 24 }, (_, index) => `203.0.113.${index}, 10.0.0.${index}, 198.51.100.2`);
    expect(await admitted('/v1/auth/sign-in', signIn, spoofed)).toBe(5);
  });

  it('count an IPv6 network of 64 bits as one source, and the next one as another', async () => {
    const one = Array.from({ length: 24 }, (_, index) => `2001:db8:1:1:${index}::${index}`);
    expect(await admitted('/v1/auth/sign-in', signIn, one)).toBe(5);
    expect(await admitted('/v1/auth/sign-in', signIn, ['2001:db8:1:2::1'])).toBe(1);
  });
});

it('a refusal says when to come back, in the form of all others', async () => {
  const source = '198.51.100.3';
  for (let left = 5; left > 0; left -= 1) expect((await post('/v1/auth/sign-in', signIn(), source)).status).toBe(401);
  const answer = await post('/v1/auth/sign-in', signIn(), source);
  const body = (await answer.json()) as Problem & { retryAfterSeconds: number };
  expect([answer.status, body.code]).toEqual([429, 'limits.exceeded']);
  expect(answer.headers.get('retry-after')).toBe(String(body.retryAfterSeconds));
  expect(body.retryAfterSeconds).toBeGreaterThan(0);
  expect(body.retryAfterSeconds).toBeLessThanOrEqual(60);
  expect(answer.headers.get('ratelimit-policy')).toBe('5;w=60');
});

it('every way to become somebody has a rate that closes while the shared count fails', () => {
  const ways = platform.server.routes.filter(
    ({ path, scope, method }) => path.startsWith('/v1/auth/') && scope === 'public' && method === 'POST',
  );
  expect(ways.length).toBeGreaterThan(6);
  for (const { path, limits = [] } of ways)
    expect([path, limits.map(({ per, onStoreFailure }) => [per, onStoreFailure])]).toEqual([path, [['ip', 'closed']]]);
});
