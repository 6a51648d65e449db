import { afterAll, beforeAll, expect, test } from 'vitest';
import { sql } from '../../platform/db/index.ts';
import { type Books, ORG_A, openBooks, runOf, SCOPES } from './fixture.ts';
import { TEMPLATES, TEST_CREDIT_NANOS } from './index.ts';

let books: Books;
beforeAll(async () => {
  books = await openBooks();
});
afterAll(() => books.close());

const balance = () => books.asA((tx) => books.ledger.balance(tx, 'live'));
const code = (name: string) => expect.objectContaining({ spec: expect.objectContaining({ code: `ledger.${name}` }) });
/** Empties the live book of everything but its history, so that each test counts from zero. */
async function drain(): Promise<void> {
  const { availableNanos } = await balance();
  if (availableNanos > 0n) {
    const transferId = `tr_drain_${crypto.randomUUID()}`;
    await books.asA((tx) =>
      books.ledger.revoke(tx, { transferId, orgId: ORG_A, amountNanos: availableNanos, reason: 'drain' }),
    );
  }
}

test('accounts open once: live at zero, test with free credit', async () => {
  await books.asA((tx) => books.ledger.openAccounts(tx, { orgId: ORG_A }));
  const test = await books.asA((tx) => books.ledger.balance(tx, 'test'));
  expect(test).toEqual({ availableNanos: TEST_CREDIT_NANOS, heldNanos: 0n, spentNanos: 0n });
  expect((await balance()).availableNanos).toBe(0n);
});

test('a transfer id is booked once: same content does nothing, other content is a conflict', async () => {
  await drain();
  const grant = (amountNanos: bigint) =>
    books.asA((tx) => books.ledger.grant(tx, { transferId: 'tr_once', orgId: ORG_A, amountNanos, reason: 'gift' }));
  await grant(100n);
  await grant(100n);
  expect((await balance()).availableNanos).toBe(100n);
  await expect(grant(101n)).rejects.toEqual(code('transfer-conflict'));
  expect((await balance()).availableNanos).toBe(100n);
});

test('credit cannot be taken back beyond what is available, nor be given in nothing or less', async () => {
  await drain();
  await books.grant(50n);
  const revoke = (amountNanos: bigint) =>
    books.asA((tx) => books.ledger.revoke(tx, { transferId: 'tr_back', orgId: ORG_A, amountNanos, reason: 'back' }));
  await expect(revoke(51n)).rejects.toEqual(code('insufficient-credit'));
  await expect(revoke(0n)).rejects.toEqual(code('amount'));
  await revoke(50n);
  expect((await balance()).availableNanos).toBe(0n);
});

test('an organisation without accounts is refused by name', async () => {
  const orgId = 'org_none';
  const grant = { transferId: 'tr_x', orgId, amountNanos: 1n, reason: 'x' };
  await expect(books.database.db.tenant(orgId, (tx) => books.ledger.grant(tx, grant))).rejects.toEqual(
    code('accounts-missing'),
  );
  await expect(books.hold('hold_x', 1n, { orgId })).rejects.toEqual(code('accounts-missing'));
});

test('a hold is settled for its cost and the rest is available again', async () => {
  await drain();
  await books.grant(1_000n);
  expect(await books.hold('hold_s', 800n)).toEqual({ ok: true });
  expect(await balance()).toMatchObject({ availableNanos: 200n, heldNanos: 800n });
  const before = (await balance()).spentNanos;
  expect(await books.settle('hold_s', 300n)).toBe(300n);
  expect(await balance()).toEqual({ availableNanos: 700n, heldNanos: 0n, spentNanos: before + 300n });
});

test('no settlement charges more than the hold', async () => {
  await drain();
  await books.grant(1_000n);
  await books.hold('hold_cap', 400n);
  expect(await books.settle('hold_cap', 401n)).toBe(400n);
  expect(await balance()).toMatchObject({ availableNanos: 600n, heldNanos: 0n });
});

test('a hold larger than the balance is refused with what is missing, and the exact balance is accepted', async () => {
  await drain();
  await books.grant(1_000n);
  expect(await books.hold('hold_big', 1_001n)).toEqual({
    ok: false,
    reason: 'balance',
    requiredNanos: 1_001n,
    availableNanos: 1_000n,
  });
  expect(await books.hold('hold_exact', 1_000n)).toEqual({ ok: true });
  expect(await books.hold('hold_one', 1n)).toMatchObject({ ok: false, reason: 'balance', availableNanos: 0n });
  await books.release('hold_exact');
  expect(await balance()).toMatchObject({ availableNanos: 1_000n, heldNanos: 0n });
});

