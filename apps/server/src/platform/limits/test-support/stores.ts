/** The two places where processes meet, as tests see them: one contract is tested on both. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { testDatabase } from '../../../../test/harness/database.ts';
import { startRedis } from '../../../../test/harness/redis.ts';
import { Secret } from '../../crypto/index.ts';
import { createDb } from '../../db/index.ts';
import { createPostgresRateStore, createRedisRateStore, type RateStore } from '../index.ts';

export interface StoreKind {
  /** A store with connections of its own, as each process has one; closed with the kind. */
  store(): Promise<RateStore>;
  /** Lets time pass in the store; negative: its clock is set back. */
  pass(ms: number): Promise<void>;
  clear(): Promise<void>;
  keys(): Promise<readonly string[]>;
  /** What has been counted of the only subject there is. */
  used(): Promise<number>;
  /** For a program of its own that opens such a store. */
  readonly flood: readonly string[];
  close(): Promise<void>;
}

/** What is counted is looked at, and not how soon: a busy machine may take its time, and who gives up counts by itself, which has tests of its own. */
export const patient = <T extends RateStore>(store: T): T => ({ ...store, answersWithinMs: 30_000 });

export async function onPostgres(): Promise<StoreKind> {
  const made = await testDatabase();
  const owner = new pg.Client({ connectionString: made.ownerUrl });
  await owner.connect();
  const closers: (() => Promise<void>)[] = [];
  let shiftMs = 0;
  return {
    store: async () => {
      const db = createDb({
        appUrl: made.appUrl,
        systemUrl: made.systemUrl,
        appPoolMax: 3,
        systemPoolMax: 1,
        applicationName: 'limits',
        onIdleError: () => {},
      });
      closers.push(() => db.close());
      return patient(createPostgresRateStore(db));
    },
    pass: async (ms) => {
      shiftMs += ms;
      await owner.query('delete from platform.clock_shift');
      await owner.query('insert into platform.clock_shift (shift) values ($1)', [`${shiftMs} milliseconds`]);
    },
    clear: async () => {
      shiftMs = 0;
      await owner.query('truncate platform.rate_window; delete from platform.clock_shift');
    },
    keys: async () => {
      const { rows } = await owner.query<{ key: Buffer }>('select key from platform.rate_window');
      return rows.map(({ key }) => key.toString('latin1'));
    },
    used: async () => (await owner.query('select used from platform.rate_window')).rows[0].used,
    flood: ['postgres', made.appUrl, made.systemUrl],
    close: async () => {
      for (const close of closers) await close();
      await owner.end();
      await made.close();
    },
  };
}

// The end of every window comes nearer, and what has ended is forgotten, as Redis itself does.
const PASS = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  for _, key in ipairs(redis.call('KEYS', 'guildhall:rate:*')) do
    if redis.call('TYPE', key).ok == 'hash' then
      local ends = redis.call('HGET', key, 'ends') - ARGV[1]
      redis.call('HSET', key, 'ends', string.format('%.3f', ends))
      redis.call('PERSIST', key)
      if ends <= now then redis.call('DEL', key) end
    end
  end`;

export async function onRedis(): Promise<StoreKind> {
  const server = await startRedis();
  const owner = new Redis(server.url);
  const closers: (() => void)[] = [];
  const names = async () => (await owner.keys('*')).filter((name) => !name.endsWith('counts-are-whole'));
  return {
    store: async () => {
      const store = await createRedisRateStore(new Secret(server.url));
      closers.push(() => store.close());
      await store.ping();
      return patient(store);
    },
    pass: async (ms) => {
      await owner.eval(PASS, 0, ms);
    },
    clear: async () => {
      for (const name of await names()) await owner.del(name);
    },
    keys: names,
    used: async () => Number(await owner.hget((await names())[0] ?? '', 'used')),
    flood: ['redis', server.url],
    close: async () => {
      for (const close of closers) close();
      owner.disconnect();
      await server.close();
    },
  };
}
