import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startCluster, type TestCluster } from '../../../test/harness/cluster.ts';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createDb, type Db, isConnectionError, isRetryable, isUniqueViolation } from './db.ts';
import { sql } from './index.ts';

let database: TestDatabase;
let db: Db;

beforeEach(async () => {
  database = await testDatabase();
  db = database.db;
  await asOwner(`create table public.note (org_id text not null, n bigint constraint note_n unique);
    call platform.protect_tenant_table('public.note');
    create function public.count_all() returns bigint language sql as 'select count(*) from public.note';
    call platform.system_function('public.count_all()')`);
});

afterEach(() => database.close());

async function asOwner(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

const add = (orgId: string, n: number) =>
  db.tenant(orgId, (tx) => sql`insert into public.note values (${orgId}, ${n})`.execute(tx));
const notes = async (orgId: string) =>
  (await db.tenant(orgId, (tx) => sql<{ n: bigint }>`select n from public.note order by n`.execute(tx))).rows.map(
    (row) => row.n,
  );

test('a tenant sees and writes its own rows alone', async () => {
  await add('org_a', 1);
  await add('org_b', 2);
  expect(await notes('org_a')).toEqual([1n]);
  await expect(
    db.tenant('org_a', (tx) => sql`insert into public.note values ('org_b', 3)`.execute(tx)),
  ).rejects.toThrow('row-level security');
});

test('the tenant of one transaction does not leak into the next on the same connection', async () => {
  await add('org_a', 1);
  const rows = await db.open((tx) => sql`select n from public.note`.execute(tx));
  expect(rows.rows).toEqual([]);
});

test('the system role may call its functions and read no table', async () => {
  await add('org_a', 1);
  expect((await db.system((tx) => sql`select public.count_all() as n`.execute(tx))).rows).toEqual([{ n: 1n }]);
  await expect(db.system((tx) => sql`select n from public.note`.execute(tx))).rejects.toThrow('permission denied');
  await expect(db.open((tx) => sql`select public.count_all()`.execute(tx))).rejects.toThrow('permission denied');
});

test('a transaction whose work throws leaves nothing', async () => {
  const attempt = db.tenant('org_a', async (tx) => {
    await sql`insert into public.note values ('org_a', 1)`.execute(tx);
    throw new Error('changed my mind');
  });
  await expect(attempt).rejects.toThrow('changed my mind');
  expect(await notes('org_a')).toEqual([]);
});

test('a swallowed error of a statement cannot pass for a commit', async () => {
  await add('org_a', 1);
  const attempt = db.tenant('org_a', async (tx) => {
    await sql`insert into public.note values ('org_a', 2)`.execute(tx);
    await sql`insert into public.note values ('org_a', 1)`.execute(tx).catch(() => 'never mind');
  });
  await expect(attempt).rejects.toThrow('nothing was committed');
  expect(await notes('org_a')).toEqual([1n]);
});

test('a broken unique constraint is told by its name', async () => {
  await add('org_a', 1);
  const error = await add('org_a', 1).catch((thrown: unknown) => thrown);
  expect([isUniqueViolation(error), isUniqueViolation(error, 'note_n'), isUniqueViolation(error, 'other')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(isRetryable(error)).toBe(false);
});

test('a connection cut inside a transaction is a retryable error, and the pool goes on with another', async () => {
  const attempt = db.tenant('org_a', async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    await asOwner(`select pg_terminate_backend(${rows[0]?.pid}, 5000)`);
    await sql`select 1`.execute(tx);
  });
  const error = await attempt.catch((thrown: unknown) => thrown);
  expect(isConnectionError(error)).toBe(true);
  expect(isRetryable(error)).toBe(true);
  await add('org_a', 1);
  expect(await notes('org_a')).toEqual([1n]);
});

test('two transactions that wait for each other: one is told to try again', async () => {
  await add('org_a', 1);
  await add('org_a', 2);
  let arrived = 0;
  const bothIn = Promise.withResolvers<void>();
  const crossing = (first: number, second: number) =>
    db.tenant('org_a', async (tx) => {
      await sql`select 1 from public.note where n = ${first} for update`.execute(tx);
      arrived += 1;
      if (arrived === 2) bothIn.resolve();
      await bothIn.promise;
      await sql`select 1 from public.note where n = ${second} for update`.execute(tx);
    });
  const outcomes = await Promise.allSettled([crossing(1, 2), crossing(2, 1)]);
  const failed = outcomes.filter((each) => each.status === 'rejected');
  expect(failed).toHaveLength(1);
  expect(isRetryable(failed[0]?.reason)).toBe(true);
});

test('a listener hears each message once, also after the server was away', { timeout: 40_000 }, async () => {
  const cluster: TestCluster = await startCluster({ fsync: false });
  const own = createDb({
    appUrl: cluster.url(),
    systemUrl: cluster.url(),
    appPoolMax: 2,
    systemPoolMax: 1,
    applicationName: 'test',
    onIdleError: () => {},
  });
  try {
    const heard: string[] = [];
    const onGap = vi.fn();
    const stop = await own.listen(['news'], (channel, payload) => heard.push(`${channel}:${payload}`), onGap);
    const tell = (what: string) => own.direct((tx) => sql`select pg_notify('news', ${what})`.execute(tx));
    await tell('one');
    await vi.waitFor(() => expect(heard).toEqual(['news:one']));
    onGap.mockClear();
    await cluster.restartImmediate(1_200);
    await vi.waitFor(() => expect(onGap).toHaveBeenCalled(), { timeout: 10_000 });
    await vi.waitFor(() => tell('two'), { timeout: 10_000 });
    await vi.waitFor(() => expect(heard).toContain('news:two'), { timeout: 10_000 });
    const { rows } = await own.direct((tx) =>
      sql<{ n: bigint }>`select count(*) as n from pg_stat_activity where query = 'listen "news"'`.execute(tx),
    );
    expect(rows).toEqual([{ n: 1n }]);
    expect(heard).toEqual(['news:one', 'news:two']);
    await stop();
  } finally {
    await own.close();
    await cluster.close();
  }
});
