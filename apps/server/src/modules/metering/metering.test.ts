import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { sql } from '../../platform/db/index.ts';
import { createMetering, type Metering, type NewUsage, type UsageGroup } from './index.ts';

const ORG = 'org_a';
const NOW = new Date('2026-11-15T12:00:00.000Z');
let database: TestDatabase;
let owner: pg.Client;
let metering: Metering;
let elapsedMs: number;

beforeEach(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  // The database's clock is set to NOW, so that the months of this test stay the same for ever.
  await owner.query(`insert into platform.clock_shift (shift) values ($1::timestamptz - clock_timestamp())`, [NOW]);
  elapsedMs = 0;
  metering = createMetering({ db: database.db, clock: { now: () => NOW, monotonicMs: () => elapsedMs } });
  await metering.ensurePartitions();
});
afterEach(async () => {
  await owner.end();
  await database.close();
});

const use = (id: string, more: Partial<NewUsage> = {}): NewUsage => ({
  orgId: ORG,
  source: 'run',
  id,
  occurredAt: NOW,
  mode: 'live',
  runId: id,
  agentId: 'alpha',
  keyId: 'key_1',
  tier: 'basic',
  priceVersion: 1,
  costNanos: 100n,
  ...more,
});
const record = (usage: NewUsage) => database.db.tenant(usage.orgId, (tx) => metering.record(tx, usage));
const usage = (groupBy: UsageGroup, more: { from?: Date; to?: Date; mode?: 'live' | 'test' } = {}) =>
  database.db.tenant(ORG, (tx) => metering.usage(tx, { mode: 'live', groupBy, ...more }));
const code = (name: string) => expect.objectContaining({ spec: expect.objectContaining({ code: `metering.${name}` }) });
const partitions = async () => {
  const found = await owner.query<{ name: string }>(
    `select relid::regclass::text as name from pg_partition_tree('metering.usage') where isleaf order by 1`,
  );
  return found.rows.map((row) => row.name);
};

test('a record is counted once for ever, also when it comes again under another time', async () => {
  await record(use('run_1'));
  await record(use('run_1'));
  await record(use('run_1', { occurredAt: new Date('2026-10-20T00:00:00Z') }));
  expect(await usage('agent', { from: new Date('2026-10-01T00:00:00Z') })).toEqual([
    { key: 'alpha', runs: 1, calls: 0, inputTokens: 0, outputTokens: 0, costNanos: 100n },
  ]);
});

test('the same id with other content is a conflict, and another source or organisation is another record', async () => {
  await record(use('run_1'));
  await expect(record(use('run_1', { costNanos: 101n }))).rejects.toEqual(code('usage-conflict'));
  await expect(record(use('run_1', { keyId: 'key_2' }))).rejects.toEqual(code('usage-conflict'));
  await record(use('run_1', { source: 'gateway' }));
  await record(use('run_1', { orgId: 'org_b', costNanos: 7n }));
  expect(await usage('agent')).toMatchObject([{ runs: 2, costNanos: 200n }]);
});

test('twenty writers of one record at once make one', async () => {
  await Promise.all(Array.from({ length: 20 }, () => record(use('run_1'))));
  expect(await usage('agent')).toMatchObject([{ runs: 1 }]);
});

test('a record is taken back once, in the month it was made for', async () => {
  const october = new Date('2026-10-20T00:00:00Z');
  await record(use('run_1', { occurredAt: october, inputTokens: 10, outputTokens: 5, costNanos: 100n }));
  const reverse = (id: string) =>
    database.db.tenant(ORG, (tx) => metering.reverse(tx, { source: 'run', id, reversalId: `${id}.back` }));
  await reverse('run_1');
  await reverse('run_1');
  const [row] = await usage('agent', { from: new Date('2026-10-01T00:00:00Z'), to: new Date('2026-11-01T00:00:00Z') });
  expect(row).toEqual({ key: 'alpha', runs: 0, calls: 0, inputTokens: 0, outputTokens: 0, costNanos: 0n });
  expect(await metering.usageByRun(ORG)).toEqual([{ runId: 'run_1', costNanos: 0n }]);
  await expect(reverse('run_9')).rejects.toEqual(code('usage-not-found'));
});

