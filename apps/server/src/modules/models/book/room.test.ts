/** The room of an organisation for calls: so many at once, and so many tokens a day. */
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../../test/harness/database.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import { createLedger, type Ledger } from '../../ledger/index.ts';
import { createCallBook } from './book.ts';
import { sweepOne } from './store.ts';
import type { CallBook, CallHold, CallRoom, NewCall } from './types.ts';

const ids = createIds(systemClock);
const ORG = 'org_room';
let database: TestDatabase;
let owner: pg.Client;
let ledger: Ledger;
let books: readonly CallBook[];

beforeEach(async () => {
  database = await testDatabase();
  const { db } = database;
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  ledger = createLedger({ db, ids });
  // As many as there would be processes.
  books = [1, 2, 3, 4].map(() => createCallBook({ db, clock: systemClock }));
  await db.tenant(ORG, async (tx) => {
    await ledger.openAccounts(tx, { orgId: ORG });
    await ledger.grant(tx, { transferId: 'tr_credit', orgId: ORG, amountNanos: 1_000_000n, reason: 'test' });
  });
});
afterEach(async () => {
  expect(await ledger.verify()).toEqual([]);
  await owner.end();
  await database.close();
});

const clockAt = async (instant: string): Promise<void> => {
  await owner.query(
    `insert into platform.clock_shift (shift) values (timestamptz '${instant}' - clock_timestamp())
     on conflict (single) do update set shift = excluded.shift`,
  );
  await owner.query('select metering.ensure_partitions()');
};
const room = async () =>
  (await owner.query(`select open, used::int, reserved::int from models.room where mode = 'live'`)).rows[0];

interface Asked {
  readonly tokensMax?: number;
  readonly amountNanos?: bigint;
  readonly mode?: 'live' | 'test';
  readonly livesMs?: number;
  readonly ownKey?: boolean;
}
let turn = 0;
async function begin(limits: Partial<CallRoom>, asked: Asked = {}) {
  turn += 1;
  const book = books[turn % books.length] as CallBook;
  const { tokensMax = 1_000, amountNanos = 10n, mode = 'live', livesMs = 600_000, ownKey = false } = asked;
  const call: NewCall = {
    id: ids.make('mcl'),
    payer: { orgId: ORG, mode, keyId: 'key_1', agentId: 'gateway' },
    requestId: 'req_1',
    wire: 'chat',
    requested: 'gpt-4o-mini',
    model: 'openai/gpt-4o-mini',
    ownKey,
    streamed: false,
    priceId: 'mp_1',
    priceVersion: 1,
  };
  const hold: CallHold = { holdId: ids.make('hold'), amountNanos, tokensMax, riskNanos: 0n, livesMs };
  const ask = () => book.begin(call, hold, { callsAtOnce: 1_000, tokensPerDay: undefined, ...limits });
  const answer = await ask().catch((error: unknown) => error);
  const end = (tokens: number) =>
    book.end(call, hold, {
      status: 'succeeded',
      attempts: [],
      usage: {
        input: tokens,
        output: 0,
        cached: 0,
        cacheWrite: 0,
        cacheWriteLong: 0,
        reasoning: 0,
        images: 0,
        isCounted: false,
      },
      costNanos: 1n,
      providerCostNanos: 0n,
      lossNanos: 0n,
    });
  return { answer, isBegun: typeof answer === 'object' && answer !== null && 'ok' in answer && answer.ok, ask, end };
}
const many = (count: number, limits: Partial<CallRoom>, asked?: Asked) =>
  Promise.all(Array.from({ length: count }, () => begin(limits, asked)));
const refusal = (answer: unknown) =>
  answer instanceof GuildhallError
    ? { status: answer.spec.status, code: answer.spec.code, seconds: answer.details.members?.retryAfterSeconds }
    : undefined;

test('of two hundred calls from four processes exactly as many are under way at once as may be', async () => {
  const all = await many(200, { callsAtOnce: 10 });
  const begun = all.filter(({ isBegun }) => isBegun);
  expect(begun).toHaveLength(10);
  const refused = all.find(({ isBegun }) => !isBegun);
  expect(refusal(refused?.answer)).toEqual({ status: 429, code: 'models.calls-at-once', seconds: 1 });
  await begun[0]?.end(5);
  expect((await many(20, { callsAtOnce: 10 })).filter(({ isBegun }) => isBegun)).toHaveLength(1);
  expect(await room()).toEqual({ open: 10, used: 5, reserved: 10_000 });
});

