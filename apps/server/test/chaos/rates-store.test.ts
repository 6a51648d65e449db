/** F05: the store that shares rates fails in every way it can, under a flood of sign-ins, runs and streams of events. */
import type { Run } from '@guildhall/contract';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock/index.ts';
import type { Logger } from '../../src/platform/telemetry/index.ts';
import { keeper } from '../api/agents.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { startRedis, type TestRedis } from '../harness/redis.ts';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';

const SIGN_IN_MAX = 5;
/** A quarter of it, and one at least, in the one process there is. */
const SIGN_IN_ALONE = 1;
const FLOOD = 30;
const RUNS = 6;
const ALARM_MS = 30_000;

interface Scene {
  readonly platform: TestPlatform;
  readonly owner: pg.Client;
  /** What was logged, newest last. */
  readonly lines: string[];
}

function recorder(lines: string[]): Logger {
  const write = (message: string): void => void lines.push(message);
  const logger: Logger = { debug: write, info: write, warn: write, error: write, fatal: write, child: () => logger };
  return logger;
}

async function openScene(environment: Readonly<Record<string, string>>): Promise<Scene> {
  const lines: string[] = [];
  const platform = await testPlatform({
    agents: asAgents(keeper),
    log: recorder(lines),
    environment: { LIMITS_SCALE: '1', TRUSTED_PROXIES: '1', ...environment },
  });
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  return { platform, owner, lines };
}

/** The statuses of many attempts at once from one source. */
const floodSignIn = async ({ platform }: Scene, source: string): Promise<number[]> =>
  Promise.all(
    Array.from({ length: FLOOD }, async (_, index) => {
      const answer = await fetch(`${platform.url}/v1/auth/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': source },
        // Each for somebody else: tries at one account are counted apart.
        body: JSON.stringify({ email: `${source}.${index}@example.com`, password: 'four words nobody knows' }),
      });
      await answer.bytes();
      return answer.status;
    }),
  );

/** Starts a run and follows its events to the end; both must come whole. */
async function runAndFollow({ platform }: Scene): Promise<void> {
  const { status, body } = await platform.call<Run>('POST', '/v1/agents/keeper/runs', { input: {} });
  expect(status).toBe(202);
  const events = await fetch(`${platform.url}/v1/runs/${body.id}/events`, {
    headers: { authorization: `Bearer ${platform.key}` },
  });
  expect(await events.text()).toContain('"status":"succeeded"');
}

const shared = async ({ platform }: Scene): Promise<string | undefined> => {
  const page = await (await fetch(`${platform.url}/metrics`)).text();
  return /^\w*rate_limits?_shared(?:\{[^}]*\})? (\d)/m.exec(page)?.[1];
};

const spent = async ({ platform }: Scene): Promise<bigint> => {
  const { body } = await platform.call<{ spent: { nanos: string }; held: { nanos: string } }>('GET', '/v1/balance');
  expect(body.held.nanos).toBe('0');
  return BigInt(body.spent.nanos);
};

let sources = 0;
function nextSource(): string {
  sources += 1;
  return `198.51.100.${sources}`;
}

interface Fault {
  break(scene: Scene): Promise<unknown>;
  mend(scene: Scene): Promise<unknown>;
  /** What a source may do at most until it is seen that the store answers again. */
  readonly signInsMax: number;
}

async function play(scene: Scene, fault: Fault): Promise<void> {
  const before = await spent(scene);
  await runAndFollow(scene);
  const price = (await spent(scene)) - before;
  const told = scene.lines.length;
  await fault.break(scene);
  const brokenMs = systemClock.monotonicMs();
  const [statuses] = await Promise.all([
    floodSignIn(scene, nextSource()),
    ...Array.from({ length: RUNS }, () => runAndFollow(scene)),
  ]);
  const admitted = statuses.filter((status) => status !== 429);
  expect(statuses.filter((status) => status !== 401 && status !== 429)).toEqual([]);
  expect(admitted.length).toBeGreaterThan(0);
  expect(admitted.length).toBeLessThanOrEqual(fault.signInsMax);
  const alarms = scene.lines.slice(told).filter((line) => line === 'rate limits are counted by each process alone');
  expect(alarms.length).toBeGreaterThan(0);
  expect(systemClock.monotonicMs() - brokenMs).toBeLessThan(ALARM_MS);
  expect(await spent(scene)).toBe(before + price * BigInt(RUNS + 1));
  await fault.mend(scene);
  await expect.poll(() => shared(scene), { timeout: 20_000, interval: 100 }).toBe('1');
  const after = await floodSignIn(scene, nextSource());
  expect(after.filter((status) => status !== 429)).toHaveLength(SIGN_IN_MAX);
}

describe('Redis', () => {
  let server: TestRedis;
  let proxy: TcpProxy;
  let redis: Redis;
  let scene: Scene;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startTcpProxy(server.port);
    redis = new Redis(server.url);
    scene = await openScene({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await scene.owner.end();
    await scene.platform.close();
    await proxy.close();
    await server.close();
  });

  test.each<[string, Fault]>([
    [
      'refuses connections',
      {
        signInsMax: SIGN_IN_ALONE,
        break: () => proxy.set('refused'),
        mend: () => proxy.set('open'),
      },
    ],
    [
      'takes everything and says nothing',
      {
        signInsMax: SIGN_IN_ALONE,
        break: () => proxy.set('hole'),
        mend: () => proxy.set('open'),
      },
    ],
    [
      'is out of memory',
      {
        signInsMax: SIGN_IN_ALONE,
        break: () => redis.config('SET', 'maxmemory', '1'),
        mend: () => redis.config('SET', 'maxmemory', '0'),
      },
    ],
    ['is emptied', { signInsMax: SIGN_IN_ALONE + SIGN_IN_MAX, break: () => redis.flushall(), mend: async () => {} }],
    [
      'has counts of another type',
      {
        signInsMax: SIGN_IN_ALONE + SIGN_IN_MAX,
        break: async () => {
          for (const name of await redis.keys('guildhall:rate:*')) await redis.set(name, 'theirs');
        },
        mend: async () => {},
      },
    ],
  ])(
    'that %s opens nothing to a guesser, loses nothing, and raises the alarm',
    (_, fault) => play(scene, fault),
    60_000,
  );
});

test('PostgreSQL whose table of rates is gone opens nothing to a guesser, loses nothing, and raises the alarm', async () => {
  const scene = await openScene({});
  try {
    await play(scene, {
      signInsMax: SIGN_IN_ALONE,
      break: ({ owner }) => owner.query('alter table platform.rate_window rename to rate_window_away'),
      mend: ({ owner }) => owner.query('alter table platform.rate_window_away rename to rate_window'),
    });
  } finally {
    await scene.owner.end();
    await scene.platform.close();
  }
}, 60_000);