test('the same hold again answers ok and holds nothing more, even when the balance is gone by then', async () => {
  await drain();
  await books.grant(100n);
  await books.hold('hold_twice', 100n);
  expect(await books.hold('hold_twice', 100n)).toEqual({ ok: true });
  expect(await balance()).toMatchObject({ availableNanos: 0n, heldNanos: 100n });
  await expect(books.hold('hold_twice', 99n)).rejects.toEqual(code('hold-conflict'));
  await books.release('hold_twice');
});

test('a settled hold answers the same settlement as before and refuses every other end', async () => {
  await drain();
  await books.grant(100n);
  await books.hold('hold_done', 100n);
  await books.settle('hold_done', 60n);
  expect(await books.settle('hold_done', 60n)).toBe(60n);
  await expect(books.settle('hold_done', 61n)).rejects.toEqual(code('hold-conflict'));
  await expect(books.release('hold_done')).rejects.toEqual(code('hold-ended'));
  expect(await balance()).toMatchObject({ availableNanos: 40n, heldNanos: 0n });
});

test('a released hold can be neither settled nor released', async () => {
  await drain();
  await books.grant(100n);
  await books.hold('hold_rel', 100n);
  await books.release('hold_rel');
  await expect(books.settle('hold_rel', 10n)).rejects.toEqual(code('hold-ended'));
  await expect(books.release('hold_rel')).rejects.toEqual(code('hold-ended'));
  expect(await balance()).toMatchObject({ availableNanos: 100n, heldNanos: 0n });
});

test('a hold is settled only for the run it was taken for', async () => {
  await drain();
  await books.grant(100n);
  await books.hold('hold_mine', 100n);
  const other = books.asA((tx) => books.ledger.settle(tx, { holdId: 'hold_mine', costNanos: 1n, runId: 'run_other' }));
  await expect(other).rejects.toEqual(code('hold-conflict'));
  await expect(books.settle('hold_nowhere', 1n)).rejects.toEqual(code('hold-not-found'));
  await books.release('hold_mine');
});

test('a failed transaction leaves neither hold nor movement', async () => {
  await drain();
  await books.grant(100n);
  const failing = books.asA(async (tx) => {
    await books.ledger.hold(tx, {
      holdId: 'hold_f',
      orgId: ORG_A,
      mode: 'live',
      runId: 'run_f',
      amountNanos: 100n,
      scopes: SCOPES,
    });
    throw new Error('after the hold');
  });
  await expect(failing).rejects.toThrow('after the hold');
  expect(await balance()).toMatchObject({ availableNanos: 100n, heldNanos: 0n });
});

test('a test hold moves the test book alone', async () => {
  await drain();
  await books.grant(5n);
  expect(await books.hold('hold_t', 1_000n, { mode: 'test' })).toEqual({ ok: true });
  await books.settle('hold_t', 600n);
  const test = await books.asA((tx) => books.ledger.balance(tx, 'test'));
  expect(test).toEqual({ availableNanos: TEST_CREDIT_NANOS - 600n, heldNanos: 0n, spentNanos: 600n });
  expect((await balance()).availableNanos).toBe(5n);
});

test('operator costs are booked and taken back beside the customer, who does not see them', async () => {
  await drain();
  const before = await books.asA((tx) => books.ledger.entries(tx, { mode: 'live', limit: 200 }));
  const cost = { orgId: ORG_A, runId: 'run_l', amountNanos: 70n, reason: 'failed run' };
  await books.asA((tx) => books.ledger.bookOperatorCost(tx, { ...cost, transferId: 'tr_loss' }));
  await books.asA((tx) => books.ledger.reverseOperatorCost(tx, { ...cost, transferId: 'tr_loss_back' }));
  expect((await balance()).availableNanos).toBe(0n);
  expect(await books.asA((tx) => books.ledger.entries(tx, { mode: 'live', limit: 200 }))).toEqual(before);
});

test('a charge of a hold that is over is refunded to the customer, once', async () => {
  await drain();
  await books.grant(100n);
  await books.hold('hold_ref', 100n);
  await books.settle('hold_ref', 80n);
  const spent = (await balance()).spentNanos;
  const refund = () => books.asA((tx) => books.ledger.reverseCharge(tx, { holdId: 'hold_ref', reason: 'goodwill' }));
  expect(await refund()).toEqual({ reversedNanos: 80n });
  expect(await refund()).toEqual({ reversedNanos: 0n });
  expect(await balance()).toMatchObject({ availableNanos: 100n, spentNanos: spent - 80n });
});

