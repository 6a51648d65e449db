import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createRateLimiter,
  type RateLimiter,
  type RateRule,
  type RateStore,
  rateLimitHeaders,
  tooManyRequests,
} from './index.ts';
import { onPostgres, onRedis, type StoreKind } from './test-support/stores.ts';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const rule = (over: Partial<RateRule> = {}): RateRule => ({
  name: 'test',
  limit: 5,
  windowSeconds: 60,
  onStoreFailure: 'open',
  ...over,
});

let nowMs = 0;
const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
beforeEach(() => {
  nowMs = 1_000;
});

const admitted = (verdicts: readonly { allowed: boolean }[]): number =>
  verdicts.filter(({ allowed }) => allowed).length;
const many = (
  limiter: RateLimiter,
  which: RateRule,
  calls: number,
  subject = 'org_a',
): Promise<{ allowed: boolean }[]> => Promise.all(Array.from({ length: calls }, () => limiter.take(which, subject)));

describe.each([
  ['PostgreSQL', onPostgres],
  ['Redis', onRedis],
] as const)('limits shared through %s', (_, open) => {
  let kind: StoreKind;
  beforeAll(async () => {
    kind = await open();
  });
  afterAll(() => kind.close());
  beforeEach(() => kind.clear());

  /** Moves the clock of the store and of the processes alike. */
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    await kind.pass(ms);
  };
  const limiterOf = async (scale = 1): Promise<RateLimiter> =>
    createRateLimiter({ store: await kind.store(), clock, hash, scale });
  /** As many limiters as there are processes, each with connections of its own. */
  const processes = (count: number): Promise<RateLimiter[]> =>
    Promise.all(Array.from({ length: count }, () => limiterOf()));
  /** A limiter, and how often it has asked the store. */
  const counted = async () => {
    let asked = 0;
    const inner = await kind.store();
    const store: RateStore = {
      ...inner,
      take: (request) => {
        asked += 1;
        return inner.take(request);
      },
    };
    return { limiter: createRateLimiter({ store, clock, hash }), asked: () => asked };
  };

  test.each([1, 5, 60, 999, 1_000, 5_000])(
    'four processes together admit exactly %i, however many calls arrive at once',
    async (limit) => {
      const limiters = await processes(4);
      const which = rule({ limit });
      const verdicts = await Promise.all(limiters.map((limiter) => many(limiter, which, limit + 200)));
      expect(admitted(verdicts.flat())).toBe(limit);
      for (const limiter of limiters) expect((await limiter.take(which, 'org_a')).allowed).toBe(false);
    },
  );

  test('four programs of their own, started side by side, admit exactly the limit', async () => {
    const limit = 300;
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => {
        const program = new URL('./test-support/flood.ts', import.meta.url);
        const child = fork(program, [String(limit), '200', ...kind.flood], { execArgv: [] });
        return new Promise<number>((resolve, reject) =>
          child.once('message', (count) => resolve(Number(count))).once('error', reject),
        );
      }),
    );
    expect(answers.reduce((sum, count) => sum + count, 0)).toBe(limit);
  });

  test('calls in turn over four processes: the one after the limit is refused, and none before', async () => {
    const limiters = await processes(4);
    const which = rule({ limit: 200 });
    const allowed: boolean[] = [];
    for (let i = 0; i < 201; i += 1) {
      const limiter = limiters[i % 4];
      if (limiter) allowed.push((await limiter.take(which, 'org_a')).allowed);
    }
    expect(allowed).toEqual([...Array(200).fill(true), false]);
  });

  test('a window is refilled whole at its end, and not before', async () => {
    const [one, two] = (await processes(2)) as [RateLimiter, RateLimiter];
    await pass(0);
    expect(admitted(await many(one, rule(), 9))).toBe(5);
    await pass(50_000);
    expect(admitted([...(await many(one, rule(), 3)), ...(await many(two, rule(), 3))])).toBe(0);
    await pass(10_001);
    expect(admitted([...(await many(one, rule(), 9)), ...(await many(two, rule(), 9))])).toBe(5);
  });

  test('a lease that is not used up is void when its window ends', async () => {
    const [one, two] = (await processes(2)) as [RateLimiter, RateLimiter];
    const which = rule({ limit: 1_000 });
    await pass(0);
    await one.take(which, 'org_a');
    expect(await kind.used()).toBe(15);
    await pass(60_001);
    const verdicts = await Promise.all([many(one, which, 1_100), many(two, which, 1_100)]);
    expect(admitted(verdicts.flat())).toBe(1_000);
  });

  test('a rule below 1,000 holds nothing back in a process whose calls stop', async () => {
    const [one, two] = (await processes(2)) as [RateLimiter, RateLimiter];
    await one.take(rule({ limit: 999 }), 'org_a');
    expect(admitted(await many(two, rule({ limit: 999 }), 1_100))).toBe(998);
  });

  test('asking whether the store answers counts nothing', async () => {
    const store = await kind.store();
    const request = { key: hash('org_a'), limit: 5, windowMs: 60_000, wanted: 0, leaseMax: 0 };
    expect(await store.take(request)).toMatchObject({ granted: 0, remaining: 5 });
    expect(await store.take({ ...request, wanted: 9 })).toMatchObject({ granted: 5, remaining: 0 });
    expect(await store.take(request)).toMatchObject({ granted: 0, remaining: 0 });
  });

  test('a lease costs the store one question for many calls', async () => {
    const { limiter, asked } = await counted();
    for (let i = 0; i < 5_000; i += 1) await limiter.take(rule({ limit: 100_000 }), 'org_a');
    expect(asked()).toBe(50);
  });

  test('a flood of refused calls costs one question per second', async () => {
    const { limiter, asked } = await counted();
    await many(limiter, rule(), 6);
    expect(asked()).toBe(2);
    for (let i = 0; i < 1_000; i += 1) await limiter.take(rule(), 'org_a');
    expect(asked()).toBe(2);
    nowMs += 1_000;
    for (let i = 0; i < 1_000; i += 1) await limiter.take(rule(), 'org_a');
    expect(asked()).toBe(3);
  });

  test('subjects and rules are counted apart, and the stored keys name nobody', async () => {
    const limiter = await limiterOf();
    for (const [name, subject] of [
      ['a', 'org_a'],
      ['a', 'org_b'],
      ['b', 'org_a'],
    ] as const)
      expect(admitted(await many(limiter, rule({ name }), 9, subject))).toBe(5);
    const keys = await kind.keys();
    expect(keys).toHaveLength(3);
    for (const key of keys) expect(key).not.toContain('org_');
  });

  test('LIMITS_SCALE multiplies every limit, and leaves at least one call', async () => {
    expect(admitted(await many(await limiterOf(3), rule(), 30))).toBe(15);
    expect(admitted(await many(await limiterOf(0.01), rule({ name: 'tiny' }), 30))).toBe(1);
  });

  test("a store's clock that is set back does not keep a subject out for longer than a window", async () => {
    const limiter = await limiterOf();
    await kind.pass(3_600_000);
    expect(admitted(await many(limiter, rule(), 9))).toBe(5);
    await kind.pass(-3_600_000);
    nowMs += 1_001;
    expect((await limiter.take(rule(), 'org_a')).resetSeconds).toBeLessThanOrEqual(60);
    await pass(61_000);
    expect((await limiter.take(rule(), 'org_a')).allowed).toBe(true);
  });
});

