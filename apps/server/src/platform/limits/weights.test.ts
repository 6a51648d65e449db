/** Calls that count for more than one: tokens, by an estimate at first and by the truth afterwards. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRateLimiter, type RateLimiter, type RateRule, type RateStore, type RateVerdict } from './index.ts';
import { onPostgres, onRedis, type StoreKind } from './test-support/stores.ts';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const TOKENS: RateRule = { name: 'tokens', limit: 100_000, windowSeconds: 60, onStoreFailure: 'open' };

let nowMs = 0;
const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
beforeEach(() => {
  nowMs = 1_000;
});

describe.each([
  ['PostgreSQL', onPostgres],
  ['Redis', onRedis],
] as const)('weights counted in %s', (_, open) => {
  let kind: StoreKind;
  beforeAll(async () => {
    kind = await open();
  });
  afterAll(() => kind.close());
  beforeEach(() => kind.clear());

  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    await kind.pass(ms);
  };
  const limiterOf = async (): Promise<RateLimiter> => createRateLimiter({ store: await kind.store(), clock, hash });
  const taken = async (limiter: RateLimiter, weight: number): Promise<RateVerdict> =>
    limiter.take(TOKENS, 'org_a', weight);

  test('four processes together never admit more than the limit, and less by no more than a rest in each that is too small for a call', async () => {
    const limiters = await Promise.all([1, 2, 3, 4].map(limiterOf));
    const verdicts = await Promise.all(limiters.flatMap((one) => Array.from({ length: 50 }, () => taken(one, 1_000))));
    const admitted = verdicts.filter(({ allowed }) => allowed).length;
    expect(admitted).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThanOrEqual(97);
    expect(await kind.used()).toBe(100_000);
  });

  test('what a call did not weigh is there for the next ones, in the same window and not in a later one', async () => {
    const limiter = await limiterOf();
    const first = await taken(limiter, 90_000);
    expect((await taken(limiter, 20_000)).allowed).toBe(false);
    first.correct(5_000);
    expect((await taken(limiter, 95_000)).allowed).toBe(true);
    expect((await taken(limiter, 1)).allowed).toBe(false);
    await pass(61_000);
    const late = await taken(limiter, 60_000);
    await pass(61_000);
    const next = await taken(limiter, 60_000);
    late.correct(0);
    expect(next.allowed).toBe(true);
    expect((await taken(limiter, 60_000)).allowed).toBe(false);
    expect((await taken(limiter, 40_000)).allowed).toBe(true);
  });

  test('what was given back in one window is gone with it', async () => {
    const limiter = await limiterOf();
    (await taken(limiter, 50_000)).correct(0);
    await pass(61_000);
    expect((await taken(limiter, 60_000)).allowed).toBe(true);
    expect((await taken(limiter, 50_000)).allowed).toBe(false);
  });

  test('what a call weighed beyond is paid before the next one is admitted, and never refuses the call itself', async () => {
    const limiter = await limiterOf();
    const call = await taken(limiter, 1_000);
    call.correct(60_000);
    expect((await taken(limiter, 50_000)).allowed).toBe(false);
    expect((await taken(limiter, 30_000)).allowed).toBe(true);
  });

  test('a call that weighs more than the whole limit may be made in a window of its own', async () => {
    const limiter = await limiterOf();
    expect((await taken(limiter, 5_000_000_000)).allowed).toBe(true);
    expect((await taken(limiter, 1)).allowed).toBe(false);
  });

  test('a large call that is refused leaves what is left to small ones', async () => {
    const limiter = await limiterOf();
    await taken(limiter, 90_000);
    expect((await taken(limiter, 50_000)).allowed).toBe(false);
    expect((await taken(limiter, 10_000)).allowed).toBe(true);
  });

  test('looking counts nothing and tells how it stands', async () => {
    const limiter = await limiterOf();
    expect(limiter.look(TOKENS, 'org_a')).toMatchObject({ remaining: 100_000, limit: 100_000 });
    const call = await taken(limiter, 40_000);
    expect(limiter.look(TOKENS, 'org_a')).toMatchObject({ remaining: 60_000, resetSeconds: 60 });
    call.correct(10_000);
    expect(limiter.look(TOKENS, 'org_a').remaining).toBe(90_000);
    await pass(61_000);
    expect(limiter.look(TOKENS, 'org_a').remaining).toBe(100_000);
  });
});

test('small calls under a large limit ask the store once for many of them', async () => {
  const asked: number[] = [];
  let left = 10_000_000;
  const store: RateStore = {
    answersWithinMs: 50,
    take: async ({ wanted, leaseMax }) => {
      asked.push(wanted);
      const granted = Math.max(wanted, Math.min(leaseMax, Math.floor(left / 64)));
      left -= granted;
      return { granted, remaining: left, endsInMs: 60_000 };
    },
    sweep: async () => 0,
  };
  const limiter = createRateLimiter({ store, clock, hash });
  for (let i = 0; i < 1_000; i += 1) await limiter.take({ ...TOKENS, limit: 10_000_000 }, 'org_a', 500);
  expect(asked).toHaveLength(10);
});

test('while the store is away each process counts weights by itself', async () => {
  const down: RateStore = { answersWithinMs: 50, take: () => Promise.reject(new Error('down')), sweep: async () => 0 };
  const limiter = createRateLimiter({ store: down, clock, hash });
  const call = await limiter.take(TOKENS, 'org_a', 70_000);
  expect((await limiter.take(TOKENS, 'org_a', 50_000)).allowed).toBe(false);
  call.correct(20_000);
  expect((await limiter.take(TOKENS, 'org_a', 80_000)).allowed).toBe(true);
  expect((await limiter.take(TOKENS, 'org_a', 1)).allowed).toBe(false);
});