test('usage is summed by each of its groups', async () => {
  await record(use('run_1', { inputTokens: 7, outputTokens: 3, model: 'm-1' }));
  await record(
    use('run_2', {
      agentId: 'beta',
      keyId: 'key_2',
      tier: 'solo',
      memberId: 'mem_1',
      occurredAt: new Date('2026-11-14T23:59:59.999Z'),
    }),
  );
  const keys = async (groupBy: UsageGroup) => (await usage(groupBy)).map((row) => row.key);
  expect(await keys('agent')).toEqual(['alpha', 'beta']);
  expect(await keys('key')).toEqual(['key_1', 'key_2']);
  expect(await keys('day')).toEqual(['2026-11-14', '2026-11-15']);
  expect(await keys('tier')).toEqual(['basic', 'solo']);
  expect(await keys('model')).toEqual(['m-1', 'none']);
  expect(await keys('member')).toEqual(['mem_1', 'none']);
  expect((await usage('model'))[0]).toEqual({
    key: 'm-1',
    runs: 1,
    calls: 0,
    inputTokens: 7,
    outputTokens: 3,
    costNanos: 100n,
  });
});

test('a period includes its start and excludes its end; live and test use are apart', async () => {
  const at = (text: string) => new Date(text);
  await record(use('run_1', { occurredAt: at('2026-11-10T00:00:00Z') }));
  await record(use('run_2', { occurredAt: at('2026-11-11T00:00:00Z') }));
  await record(use('run_3', { occurredAt: at('2026-11-10T12:00:00Z'), mode: 'test' }));
  const day = { from: at('2026-11-10T00:00:00Z'), to: at('2026-11-11T00:00:00Z') };
  expect(await usage('agent', day)).toMatchObject([{ runs: 1 }]);
  expect(await usage('agent', { ...day, mode: 'test' })).toMatchObject([{ runs: 1 }]);
  await expect(usage('agent', { from: day.to, to: day.from })).rejects.toEqual(code('period'));
  await expect(usage('agent', { from: at('2025-01-01T00:00:00Z'), to: at('2026-11-01T00:00:00Z') })).rejects.toEqual(
    code('period'),
  );
});

test('months are ready ahead of time, a record outside of them is refused aloud, and there is no default partition', async () => {
  const months = ['09', '10', '11', '12'].map((month) => `metering.usage_2026_${month}`);
  expect(await partitions()).toEqual(
    expect.arrayContaining([...months, 'metering.usage_2027_01', 'metering.usage_2027_02']),
  );
  expect((await partitions()).filter((name) => name.includes('default'))).toEqual([]);
  expect(await metering.ensurePartitions()).toBe(0);
  const far = new Date('2027-09-01T00:00:00Z');
  await expect(record(use('run_far', { occurredAt: far }))).rejects.toThrow('no partition');
  await owner.query(`update platform.clock_shift set shift = shift + interval '8 months'`);
  expect(await metering.ensurePartitions()).toBeGreaterThan(3);
  await record(use('run_far', { occurredAt: far }));
});

test('several processes may make the months at once', async () => {
  await owner.query(`update platform.clock_shift set shift = shift + interval '20 months'`);
  const made = await Promise.all([metering.ensurePartitions(), metering.ensurePartitions()]);
  expect(made.toSorted((a, b) => a - b)).toEqual([0, 6]);
});