test('sweeping PostgreSQL forgets ended windows and no others', async () => {
  const kind = await onPostgres();
  const store = await kind.store();
  const limiter = createRateLimiter({ store, clock, hash });
  await limiter.take(rule(), 'org_old');
  await kind.pass(60_001);
  await limiter.take(rule(), 'org_new');
  expect(await store.sweep()).toBe(1);
  expect(await store.sweep()).toBe(0);
  expect(admitted(await many(limiter, rule(), 9, 'org_new'))).toBe(4);
  await kind.close();
});

describe('a store that does not answer', () => {
  const down: RateStore = { answersWithinMs: 50, take: () => Promise.reject(new Error('down')), sweep: async () => 0 };

  test.each([
    ['open', 20, 20],
    ['closed', 20, 5],
    ['closed', 3, 1],
  ] as const)('leaves a %s rule of %i with %i calls per process and window', async (onStoreFailure, limit, left) => {
    const limiter = createRateLimiter({ store: down, clock, hash });
    const which = rule({ limit, onStoreFailure });
    expect(admitted(await many(limiter, which, 50))).toBe(left);
    nowMs += 59_999;
    expect(admitted(await many(limiter, which, 50))).toBe(0);
    nowMs += 1;
    expect(admitted(await many(limiter, which, 50))).toBe(left);
  });

  test('in time for one of four processes leaves it a quarter of a closed rule beside what the others share', async () => {
    let left = 8;
    const shared: RateStore = {
      ...down,
      take: async ({ wanted }) => {
        const granted = Math.min(left, wanted);
        left -= granted;
        return { granted, remaining: left, endsInMs: 60_000 };
      },
    };
    const late: RateStore = { ...down, take: () => new Promise(() => {}) };
    const which = rule({ limit: 8, onStoreFailure: 'closed' });
    const limiters = [shared, shared, shared, late].map((store) => createRateLimiter({ store, clock, hash }));
    const verdicts = await Promise.all(limiters.map((limiter) => many(limiter, which, 20)));
    expect(verdicts.slice(0, 3).reduce((sum, one) => sum + admitted(one), 0)).toBe(8);
    expect(admitted(verdicts[3] ?? [])).toBe(2);
    expect(limiters.map((limiter) => limiter.isShared())).toEqual([true, true, true, false]);
  });

  test('is reported once, asked again once a second, and used again when it answers', async () => {
    let isUp = false;
    let asked = 0;
    const store: RateStore = {
      answersWithinMs: 50,
      take: async ({ wanted }) => {
        asked += 1;
        if (!isUp) throw new Error('down');
        return { granted: wanted, remaining: 7, endsInMs: 60_000 };
      },
      sweep: async () => 0,
    };
    const changes: unknown[] = [];
    const limiter = createRateLimiter({
      store,
      clock,
      hash,
      onSharedChange: (isShared, cause) => changes.push([isShared, String(cause)]),
    });
    for (let i = 0; i < 100; i += 1) await limiter.take(rule(), `org_${i}`);
    expect([asked, limiter.isShared(), changes]).toEqual([1, false, [[false, 'Error: down']]]);
    isUp = true;
    nowMs += 1_000;
    // Nobody waits for a store that was down: the call that has it asked again is counted here, the next one there.
    expect((await limiter.take(rule(), 'org_x')).remaining).not.toBe(7);
    await expect.poll(() => limiter.isShared()).toBe(true);
    expect((await limiter.take(rule(), 'org_y')).remaining).toBe(7);
    expect([asked, changes.length]).toEqual([3, 2]);
  });

  test('but hangs is given up as soon as a healthy one would have answered', async () => {
    const limiter = createRateLimiter({ store: { ...down, take: () => new Promise(() => {}) }, clock, hash });
    expect((await limiter.take(rule(), 'org_a')).allowed).toBe(true);
    expect(limiter.isShared()).toBe(false);
  });
});

