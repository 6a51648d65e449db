/** The rates of sign-in and sign-up: one count over all processes, by the source that proxies vouch for and no other. */
import type { Problem } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Logger } from '../../src/platform/telemetry/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let urls: readonly string[];
/** How often one of the servers went over to counting by itself. */
let wentAlone = 0;
const hear = (message: string): void => {
  if (message === 'rate limits are counted by each process alone') wentAlone += 1;
};
const log: Logger = { debug: hear, info: hear, warn: hear, error: hear, fatal: hear, child: () => log };
beforeAll(async () => {
  platform = await testPlatform({
    agents: asAgents(),
    role: 'api',
    log,
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

const isShared = async (url: string): Promise<boolean> =>
  /^rate_limits_shared(?:\{[^}]*\})? 1/m.test(await (await fetch(`${url}/metrics`)).text());
/** What a server admits of a small rate, a quarter of it, while it counts by itself. */
const ALONE = 1;
const ATTEMPTS = 5;

/**
 * How many were admitted while all servers shared their count. Where the database kept one waiting for longer than a healthy one takes, that one
 * counted a quarter by itself, beside what the others shared: then the bound is looked at, and the count is taken anew, of other sources.
 */
async function admittedTogether(
  path: string,
  body: () => object,
  { max, sourcesOf }: { readonly max: number; readonly sourcesOf: (attempt: number) => readonly string[] },
): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    await expect
      .poll(async () => (await Promise.all(urls.map(isShared))).every(Boolean), { timeout: 20_000 })
      .toBe(true);
    const before = wentAlone;
    const found = await admitted(path, body, sourcesOf(attempt));
    if (wentAlone === before) return found;
    expect(found).toBeLessThanOrEqual(max + (wentAlone - before) * ALONE);
  }
  throw new Error(`the database was late ${ATTEMPTS} times in a row`);
}

describe('four servers together', () => {
  it('admit five sign-ins a minute from one source, and three sign-ups', async () => {
    const sourcesOf = (attempt: number) => Array<string>(24).fill(`198.51.100.${10 + attempt}`);
    expect(await admittedTogether('/v1/auth/sign-in', signIn, { max: 5, sourcesOf })).toBe(5);
    expect(await admittedTogether('/v1/auth/sign-up', signUp, { max: 3, sourcesOf })).toBe(3);
  });

  it('count a source by what the proxy wrote last, whatever stands before it', async () => {
    const sourcesOf = (attempt: number) =>
      Array.from({ length: 24 }, (_, index) => `203.0.113.${index}, 10.0.0.${index}, 198.51.100.${20 + attempt}`);
    expect(await admittedTogether('/v1/auth/sign-in', signIn, { max: 5, sourcesOf })).toBe(5);
  });

  it('count an IPv6 network of 64 bits as one source, and the next one as another', async () => {
    const sourcesOf = (attempt: number) =>
      Array.from({ length: 24 }, (_, index) => `2001:db8:1:1${attempt}:${index}::${index}`);
    expect(await admittedTogether('/v1/auth/sign-in', signIn, { max: 5, sourcesOf })).toBe(5);
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
