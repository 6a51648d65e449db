/** Budgets on both paths at once: holds of runs, taken one by one, and holds of calls, taken in batches. */
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../../test/harness/database.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import {
  type BudgetPeriod,
  type BudgetScopeType,
  createLedger,
  type HoldAnswer,
  type Ledger,
} from '../../ledger/index.ts';
import { createCallBook } from './book.ts';
import { sweepOne } from './store.ts';
import type { CallBook, NewCall } from './types.ts';

const ids = createIds(systemClock);
const ORG = 'org_budgets';
let test: TestDatabase;
let owner: pg.Client;
let ledger: Ledger;
let books: readonly CallBook[];

beforeEach(async () => {
  test = await testDatabase();
  owner = new pg.Client({ connectionString: test.ownerUrl });
  await owner.connect();
  ledger = createLedger({ db: test.db, ids });
  books = Array.from({ length: 4 }, () => createCallBook({ db: test.db, clock: systemClock }));
  await asOrg(async (tx) => {
    await ledger.openAccounts(tx, { orgId: ORG });
    await ledger.grant(tx, { transferId: 'tr_credit', orgId: ORG, amountNanos: 10_000_000n, reason: 'test' });
  });
});
afterEach(async () => {
  expect(await ledger.verify()).toEqual([]);
  await Promise.all(books.map((book) => book.close()));
  await owner.end();
  await test.close();
});

type Tx = Parameters<Parameters<TestDatabase['db']['tenant']>[1]>[0];
const asOrg = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => test.db.tenant(ORG, work);
/** The clock of the database alone: the one of this process stays where it is, months away. */
const clockAt = async (instant: string): Promise<void> => {
  await owner.query(
    `insert into platform.clock_shift (shift) values (timestamptz '${instant}' - clock_timestamp())
     on conflict (single) do update set shift = excluded.shift`,
  );
  await owner.query('select metering.ensure_partitions()');
};

interface Scopes {
  readonly keyId: string;
  readonly agentId: string;
  readonly memberId: string;
}
const ME: Scopes = { keyId: 'key_1', agentId: 'alpha', memberId: 'member_1' };
const OTHER: Scopes = { keyId: 'key_2', agentId: 'beta', memberId: 'member_2' };

interface Taken {
  readonly answer: HoldAnswer;
  settle(costNanos: bigint): Promise<unknown>;
}
type Take = (amountNanos: bigint, scopes?: Scopes, livesMs?: number) => Promise<Taken>;

const byRun: Take = async (amountNanos, scopes = ME) => {
  const [holdId, runId] = [ids.make('hold'), ids.make('run')];
  const answer = await asOrg((tx) => ledger.hold(tx, { holdId, orgId: ORG, mode: 'live', runId, amountNanos, scopes }));
  return { answer, settle: (costNanos) => asOrg((tx) => ledger.settle(tx, { holdId, costNanos, runId })) };
};

const ON_CALLS: Omit<NewCall, 'id' | 'payer'> = {
  requestId: 'req_1',
  wire: 'chat',
  requested: 'gpt-4o-mini',
  model: 'openai/gpt-4o-mini',
  ownKey: false,
  streamed: false,
  priceId: 'mp_1',
  priceVersion: 1,
};
const USAGE = {
  input: 1,
  output: 1,
  cached: 0,
  cacheWrite: 0,
  cacheWriteLong: 0,
  reasoning: 0,
  images: 0,
  isCounted: false,
};
let turn = 0;
const byCall: Take = async (amountNanos, scopes = ME, livesMs = 60_000) => {
  turn += 1;
  const book = books[turn % books.length] as CallBook;
  const call: NewCall = { ...ON_CALLS, id: ids.make('mcl'), payer: { orgId: ORG, mode: 'live', ...scopes } };
  const hold = { holdId: ids.make('hold'), amountNanos, tokensMax: 10, riskNanos: 0n, livesMs };
  const answer = await book.begin(call, hold);
  const settle = (costNanos: bigint) =>
    book.end(call, hold, {
      status: 'succeeded',
      attempts: [],
      usage: USAGE,
      costNanos,
      providerCostNanos: 0n,
      lossNanos: 0n,
    });
  return { answer, settle };
};
const PATHS = [
  ['runs', byRun],
  ['calls', byCall],
] as const;

interface Wanted {
  readonly type?: BudgetScopeType;
  readonly id?: string;
  readonly period?: BudgetPeriod;
  readonly hard?: boolean;
  readonly alertAtNanos?: readonly bigint[];
}
const put = (limitNanos: bigint, { type = 'organisation', id = ORG, ...more }: Wanted = {}) =>
  asOrg((tx) =>
    ledger.putBudget(tx, { orgId: ORG, scope: { type, id }, period: 'day', limitNanos, hard: true, ...more }),
  );
