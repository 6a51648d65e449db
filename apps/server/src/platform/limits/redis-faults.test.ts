import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/harness/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/harness/tcp-proxy.ts';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createRateLimiter, createRedisRateStore, type RateLimiter, type RateRule } from './index.ts';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const SIGN_IN: RateRule = { name: 'sign-in', limit: 40, windowSeconds: 600, onStoreFailure: 'closed' };
const SIGN_IN_ALONE = 10;
const ORDINARY: RateRule = { name: 'ordinary', limit: 500, windowSeconds: 600, onStoreFailure: 'open' };
const ALARM_MS = 30_000;

interface Scene {
  readonly limiter: RateLimiter;
  readonly owner: Redis;
  readonly proxy: TcpProxy;
  /** What whoever raises the alarm was told. */
  readonly told: boolean[];
}

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());

async function onScene(play: (scene: Scene) => Promise<void>): Promise<void> {
  const proxy = await startTcpProxy(server.port);
  const owner = new Redis(server.url);
  const store = await createRedisRateStore(new Secret(`redis://127.0.0.1:${proxy.port}`));
  const told: boolean[] = [];
  const onSharedChange = (isShared: boolean) => told.push(isShared);
  try {
    await store.ping();
    await play({ limiter: createRateLimiter({ store, clock: systemClock, hash, onSharedChange }), owner, proxy, told });
  } finally {
    store.close();
    await owner.config('SET', 'maxmemory', '0');
    await owner.flushall();
    owner.disconnect();
    await proxy.close();
  }
}

const take = async (limiter: RateLimiter, rule: RateRule, calls: number, subject: string): Promise<number> => {
  let allowed = 0;
  for (let i = 0; i < calls; i += 1) if ((await limiter.take(rule, subject)).allowed) allowed += 1;
  return allowed;
};

const FAULTS = {
  'refuses connections': {
    break: ({ proxy }: Scene) => proxy.set('refused'),
    mend: ({ proxy }: Scene) => proxy.set('open'),
  },
  'takes everything and says nothing': {
    break: ({ proxy }: Scene) => proxy.set('hole'),
    mend: ({ proxy }: Scene) => proxy.set('open'),
  },
  'is out of memory': {
    break: ({ owner }: Scene) => owner.config('SET', 'maxmemory', '1'),
    mend: ({ owner }: Scene) => owner.config('SET', 'maxmemory', '0'),
  },
};

describe.each(Object.entries(FAULTS))('a Redis that %s', (_, fault) => {
  test('leaves sign-in a quarter and ordinary traffic the whole, is told at once, and is used again when it is back', () =>
    onScene(async (scene) => {
      const { limiter, told } = scene;
      expect(await take(limiter, SIGN_IN, 1, 'ip')).toBe(1);
      await fault.break(scene);
      const brokenAtMs = systemClock.monotonicMs();
      expect(await take(limiter, ORDINARY, 500, 'org_a')).toBe(500);
      expect(await take(limiter, SIGN_IN, 100, 'ip')).toBeLessThanOrEqual(SIGN_IN_ALONE);
      expect([limiter.isShared(), told]).toEqual([false, [false]]);
      expect(systemClock.monotonicMs() - brokenAtMs).toBeLessThan(ALARM_MS);
      await fault.mend(scene);
      await expect
        .poll(
          async () => {
            await limiter.take(ORDINARY, 'org_b');
            return limiter.isShared();
          },
          { timeout: 10_000, interval: 100 },
        )
        .toBe(true);
      expect(told).toEqual([false, true]);
      expect(await take(limiter, SIGN_IN, 100, 'other-ip')).toBe(SIGN_IN.limit);
    }));
});

