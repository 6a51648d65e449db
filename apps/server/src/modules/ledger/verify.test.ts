import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Books, ORG_A, openBooks, SCOPES } from './fixture.ts';
import { compareRuns, confirmed } from './rules.ts';

let books: Books;
beforeEach(async () => {
  books = await openBooks();
  await books.grant(1_000n);
  await books.asA((tx) =>
    books.ledger.putBudget(tx, {
      orgId: ORG_A,
      scope: { type: 'organisation', id: ORG_A },
      period: 'month',
      limitNanos: 900n,
      hard: true,
    }),
  );
  await books.hold('hold_done', 300n);
  await books.settle('hold_done', 120n);
  await books.hold('hold_open', 200n);
  await books.hold('hold_kid', 50n, { parentHoldId: 'hold_open', scopes: { ...SCOPES, agentId: 'beta' } });
  await books.settle('hold_kid', 30n);
  expect(await books.ledger.verify()).toEqual([]);
});
afterEach(() => books.close());

const named = async () => (await books.ledger.verify()).map((finding) => `${finding.code} ${finding.object}`);
const seqOf = (id: string) => `(select seq from ledger.transfer where id = '${id}')`;

test('a missing entry is named by its transfer', async () => {
  await books.tamper(`delete from ledger.entry where account = 'spent' and transfer_seq = ${seqOf('tr_done.end')}`);
  const found = await books.ledger.verify();
  expect(found).toContainEqual({
    code: 'transfer.unbalanced',
    orgId: ORG_A,
    object: 'tr_done.end',
    expected: '0',
    found: '-120',
  });
  expect(found.map((finding) => finding.code)).not.toContain('transfer.altered');
});

test('a transfer that vanished with all its entries is named by what it had moved', async () => {
  await books.tamper(
    `delete from ledger.entry where transfer_seq = ${seqOf('tr_done.end')}`,
    `delete from ledger.transfer where id = 'tr_done.end'`,
  );
  const found = await named();
  expect(found).toContain('account.balance live/spent');
  expect(found).toContain('hold.charge hold_done');
});

test('a balance that is not the sum of its entries is named by its account', async () => {
  await books.tamper(`update ledger.account set balance = balance + 1 where mode = 'live' and kind = 'available'`);
  expect(await named()).toEqual(['account.balance live/available']);
});

test('a booked transfer that was rewritten in balance is named', async () => {
  await books.tamper(`update ledger.entry set amount = amount * 2 where transfer_seq = ${seqOf('tr_done.end')}`);
  expect(await named()).toContain('transfer.altered tr_done.end');
});

test('a transfer that was booked for another run is named', async () => {
  await books.tamper(`update ledger.transfer set run_id = 'run_other' where id = 'tr_done.end'`);
  expect(await named()).toEqual(['transfer.altered tr_done.end']);
});

test('a held balance without its hold is named', async () => {
  await books.tamper(`update ledger.hold set state = 'released' where id = 'hold_open'`);
  expect(await named()).toContain('account.held live/held');
});

test('a hold whose figures do not follow from its children is named', async () => {
  await books.tamper(`update ledger.hold set drawn = drawn + 1 where id = 'hold_open'`);
  expect(await named()).toEqual(['hold.tree hold_open']);
});

test('a charge that was not booked is named by its hold', async () => {
  await books.tamper(
    `update ledger.hold set own_charged = own_charged + 5, charged = charged + 5 where id = 'hold_done'`,
  );
  expect(await named()).toContain('hold.charge hold_done');
});

test('budget counters that do not follow from the holds are named by the budget', async () => {
  const [budget] = await books.asA((tx) => books.ledger.listBudgets(tx));
  await books.tamper(`update ledger.budget set spent = spent - 1`);
  expect(await named()).toEqual([`budget.counters ${budget?.id}`]);
});

const usage = [
  { runId: 'run_done', costNanos: 120n },
  { runId: 'run_kid', costNanos: 30n },
];
const history = [
  { runId: 'run_done', ended: true, costNanos: 120n },
  { runId: 'run_kid', ended: true, costNanos: 30n },
  { runId: 'run_open', ended: false, costNanos: 0n },
];
const verifyWith = async (usageRows: typeof usage, runs: typeof history) => {
  const found = await books.ledger.verify({ usageByRun: async () => usageRows, runHistory: async () => runs });
  return found.map((finding) => `${finding.code} ${finding.object}`);
};

test('usage and history that agree with the ledger name nothing', async () => {
  expect(await verifyWith(usage, history)).toEqual([]);
});

test('usage that was lost, counted twice or invented is named by its run', async () => {
  expect(await verifyWith(usage.slice(1), history)).toEqual(['usage.ledger run_done']);
  expect(await verifyWith([{ runId: 'run_done', costNanos: 240n }, ...usage.slice(1)], history)).toEqual([
    'usage.ledger run_done',
  ]);
  expect(await verifyWith([...usage, { runId: 'run_ghost', costNanos: 1n }], history)).toEqual([
    'usage.ledger run_ghost',
  ]);
});

test('a run whose recorded cost is not what was charged is named', async () => {
  const runs = history.map((run) => (run.runId === 'run_done' ? { ...run, costNanos: 119n } : run));
  expect(await verifyWith(usage, runs)).toEqual(['run.cost run_done']);
});

test('an open hold of a run that has ended, and a charge without a run, are named', async () => {
  const runs = history.slice(1).map((run) => (run.runId === 'run_open' ? { ...run, ended: true } : run));
  expect(await verifyWith(usage, runs)).toEqual(['run.hold-open run_open', 'run.unknown run_done']);
});

test('a broken audit chain is named with the place where it breaks', async () => {
  const found = await books.ledger.verify({ brokenChains: async () => [{ orgId: ORG_A, seq: 7n, fault: 'deleted' }] });
  expect(found).toEqual([
    { code: 'audit.deleted', orgId: ORG_A, object: 'audit row 7', expected: 'an unbroken chain', found: 'deleted' },
  ]);
});

test('a run with nothing to pay agrees whether or not it left a usage record', () => {
  const charges = [{ runId: 'run_free', ownNanos: 0n, totalNanos: 0n, holdOpen: false }];
  expect(
    compareRuns({ orgId: ORG_A, charges, usage: [], history: [{ runId: 'run_free', ended: true, costNanos: 0n }] }),
  ).toEqual([]);
});

test('only what two readings show in the same way is a difference', () => {
  const finding = (object: string, found: string) => ({
    code: 'usage.ledger' as const,
    orgId: ORG_A,
    object,
    expected: '1',
    found,
  });
  const first = [finding('run_1', '0'), finding('run_2', '0'), finding('run_3', '0')];
  expect(confirmed(first, [finding('run_1', '0'), finding('run_2', '5')])).toEqual([finding('run_1', '0')]);
});