const counters = async () =>
  (await asOrg((tx) => ledger.listBudgets(tx))).map(({ spentNanos, heldNanos }) => [spentNanos, heldNanos]);
interface Told {
  readonly data: {
    readonly threshold: { readonly percent: number | null; readonly amount: { readonly nanos: string } };
    readonly [name: string]: unknown;
  };
}
const told = async (): Promise<Told['data'][]> => {
  const found = await owner.query<Told>(
    `select data from platform.outbox where type = 'budget.threshold.v1' order by position`,
  );
  return found.rows.map(({ data }) => data);
};
const marks = async () => (await told()).map(({ threshold }) => threshold.percent ?? threshold.amount.nanos);

const SCOPE_IDS: readonly (readonly [BudgetScopeType, string])[] = [
  ['organisation', ORG],
  ['member', 'member_1'],
  ['key', 'key_1'],
  ['agent', 'alpha'],
];
const COMBINATIONS = SCOPE_IDS.flatMap(([type, id]) =>
  (['day', 'month', 'total'] as const).flatMap((period) =>
    [true, false].flatMap((hard) => PATHS.map(([path, take]) => ({ type, id, period, hard, path, take }))),
  ),
);

describe('a budget', () => {
  it('of every scope, period and kind counts both paths to the nano, and refuses beyond its limit if it is hard', async () => {
    await clockAt('2027-03-15T12:00:00Z');
    for (const { type, id, period, hard, path, take } of COMBINATIONS) {
      const name = `${type} ${period} ${hard ? 'hard' : 'soft'} by ${path}`;
      const where = { type, id, period, hard };
      const before = await put(0n, where);
      const limit = before.spentNanos + before.heldNanos + 100n;
      await put(limit, where);
      const first = await take(60n);
      expect(first.answer, name).toEqual({ ok: true });
      const second = await take(41n);
      if (hard)
        expect(second.answer, name).toMatchObject({
          ok: false,
          reason: 'budget',
          requiredNanos: 41n,
          availableNanos: 40n,
          budget: { id: before.id, scope: { type, id }, period, resetsAt: before.resetsAt },
        });
      else expect(second.answer, name).toEqual({ ok: true });
      const third = await take(40n);
      expect(third.answer, name).toEqual({ ok: true });
      expect((await take(1n)).answer.ok, name).toBe(!hard);
      const elsewhere = await take(7n, OTHER);
      expect(elsewhere.answer.ok, name).toBe(type !== 'organisation' || !hard);
      await first.settle(33n);
      await third.settle(40n);
      const [now] = await asOrg((tx) => ledger.listBudgets(tx));
      expect(now?.spentNanos, name).toBe(before.spentNanos + 73n);
      await asOrg((tx) => ledger.removeBudget(tx, { scope: { type, id }, period }));
    }
  });

  it.each(PATHS)('starts over with its period, in which what %s began before counts nothing', async (_, take) => {
    await clockAt('2027-03-31T23:59:50Z');
    await put(100n);
    await put(100n, { period: 'month' });
    await put(100n, { period: 'total' });
    const old = await take(100n);
    await clockAt('2027-04-01T00:00:10Z');
    expect((await take(1n)).answer).toMatchObject({ ok: false, budget: { period: 'total', resetsAt: null } });
    await put(300n, { period: 'total' });
    const young = await take(70n);
    await old.settle(90n);
    await young.settle(20n);
    expect((await counters()).sort()).toEqual([
      [110n, 0n],
      [20n, 0n],
      [20n, 0n],
    ]);
  });

  it.each(PATHS)('counts what %s takes after the database clock was set back over midnight', async (_, take) => {
    await put(100n);
    await put(1_000n, { period: 'month' });
    await clockAt('2027-04-01T00:20:00Z');
    const before = await take(10n);
    await clockAt('2027-03-31T23:20:00Z');
    const during = await take(80n);
    expect(await counters()).toEqual([
      [0n, 90n],
      [0n, 90n],
    ]);
    expect((await take(11n)).answer).toMatchObject({
      ok: false,
      availableNanos: 10n,
      budget: { resetsAt: new Date('2027-04-02T00:00:00Z') },
    });
    const made = await put(500n, { type: 'key', id: 'key_1' });
    expect(made).toMatchObject({ heldNanos: 90n, resetsAt: new Date('2027-04-02T00:00:00Z') });
    await during.settle(7n);
    await before.settle(3n);
    await clockAt('2027-04-01T00:20:00Z');
    expect(await counters()).toEqual([
      [10n, 0n],
      [10n, 0n],
      [10n, 0n],
    ]);
  });

  it('knows its periods by UTC, also on the days on which clocks are set', async () => {
    await owner.query("set timezone = 'Europe/Berlin'");
    const found = await owner.query<{ period: string; hours: number }>(`
      select p as period, extract(epoch from ledger.period_end(p, at) - ledger.period_start(p, at)) / 3600 as hours
      from unnest(array['day', 'month']) p, unnest(array['2027-03-28 00:30:00+00', '2027-03-28 02:30:00+00', '2027-10-31 00:30:00+00']::timestamptz[]) at
      order by 1, at`);
    expect(found.rows.map(({ period, hours }) => [period, Number(hours)])).toEqual([
      ['day', 24],
      ['day', 24],
      ['day', 24],
      ['month', 744],
      ['month', 744],
      ['month', 744],
    ]);
  });

  it('that is lowered while holds are open refuses at once, and counts them to their end', async () => {
    await put(1_000n);
    const [run, call] = [await byRun(300n), await byCall(300n)];
    await put(400n);
    for (const [, take] of PATHS)
      expect((await take(1n)).answer).toMatchObject({ ok: false, requiredNanos: 1n, availableNanos: 0n });
    await run.settle(250n);
    await call.settle(40n);
    expect(await counters()).toEqual([[290n, 0n]]);
    expect((await byCall(110n)).answer.ok && !(await byRun(1n)).answer.ok).toBe(true);
  });

  it('gets back what expired calls held, by the clock of the database', async () => {
    await put(100n);
    await byCall(100n, ME, 600_000);
    await clockAt('2027-01-01T00:00:00Z');
    expect((await byCall(100n, ME, 600_000)).answer).toEqual({ ok: true });
    const lives = await owner.query<{ s: number }>(
      `select extract(epoch from max(expires_at) - timestamptz '2027-01-01T00:00:00Z') as s from ledger.hold`,
    );
    expect(Number(lives.rows[0]?.s)).toBeGreaterThanOrEqual(600);
    expect(Number(lives.rows[0]?.s)).toBeLessThan(610);
    expect(await test.db.system(sweepOne)).toBe(true);
    expect(await test.db.system(sweepOne)).toBe(false);
    expect(await counters()).toEqual([[0n, 100n]]);
  });

  it('is passed by not one nano at any instant while both paths race for it', async () => {
    await put(1_000n, { type: 'key', id: 'key_1' });
    await put(100_000n);
    let isRacing = true;
    const seen: bigint[] = [];
    const watch = (async () => {
      while (isRacing) {
        const [found] = (
          await owner.query<{ sum: string }>(`select spent + held as sum from ledger.budget where scope_type = 'key'`)
        ).rows;
        seen.push(BigInt(found?.sum ?? -1));
      }
    })();
    const all = await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        const taken = await (i % 2 ? byRun : byCall)(100n);
        if (taken.answer.ok) await taken.settle(BigInt(i % 3) * 50n);
        return taken.answer;
      }),
    );
    isRacing = false;
    await watch;
    expect(all.some((answer) => answer.ok) && all.some((answer) => !answer.ok)).toBe(true);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.every((sum) => sum >= 0n && sum <= 1_000n)).toBe(true);
    const [byKey] = (await counters()).sort((a, b) => Number((a[0] ?? 0n) - (b[0] ?? 0n)));
    expect(byKey?.[1]).toBe(0n);
  });

  it('of a key goes on with the keys that take its place, before and after', async () => {
    await put(100n, { type: 'key', id: 'key_1' });
    const old = await byRun(40n);
    const follow = (keyId: string, successorId: string) =>
      asOrg((tx) => ledger.followKey(tx, { orgId: ORG, keyId, successorId }));
    await follow('key_1', 'key_1b');
    await follow('key_1b', 'key_1c');
    for (const [, take] of PATHS)
      for (const keyId of ['key_1', 'key_1b', 'key_1c'])
        expect((await take(61n, { ...ME, keyId })).answer).toMatchObject({
          ok: false,
          availableNanos: 60n,
          budget: { scope: { type: 'key', id: 'key_1c' } },
        });
    await old.settle(30n);
    const [run, call] = [await byRun(35n, { ...ME, keyId: 'key_1c' }), await byCall(35n, { ...ME, keyId: 'key_1b' })];
    expect((await byCall(1n, { ...ME, keyId: 'key_1c' })).answer.ok).toBe(false);
    await Promise.all([run.settle(5n), call.settle(6n)]);
    expect(await counters()).toEqual([[41n, 0n]]);
    // The same budget, by whichever of its keys it is named.
    expect(await put(200n, { type: 'key', id: 'key_1b' })).toMatchObject({ scope: { id: 'key_1c' }, spentNanos: 41n });
    await asOrg((tx) => ledger.removeBudget(tx, { scope: { type: 'key', id: 'key_1' }, period: 'day' }));
    expect(await put(200n, { type: 'key', id: 'key_1c' })).toMatchObject({ spentNanos: 41n });
    expect(await counters()).toHaveLength(1);
  });
});

