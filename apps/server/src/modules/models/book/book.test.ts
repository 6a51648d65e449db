import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../../test/harness/database.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { type Db, sql } from '../../../platform/db/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import { createLedger, type Ledger } from '../../ledger/index.ts';
import { createMetering, type Metering } from '../../metering/index.ts';
import { createCallBook } from './book.ts';
import { costsByCall, sweepOne } from './store.ts';
import type { CallBook, CallEnd, CallHold, NewCall } from './types.ts';

const ids = createIds(systemClock);
const ORG = 'org_books';
let test: TestDatabase;
let db: Db;
let ledger: Ledger;
let metering: Metering;
let book: CallBook;

const newCall = (orgId = ORG, keyId = 'key_a'): NewCall => ({
  id: ids.make('mcl'),
  payer: { orgId, mode: 'live', keyId, agentId: 'gateway' },
  requestId: 'req_1',
  wire: 'chat',
  requested: 'gpt-4o-mini',
  model: 'openai/gpt-4o-mini',
  ownKey: false,
  streamed: false,
  priceId: 'mp_1',
  priceVersion: 1,
});
const holdOf = (amountNanos: bigint, livesMs = 60_000): CallHold => ({
  holdId: ids.make('hold'),
  amountNanos,
  tokensMax: 1_000,
  riskNanos: amountNanos / 2n,
  livesMs,
});
const endOf = (costNanos: bigint, change: Partial<CallEnd> = {}): CallEnd => ({
  status: 'succeeded',
  channelId: 'prv_1',
  attempts: [],
  usage: {
    input: 10,
    output: 5,
    cached: 0,
    cacheWrite: 0,
    cacheWriteLong: 0,
    reasoning: 0,
    images: 0,
    isCounted: false,
  },
  costNanos,
  providerCostNanos: costNanos,
  lossNanos: 0n,
  ...change,
});
async function openOrg(orgId: string, nanos: bigint): Promise<void> {
  await db.tenant(orgId, async (tx) => {
    await ledger.openAccounts(tx, { orgId });
    await ledger.grant(tx, { transferId: `${orgId}:credit`, orgId, amountNanos: nanos, reason: 'test' });
  });
}
const balance = (orgId = ORG) => db.tenant(orgId, (tx) => ledger.balance(tx, 'live'));
const findings = () =>
  ledger.verify({
    usageByRun: (orgId) => metering.usageByRun(orgId),
    usageDifferences: (orgId) => metering.differences(orgId),
    runHistory: (orgId) => db.system((tx) => costsByCall(tx, orgId)),
  });

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  ledger = createLedger({ db, ids });
  metering = createMetering({ db, clock: systemClock });
  book = createCallBook({ db, clock: systemClock });
  await openOrg(ORG, 1_000_000n);
});
afterAll(async () => {
  await book.close();
  await test.close();
});