test('no organisation sees the use of another, by whichever table', async () => {
  await record(use('run_1'));
  for (const table of ['metering.usage', 'metering.identity']) {
    const found = await database.db.tenant('org_b', (tx) => sql.raw(`select 1 from ${table}`).execute(tx));
    expect(found.rows, table).toEqual([]);
  }
  const month = (await partitions())[0];
  await expect(database.db.tenant(ORG, (tx) => sql.raw(`select 1 from ${month}`).execute(tx))).rejects.toThrow(
    'permission denied',
  );
  const forced = await owner.query(
    `select c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
     where n.nspname in ('metering', 'ledger', 'audit') and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  expect(forced.rows).toEqual([]);
});

test('no role changes or removes a record', async () => {
  await record(use('run_1'));
  for (const statement of [
    'update metering.usage set cost_nanos = 0',
    'delete from metering.usage',
    'delete from metering.identity',
  ]) {
    await expect(database.db.tenant(ORG, (tx) => sql.raw(statement).execute(tx))).rejects.toThrow('permission denied');
    await expect(owner.query(statement)).rejects.toThrow('append-only');
  }
  await expect(owner.query(`delete from metering.usage_2026_11`)).rejects.toThrow('append-only');
});

test('a record that was lost, doubled or invented behind our back is named', async () => {
  for (const id of ['run_1', 'run_2', 'run_3']) await record(use(id));
  expect(await metering.differences(ORG)).toEqual([]);
  await owner.query('set session_replication_role = replica');
  await owner.query(`delete from metering.usage where id = 'run_1'`);
  await owner.query(`insert into metering.usage select org_id, source, id, occurred_at + interval '1 s', recorded_at, mode, run_id, agent_id, key_id, member_id, tier, model,
    price_version, runs, input_tokens, output_tokens, cost_nanos, provider_cost_nanos, reverses from metering.usage where id = 'run_2'`);
  await owner.query(`delete from metering.identity where id = 'run_3'`);
  await owner.query('set session_replication_role = origin');
  const found = (await metering.differences(ORG)).map((difference) => `${difference.code} ${difference.object}`);
  expect(found.toSorted()).toEqual(['usage.duplicate run/run_2', 'usage.missing run/run_1', 'usage.unknown run/run_3']);
});

test('the opening price card is the published one', async () => {
  const book = await metering.priceBook();
  const rows = book.tiers.map((tier) => [
    tier.id,
    tier.baseNanos,
    tier.modelClass,
    tier.includedTokens,
    tier.outputTokensMax,
    tier.requestsPerMinute,
    tier.runsPerHour,
    tier.concurrentRuns,
    tier.tokensPerDay,
  ]);
  expect(rows).toEqual([
    ['solo', 5_000_000n, 'small', 5_000, 2_048, 20, 60, 1, 100_000],
    ['basic', 9_500_000n, 'small', 10_000, 4_096, 60, 200, 2, 500_000],
    ['silver', 38_000_000n, 'medium', 15_000, 6_144, 120, 500, 5, 2_000_000],
    ['standard', 47_500_000n, 'medium', 20_000, 8_192, 300, 1_000, 10, 10_000_000],
    ['premium', 76_000_000n, 'large', 25_000, 16_384, 600, 2_000, 20, 25_000_000],
    ['elite', 237_500_000n, 'largest', 30_000, 32_768, 1_200, 5_000, 50, 100_000_000],
    ['byok', 2_000_000n, 'own', undefined, undefined, 1_200, 5_000, 100, undefined],
  ]);
  expect(book).toMatchObject({ version: 1, defaultTier: 'standard', markupBasisPoints: 1_400 });
});

test('a new price card is in force at once where it was published, elsewhere within five seconds, and old versions keep their prices', async () => {
  const other = createMetering({ db: database.db, clock: { now: () => NOW, monotonicMs: () => elapsedMs } });
  const book = await other.priceBook();
  await metering.priceBook();
  const dearer = book.tiers.map((tier) => ({ ...tier, baseNanos: tier.baseNanos * 2n }));
  const agentPrices = [{ agentId: 'alpha', tierId: 'solo', baseNanos: 1n }];
  const version = await metering.publishPrices({
    ...book,
    effectiveFrom: NOW,
    note: 'dearer',
    tiers: dearer,
    agentPrices,
  });
  expect(version).toBe(2);
  expect(await metering.priceBook()).toMatchObject({ version: 2, agentPrices, tiers: dearer });
  expect((await other.priceBook()).version).toBe(1);
  elapsedMs += 5_001;
  expect((await other.priceBook()).version).toBe(2);
  expect((await other.priceBook(undefined, 1)).tiers).toEqual(book.tiers);
  await expect(other.priceBook(undefined, 9)).rejects.toEqual(code('price-version-not-found'));
});

test('a price card for later is not in force before its time', async () => {
  const book = await metering.priceBook();
  await metering.publishPrices({ ...book, effectiveFrom: new Date('2026-11-16T00:00:00Z'), note: 'tomorrow' });
  expect((await metering.priceBook()).version).toBe(1);
  await owner.query(`update platform.clock_shift set shift = shift + interval '1 day'`);
  elapsedMs += 5_001;
  expect((await metering.priceBook()).version).toBe(2);
});