describe('the answer', () => {
  test('carries the same headers whether refused or not, and Retry-After only when refused', () => {
    const verdict = { allowed: true, limit: 5, windowSeconds: 60, remaining: 4, resetSeconds: 12 };
    const headers = {
      'ratelimit-limit': '5',
      'ratelimit-remaining': '4',
      'ratelimit-reset': '12',
      'ratelimit-policy': '5;w=60',
    };
    expect(rateLimitHeaders(verdict)).toEqual(headers);
    expect(rateLimitHeaders({ ...verdict, allowed: false, remaining: 0 })).toEqual({
      ...headers,
      'ratelimit-remaining': '0',
      'retry-after': '12',
    });
    expect(tooManyRequests(verdict)).toMatchObject({
      spec: { status: 429, code: 'limits.exceeded' },
      details: { members: { retryAfterSeconds: 12 } },
    });
  });

  test('counts down what remains', async () => {
    const store: RateStore = {
      answersWithinMs: 50,
      take: async ({ wanted }) => ({ granted: wanted + 2, remaining: 10, endsInMs: 1_500 }),
      sweep: async () => 0,
    };
    const limiter = createRateLimiter({ store, clock, hash });
    const remaining = [];
    for (let i = 0; i < 3; i += 1) remaining.push((await limiter.take(rule(), 'org_a')).remaining);
    expect(remaining).toEqual([12, 11, 10]);
    expect((await limiter.take(rule(), 'org_b')).resetSeconds).toBe(2);
  });
});