describe('the books of calls', () => {
  it('reserve, charge the cost, give back the rest, and agree with usage and history', async () => {
    const call = newCall();
    const hold = holdOf(1_000n);
    expect(await book.begin(call, hold)).toEqual({ ok: true });
    expect(await balance()).toMatchObject({ heldNanos: 1_000n });
    expect(await book.end(call, hold, endOf(300n))).toEqual({ outcome: 'ok', chargedNanos: 300n });
    expect(await balance()).toEqual({ availableNanos: 999_700n, heldNanos: 0n, spentNanos: 300n });
    expect(await findings()).toEqual([]);
  });

  it('answer the same when asked the same again, and book it once', async () => {
    const before = await balance();
    const call = newCall();
    const hold = holdOf(1_000n);
    await Promise.all([book.begin(call, hold), createCallBook({ db, clock: systemClock }).begin(call, hold)]);
    const first = await book.end(call, hold, endOf(70n));
    expect(await book.end(call, hold, endOf(70n))).toEqual(first);
    expect((await balance()).spentNanos - before.spentNanos).toBe(70n);
    await expect(book.end(call, hold, endOf(71n))).rejects.toThrow(/conflict/);
    expect(await findings()).toEqual([]);
  });

  it('charge no more than the hold, and book the rest as the loss of the operator', async () => {
    const call = newCall();
    const hold = holdOf(100n);
    await book.begin(call, hold);
    expect(await book.end(call, hold, endOf(250n, { lossNanos: 130n }))).toEqual({ outcome: 'ok', chargedNanos: 100n });
    const [row] = (
      await db.tenant(ORG, (tx) =>
        sql<{
          cost_nanos: bigint;
          loss_nanos: bigint;
        }>`select cost_nanos, loss_nanos from models.call where id = ${call.id}`.execute(tx),
      )
    ).rows;
    expect(row).toEqual({ cost_nanos: 100n, loss_nanos: 130n });
    expect(await findings()).toEqual([]);
  });

  it('admit of a thousand calls at once, from four processes and over two organisations, exactly those the money covers', async () => {
    await openOrg('org_small', 10_000n);
    await openOrg('org_large', 10_000_000n);
    const books = [1, 2, 3, 4].map(() => createCallBook({ db, clock: systemClock }));
    const asked = Array.from({ length: 1_000 }, (_, index) => ({
      call: newCall(index % 2 ? 'org_small' : 'org_large'),
      hold: holdOf(1_000n),
      at: books[index % 4] as CallBook,
    }));
    const answers = await Promise.all(asked.map(({ call, hold, at }) => at.begin(call, hold)));
    const refused = answers.find((answer) => !answer.ok);
    expect(refused).toEqual({ ok: false, reason: 'balance', requiredNanos: 1_000n, availableNanos: 0n });
    const taken = asked.filter((_, index) => answers[index]?.ok);
    expect(taken.filter(({ call }) => call.payer.orgId === 'org_small')).toHaveLength(10);
    expect(taken.filter(({ call }) => call.payer.orgId === 'org_large')).toHaveLength(500);
    expect(await balance('org_small')).toEqual({ availableNanos: 0n, heldNanos: 10_000n, spentNanos: 0n });
    await Promise.all(taken.map(({ call, hold, at }, index) => at.end(call, hold, endOf(BigInt(index % 7) * 100n))));
    expect(await balance('org_small')).toMatchObject({ heldNanos: 0n });
    expect(await findings()).toEqual([]);
  });

  it('refuse by a hard budget of key or organisation in the same statement, and count what is held and spent', async () => {
    await openOrg('org_budget', 1_000_000n);
    await db.tenant('org_budget', async (tx) => {
      const scopeOf = (type: 'key' | 'organisation', id: string) => ({ type, id });
      await ledger.putBudget(tx, {
        orgId: 'org_budget',
        scope: scopeOf('key', 'key_a'),
        period: 'day',
        limitNanos: 2_500n,
        hard: true,
      });
      await ledger.putBudget(tx, {
        orgId: 'org_budget',
        scope: scopeOf('organisation', 'org_budget'),
        period: 'total',
        limitNanos: 4_000n,
        hard: true,
      });
    });
    const asked = Array.from({ length: 10 }, (_, index) => newCall('org_budget', index < 5 ? 'key_a' : 'key_b'));
    const holds = asked.map(() => holdOf(1_000n));
    const answers = await Promise.all(asked.map((call, index) => book.begin(call, holds[index] as CallHold)));
    expect(answers.slice(0, 5).filter((answer) => answer.ok)).toHaveLength(2);
    expect(answers.slice(5).filter((answer) => answer.ok)).toHaveLength(2);
    const byKey = answers[2];
    if (byKey === undefined || byKey.ok) throw new Error('the third hold passes the budget of its key');
    expect(byKey).toMatchObject({ reason: 'budget', availableNanos: 500n });
    expect(byKey.budget).toMatchObject({ scope: { type: 'key', id: 'key_a' }, period: 'day' });
    expect(byKey.budget?.resetsAt).toBeInstanceOf(Date);
    await Promise.all(
      asked.flatMap((call, index) =>
        answers[index]?.ok ? [book.end(call, holds[index] as CallHold, endOf(400n))] : [],
      ),
    );
    const budgets = await db.tenant('org_budget', (tx) => ledger.listBudgets(tx));
    expect(budgets.map((budget) => [budget.scope.type, budget.spentNanos, budget.heldNanos]).sort()).toEqual([
      ['key', 800n, 0n],
      ['organisation', 1_600n, 0n],
    ]);
    expect(await findings()).toEqual([]);
  });

  it('give an unsettled hold back when it expires, book what was at risk, and refuse a late settlement any charge', async () => {
    const before = await balance();
    const call = newCall();
    const hold = holdOf(1_000n, -1);
    await book.begin(call, hold);
    expect(await db.system(sweepOne)).toBe(true);
    expect(await db.system(sweepOne)).toBe(false);
    expect(await balance()).toEqual(before);
    expect(await book.end(call, hold, endOf(300n))).toEqual({ outcome: 'late', chargedNanos: 0n });
    const [row] = (
      await db.tenant(ORG, (tx) =>
        sql<{
          status: string;
          loss_nanos: bigint;
        }>`select status, loss_nanos from models.call where id = ${call.id}`.execute(tx),
      )
    ).rows;
    expect(row).toEqual({ status: 'lost', loss_nanos: 500n });
    expect(await balance()).toEqual(before);
    expect(await findings()).toEqual([]);
  });

  it('write an answer from the cache down without money', async () => {
    const before = await balance();
    const call = newCall();
    await book.hit(call, { usage: endOf(0n).usage, savedNanos: 42n });
    expect(await balance()).toEqual(before);
    const [row] = (
      await db.tenant(ORG, (tx) =>
        sql`select status, cached, saved_nanos, cost_nanos from models.call where id = ${call.id}`.execute(tx),
      )
    ).rows;
    expect(row).toEqual({ status: 'succeeded', cached: true, saved_nanos: 42n, cost_nanos: 0n });
    expect(await findings()).toEqual([]);
  });

  it('do not let one call without accounts spoil the others of its statement', async () => {
    const stray = newCall('org_nowhere');
    const good = newCall();
    const hold = holdOf(10n);
    const [strayAnswer, goodAnswer] = await Promise.allSettled([
      book.begin(stray, holdOf(10n)),
      book.begin(good, hold),
    ]);
    expect(strayAnswer.status).toBe('rejected');
    expect(goodAnswer).toEqual({ status: 'fulfilled', value: { ok: true } });
    await book.end(good, hold, endOf(1n));
  });
});