test('the tokens of a day are never passed, and what calls did not use is there for others', async () => {
  await clockAt('2027-05-05T18:00:00Z');
  const all = await many(50, { tokensPerDay: 10_500 });
  const begun = all.filter(({ isBegun }) => isBegun);
  expect(begun).toHaveLength(10);
  const told = refusal(all.find(({ isBegun }) => !isBegun)?.answer);
  expect(told).toMatchObject({ status: 429, code: 'models.tokens-per-day' });
  expect(Number(told?.seconds)).toBeGreaterThan(6 * 3_600 - 60);
  expect(Number(told?.seconds)).toBeLessThanOrEqual(6 * 3_600);
  expect((await begin({ tokensPerDay: 10_500 }, { tokensMax: 500 })).isBegun).toBe(true);
  await Promise.all(begun.map(({ end }) => end(15)));
  expect(await room()).toEqual({ open: 1, used: 150, reserved: 500 });
  expect((await many(50, { tokensPerDay: 10_500 })).filter(({ isBegun }) => isBegun)).toHaveLength(9);
});

test('a day begins anew by the clock of the database, does not begin twice, and keeps out what began before it', async () => {
  await clockAt('2027-05-05T23:59:00Z');
  const old = await begin({ tokensPerDay: 1_000 });
  expect((await begin({ tokensPerDay: 1_000 })).isBegun).toBe(false);
  await clockAt('2027-05-06T00:01:00Z');
  const young = await begin({ tokensPerDay: 1_000 });
  expect(young.isBegun).toBe(true);
  await clockAt('2027-05-05T23:01:00Z');
  expect((await begin({ tokensPerDay: 1_000 })).isBegun).toBe(false);
  await old.end(400);
  expect(await room()).toEqual({ open: 1, used: 0, reserved: 1_000 });
  await young.end(300);
  const back = await begin({ tokensPerDay: 1_000 }, { tokensMax: 700 });
  expect(back.isBegun).toBe(true);
  await back.end(1);
  expect(await room()).toEqual({ open: 0, used: 301, reserved: 0 });
});

test('what the money refuses, or is said again, takes no room twice', async () => {
  expect((await begin({}, { amountNanos: 2_000_000n })).answer).toMatchObject({ ok: false, reason: 'balance' });
  expect(await room()).toBeUndefined();
  const call = await begin({ callsAtOnce: 1, tokensPerDay: 1_000 });
  expect(await call.ask()).toEqual({ ok: true });
  expect(await room()).toEqual({ open: 1, used: 0, reserved: 1_000 });
  await call.end(7);
  await call.end(7);
  expect(await room()).toEqual({ open: 0, used: 7, reserved: 0 });
});

test('a call that nobody ended gives its room back when its hold expires', async () => {
  await begin({ callsAtOnce: 1 }, { livesMs: 0 });
  expect((await begin({ callsAtOnce: 1 })).isBegun).toBe(false);
  expect(await database.db.system(sweepOne)).toBe(true);
  expect(await room()).toEqual({ open: 0, used: 0, reserved: 0 });
  expect((await begin({ callsAtOnce: 1 })).isBegun).toBe(true);
});

test('live and test calls have rooms of their own', async () => {
  expect((await begin({ callsAtOnce: 1 })).isBegun).toBe(true);
  expect((await begin({ callsAtOnce: 1 }, { mode: 'test' })).isBegun).toBe(true);
  expect((await begin({ callsAtOnce: 1 }, { mode: 'test' })).isBegun).toBe(false);
});

test('tokens of a provider that the customer pays are not counted in the day', async () => {
  const own = await begin({}, { ownKey: true, tokensMax: 5_000 });
  const other = await begin({ tokensPerDay: 1_000 });
  expect([own.isBegun, other.isBegun]).toEqual([true, true]);
  await own.end(4_000);
  expect(await room()).toEqual({ open: 1, used: 0, reserved: 1_000 });
});