test('pages of entries are whole, newest first, without a gap or a repetition', async () => {
  const all = await books.asA((tx) => books.ledger.entries(tx, { mode: 'live', limit: 200 }));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await books.asA((tx) => books.ledger.entries(tx, { mode: 'live', limit: 3, cursor }));
    seen.push(...page.data.map((entry) => entry.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(all.data.map((entry) => entry.id));
  expect(new Set(seen).size).toBe(seen.length);
  await expect(
    books.asA((tx) => books.ledger.entries(tx, { mode: 'live', limit: 3, cursor: '1 or 1' })),
  ).rejects.toEqual(code('cursor'));
});

test('every booked transfer has the lines of its template, and every template was used here', async () => {
  const rows = await books.admin(`select distinct t.template, e.account, sign(e.amount)::int as direction
    from ledger.transfer t join ledger.entry e on e.org_id = t.org_id and e.transfer_seq = t.seq`);
  const known = Object.entries(TEMPLATES).flatMap(([name, { lines }]) =>
    lines.map(([account, sign]) => `${name} ${account} ${sign}`),
  );
  const unknown = rows
    .map((row) => `${row.template} ${row.account} ${row.direction}`)
    .filter((line) => !known.includes(line));
  expect(unknown).toEqual([]);
  const used = new Set(rows.map((row) => row.template));
  // The one left out is the tree's, proven in tree.test.ts.
  expect(Object.keys(TEMPLATES).filter((name) => !used.has(name))).toEqual(['reverse-charge']);
});

test('entries that do not sum to zero cannot be written', async () => {
  const one = books.asA((tx) =>
    sql`insert into ledger.entry (org_id, transfer_seq, line, mode, account, amount) values (${ORG_A}, 1, 9, 'live', 'available', 5)`.execute(
      tx,
    ),
  );
  await expect(one).rejects.toThrow('do not sum to zero');
});

test('no role changes or removes a transfer or an entry', async () => {
  for (const statement of [
    'update ledger.entry set amount = 1',
    'delete from ledger.entry',
    'update ledger.transfer set reason = null',
    'delete from ledger.transfer',
  ]) {
    await expect(books.asA((tx) => sql.raw(statement).execute(tx))).rejects.toThrow('permission denied');
    await expect(books.admin(statement)).rejects.toThrow('append-only');
  }
  await expect(books.admin('truncate ledger.entry')).rejects.toThrow('append-only');
});

test('no account of the customer goes below zero, whatever writes it', async () => {
  for (const kind of ['available', 'held']) {
    const statement = sql`update ledger.account set balance = -1 where org_id = ${ORG_A} and mode = 'live' and kind = ${kind}`;
    await expect(books.asA((tx) => statement.execute(tx))).rejects.toThrow('never_negative');
  }
});

test('another organisation sees no row of these books and ends none of their holds', async () => {
  await books.grant(10n);
  await books.hold('hold_private', 10n);
  const { db } = books.database;
  for (const table of ['account', 'transfer', 'entry', 'hold', 'budget']) {
    const found = await db.tenant('org_b', (tx) => sql.raw(`select 1 from ledger.${table}`).execute(tx));
    expect(found.rows, table).toEqual([]);
  }
  const end = { holdId: 'hold_private', costNanos: 1n, runId: runOf('hold_private') };
  await expect(db.tenant('org_b', (tx) => books.ledger.settle(tx, end))).rejects.toEqual(code('hold-not-found'));
  const foreign = { transferId: 'tr_foreign', orgId: ORG_A, amountNanos: 1n, reason: 'x' };
  await expect(db.tenant('org_b', (tx) => books.ledger.grant(tx, foreign))).rejects.toEqual(code('accounts-missing'));
  await books.release('hold_private');
});

test('the application role cannot call what works across organisations', async () => {
  for (const call of [
    'ledger.sweep_one()',
    'ledger.organisations()',
    `ledger.differences('org_b')`,
    `ledger.charges_by_run('org_b')`,
  ]) {
    await expect(
      books.asA((tx) => sql.raw(`select ${call}`).execute(tx)),
      call,
    ).rejects.toThrow('permission denied');
  }
});

test('the books are whole after all of this', async () => {
  expect(await books.ledger.verify()).toEqual([]);
});