describe.each([
  [
    'emptied',
    async ({ owner }: Scene) => {
      await owner.flushall();
    },
  ],
  [
    'overwritten with a value of another type',
    async ({ owner }: Scene) => {
      for (const name of await owner.keys('guildhall:rate:*')) await owner.set(name, 'theirs');
    },
  ],
])('counts that were %s', (_, spoil) => {
  test('raise the alarm, are counted locally meanwhile, and begin anew by themselves', () =>
    onScene(async (scene) => {
      const { limiter, told } = scene;
      expect(await take(limiter, SIGN_IN, 3, 'ip')).toBe(3);
      await spoil(scene);
      expect(await take(limiter, SIGN_IN, 100, 'ip')).toBeLessThanOrEqual(SIGN_IN_ALONE);
      expect(told).toEqual([false]);
      await expect
        .poll(async () => [(await limiter.take(ORDINARY, 'org_b')).allowed, limiter.isShared()], {
          timeout: 10_000,
          interval: 100,
        })
        .toEqual([true, true]);
      expect(await take(limiter, SIGN_IN, 100, 'other-ip')).toBe(SIGN_IN.limit);
      expect(await take(limiter, SIGN_IN, 1, 'ip')).toBe(1);
      expect(limiter.isShared()).toBe(true);
    }));
});

test('a new password takes over while calls go on: all are counted together, and a wrong one changes nothing', () =>
  onScene(async ({ owner }) => {
    const [former, latter] = ['former-password', 'latter-password'];
    const urlOf = (password: string): string => `redis://limits:${password}@127.0.0.1:${server.port}`;
    await owner.call('ACL', 'SETUSER', 'limits', 'on', `>${former}`, '~*', '+@all');
    const url = new Secret(urlOf(former));
    const store = await createRedisRateStore(url);
    const told: boolean[] = [];
    const onSharedChange = (isShared: boolean) => told.push(isShared);
    const limiter = createRateLimiter({ store, clock: systemClock, hash, onSharedChange });
    const connections = async (): Promise<readonly string[]> =>
      String(await owner.client('LIST'))
        .split('\n')
        .filter((line) => line.includes('user=limits'))
        .map((line) => line.split(' ')[0] ?? '');
    try {
      await store.ping();
      const [first] = await connections();
      let allowed = await take(limiter, SIGN_IN, 5, 'ip');
      url.renew(urlOf('a-wrong-one'));
      allowed += await take(limiter, SIGN_IN, 5, 'ip');
      expect(await connections()).toEqual([first]);
      await owner.call('ACL', 'SETUSER', 'limits', `>${latter}`);
      url.renew(urlOf(latter));
      const isMoved = async (): Promise<boolean> => {
        allowed += await take(limiter, SIGN_IN, 1, 'ip');
        const now = await connections();
        return now.length === 1 && now[0] !== first;
      };
      await expect.poll(isMoved, { timeout: 10_000, interval: 20 }).toBe(true);
      await owner.call('ACL', 'SETUSER', 'limits', `<${former}`);
      expect(allowed + (await take(limiter, SIGN_IN, 100, 'ip'))).toBe(SIGN_IN.limit);
      expect(told).toEqual([]);
    } finally {
      store.close();
      await owner.call('ACL', 'DELUSER', 'limits');
    }
  }));

test('two seconds of silence leave the 95th percentile of waiting where it was', () =>
  onScene(async ({ limiter, proxy }) => {
    const waits = async (forMs: number): Promise<number> => {
      const untilMs = systemClock.monotonicMs() + forMs;
      const asked: Promise<number>[] = [];
      for (let i = 0; systemClock.monotonicMs() < untilMs; i += 1) {
        const beganMs = systemClock.monotonicMs();
        asked.push(Promise.resolve(limiter.take(ORDINARY, `org_${i}`)).then(() => systemClock.monotonicMs() - beganMs));
        // The pace of the calls: 200 a second.
        await sleep(5);
      }
      const sorted = (await Promise.all(asked)).sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length * 0.95)] ?? 0;
    };
    const before = await waits(1_000);
    await proxy.set('hole');
    const mended = sleep(2_000).then(() => proxy.set('open'));
    const during = await waits(4_000);
    await mended;
    // What a request takes beside waiting for its limit: the route of a run is answered in 5 ms at best.
    const REST_MS = 5;
    expect(during + REST_MS).toBeLessThan(2 * (before + REST_MS));
  }));