describe('thresholds', () => {
  it('are told exactly once each by a thousand settlements over both paths', async () => {
    await put(100_000n, { alertAtNanos: [60_000n] });
    const all = await Promise.all(Array.from({ length: 1_000 }, (_, i) => (i % 2 ? byRun : byCall)(100n)));
    expect(all.every(({ answer }) => answer.ok)).toBe(true);
    expect(await told()).toEqual([]);
    await Promise.all(all.map(({ settle }, i) => settle(i % 10 === 0 ? 50n : 95n)));
    expect(await counters()).toEqual([[90_500n, 0n]]);
    expect(await marks()).toEqual([50, '60000', 80]);
  });

  it('say which budget, how much of it is spent, and when it starts over', async () => {
    await clockAt('2027-02-10T12:00:00Z');
    const { id } = await put(100n, { hard: false, period: 'month' });
    await (await byCall(70n)).settle(51n);
    const usd = (nanos: string) => ({ nanos, currency: 'USD' });
    expect(await told()).toEqual([
      {
        budgetId: id,
        mode: 'live',
        scope: { type: 'organisation', id: ORG },
        period: 'month',
        limit: usd('100'),
        hard: false,
        threshold: { percent: 50, amount: usd('50') },
        spent: usd('51'),
        held: usd('0'),
        periodStart: '2027-02-01T00:00:00.000Z',
        resetsAt: '2027-03-01T00:00:00.000Z',
      },
    ]);
  });

  it('are told anew in the next period, and not again where a refund is spent again', async () => {
    await clockAt('2027-02-10T12:00:00Z');
    await put(100n);
    const [holdId, runId] = [ids.make('hold'), ids.make('run')];
    await asOrg((tx) => ledger.hold(tx, { holdId, orgId: ORG, mode: 'live', runId, amountNanos: 90n, scopes: ME }));
    await asOrg((tx) => ledger.settle(tx, { holdId, costNanos: 60n, runId }));
    await asOrg((tx) => ledger.reverseCharge(tx, { holdId, reason: 'refund' }));
    expect(await counters()).toEqual([[0n, 0n]]);
    await (await byCall(100n)).settle(60n);
    expect(await marks()).toEqual([50]);
    await (await byRun(40n)).settle(40n);
    expect(await marks()).toEqual([50, 80, 100]);
    await clockAt('2027-02-11T12:00:00Z');
    const late = await byCall(100n);
    await clockAt('2027-02-12T12:00:00Z');
    await late.settle(100n);
    await (await byCall(50n)).settle(50n);
    // The settlement that came late was the last of its day, and told of it.
    expect(await marks()).toEqual([50, 80, 100, 50, 80, 100, 50]);
  });

  it('follow the limit and the amounts when the budget is replaced', async () => {
    await put(100n);
    await (await byRun(60n)).settle(60n);
    expect(await marks()).toEqual([50]);
    await put(70n);
    expect(await marks()).toEqual([50, 80]);
    await put(200n, { alertAtNanos: [10n, 90n] });
    expect(await marks()).toEqual([50, 80, '10']);
    await (await byCall(45n)).settle(45n);
    expect(await marks()).toEqual([50, 80, '10', '90', 50]);
    await put(0n, { type: 'agent', id: 'beta', hard: false });
    await (await byCall(5n, OTHER)).settle(1n);
    expect((await marks()).slice(5)).toEqual([50, 80, 100]);
  });

  it('are not told of a period that is over when its budget is replaced', async () => {
    await clockAt('2027-02-10T12:00:00Z');
    await put(100n);
    await (await byCall(60n)).settle(60n);
    await clockAt('2027-02-11T12:00:00Z');
    expect(await put(40n)).toMatchObject({ spentNanos: 0n });
    expect(await marks()).toEqual([50]);
  });

  it('of a budget that is put when they are passed already are told at once, and those of test calls never', async () => {
    await (await byRun(60n)).settle(60n);
    await put(100n);
    expect(await marks()).toEqual([50]);
  });
});
