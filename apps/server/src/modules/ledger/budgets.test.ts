import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Books, ORG_A, openBooks } from './fixture.ts';
import type { BudgetPeriod, BudgetScopeType, NewHold } from './types.ts';

let books: Books;
beforeEach(async () => {
  books = await openBooks();
  await books.grant(1_000_000n);
});
afterEach(async () => {
  expect(await books.ledger.verify()).toEqual([]);
  await books.close();
});

const put = (
  type: BudgetScopeType,
  id: string,
  limitNanos: bigint,
  more: { period?: BudgetPeriod; hard?: boolean } = {},
) =>
  books.asA((tx) =>
    books.ledger.putBudget(tx, {
      orgId: ORG_A,
      scope: { type, id },
      period: more.period ?? 'month',
      limitNanos,
      hard: more.hard ?? true,
    }),
  );
const list = () => books.asA((tx) => books.ledger.listBudgets(tx));
const only = async () => {
  const [budget] = await list();
  if (!budget) throw new Error('there is no budget');
  return budget;
};
const by = (agentId: string, keyId = 'key_1', memberId?: string): Partial<NewHold> => ({
  scopes: { keyId, agentId, memberId },
});
const code = (name: string) => expect.objectContaining({ spec: expect.objectContaining({ code: `ledger.${name}` }) });

test('a hard budget counts what is held and refuses the first nano beyond its limit', async () => {
  const budget = await put('organisation', ORG_A, 100n);
  await books.hold('hold_1', 60n);
  expect(await only()).toMatchObject({ spentNanos: 0n, heldNanos: 60n });
  expect(await books.hold('hold_2', 41n)).toEqual({
    ok: false,
    reason: 'budget',
    requiredNanos: 41n,
    availableNanos: 40n,
    budget: { id: budget.id, scope: budget.scope, period: 'month', resetsAt: budget.resetsAt },
  });
  expect(await books.hold('hold_2', 40n)).toEqual({ ok: true });
  await books.settle('hold_1', 25n);
  await books.release('hold_2');
  expect(await only()).toMatchObject({ spentNanos: 25n, heldNanos: 0n });
});

test('a refusal by one budget leaves the others and the balance untouched', async () => {
  await put('organisation', ORG_A, 1_000n);
  await put('agent', 'alpha', 10n);
  expect(await books.hold('hold_1', 11n)).toMatchObject({ ok: false, reason: 'budget', availableNanos: 10n });
  expect((await list()).map((budget) => budget.heldNanos)).toEqual([0n, 0n]);
  expect(await books.asA((tx) => books.ledger.balance(tx, 'live'))).toMatchObject({ heldNanos: 0n });
});

test.each([
  ['organisation', ORG_A],
  ['key', 'key_1'],
  ['member', 'member_1'],
  ['agent', 'alpha'],
] as const)('a budget of a %s counts the holds of that scope alone', async (type, id) => {
  await put(type, id, 10n);
  expect(await books.hold('hold_in', 11n, by('alpha', 'key_1', 'member_1'))).toMatchObject({
    ok: false,
    reason: 'budget',
  });
  const other = await books.hold('hold_out', 11n, by('beta', 'key_2', 'member_2'));
  expect(other.ok).toBe(type !== 'organisation');
});

test('a soft budget counts and refuses nothing', async () => {
  await put('organisation', ORG_A, 10n, { hard: false });
  expect(await books.hold('hold_1', 500n)).toEqual({ ok: true });
  await books.settle('hold_1', 400n);
  expect(await only()).toMatchObject({ spentNanos: 400n, heldNanos: 0n });
});

test('test keys are not budgeted', async () => {
  await put('organisation', ORG_A, 10n);
  expect(await books.hold('hold_1', 500n, { mode: 'test' })).toEqual({ ok: true });
  expect(await only()).toMatchObject({ heldNanos: 0n });
});

test('a hundred holds at once on a budget for ten: exactly ten', async () => {
  await put('key', 'key_1', 100n);
  await put('organisation', ORG_A, 5_000n);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => books.hold(`hold_${i}`, 10n)));
  expect(answers.filter((answer) => answer.ok)).toHaveLength(10);
  expect(new Set(answers.filter((answer) => !answer.ok).map((answer) => answer.reason))).toEqual(new Set(['budget']));
});

test('a new budget starts with what its scope has spent and reserved in the period', async () => {
  await books.hold('hold_1', 60n);
  await books.settle('hold_1', 35n);
  await books.hold('hold_2', 20n);
  await books.hold('hold_3', 20n, by('beta'));
  expect(await put('agent', 'alpha', 100n)).toMatchObject({ spentNanos: 35n, heldNanos: 20n });
  await books.settle('hold_2', 5n);
  expect(await only()).toMatchObject({ spentNanos: 40n, heldNanos: 0n });
});

test('replacing a budget keeps its id and its counters; removing it ends its refusals', async () => {
  const first = await put('organisation', ORG_A, 100n);
  await books.hold('hold_1', 60n);
  const second = await put('organisation', ORG_A, 70n);
  expect(second).toMatchObject({ id: first.id, limitNanos: 70n, heldNanos: 60n });
  expect(await books.hold('hold_2', 11n)).toMatchObject({ ok: false, reason: 'budget' });
  const remove = () => books.asA((tx) => books.ledger.removeBudget(tx, { scope: first.scope, period: 'month' }));
  expect((await remove()).id).toBe(first.id);
  await expect(remove()).rejects.toEqual(code('budget-not-found'));
  expect(await books.hold('hold_2', 11n)).toEqual({ ok: true });
});

test('a budget of an organisation names that organisation', async () => {
  await expect(put('organisation', 'org_b', 1n)).rejects.toEqual(code('budget-scope'));
});

test.each([
  ['day', '1 day'],
  ['month', '1 month'],
] as const)(
  'a %s budget starts over with the next period, and an older hold stays in the period it was taken in',
  async (period, length) => {
    await put('organisation', ORG_A, 100n, { period });
    await books.hold('hold_old', 100n);
    expect(await books.hold('hold_new', 1n)).toMatchObject({ ok: false, reason: 'budget' });
    await books.admin(`insert into platform.clock_shift (shift) values (interval '${length}')`);
    expect(await only()).toMatchObject({ spentNanos: 0n, heldNanos: 0n });
    expect(await books.hold('hold_new', 70n)).toEqual({ ok: true });
    await books.settle('hold_old', 90n);
    expect(await only()).toMatchObject({ spentNanos: 0n, heldNanos: 70n });
  },
);

test('a total budget never starts over', async () => {
  const budget = await put('organisation', ORG_A, 100n, { period: 'total' });
  expect(budget.resetsAt).toBeNull();
  await books.hold('hold_1', 100n);
  await books.settle('hold_1', 100n);
  await books.admin(`insert into platform.clock_shift (shift) values (interval '400 days')`);
  expect(await books.hold('hold_2', 1n)).toMatchObject({ ok: false, budget: { period: 'total', resetsAt: null } });
});

test('an agent called by another is bound by its own budget, and the tree counts once in all others', async () => {
  await put('organisation', ORG_A, 1_000n);
  await put('agent', 'alpha', 1_000n);
  await put('agent', 'beta', 100n);
  await books.hold('hold_root', 500n);
  const child = (agentId: string, parentHoldId = 'hold_root') => ({ ...by(agentId), parentHoldId });
  expect(await books.hold('hold_kid', 101n, child('beta'))).toMatchObject({
    ok: false,
    reason: 'budget',
    availableNanos: 100n,
  });
  expect(await books.hold('hold_kid', 100n, child('beta'))).toEqual({ ok: true });
  // The same agent again beneath itself is covered by what the first one reserved.
  expect(await books.hold('hold_grandkid', 60n, child('beta', 'hold_kid'))).toEqual({ ok: true });
  await books.settle('hold_grandkid', 40n);
  await books.settle('hold_kid', 10n);
  const counters = async () =>
    new Map((await list()).map((budget) => [budget.scope.id, [budget.spentNanos, budget.heldNanos]]));
  expect(await counters()).toEqual(
    new Map([
      [ORG_A, [50n, 450n]],
      ['alpha', [0n, 450n]],
      ['beta', [50n, 0n]],
    ]),
  );
  await books.settle('hold_root', 20n);
  expect(await counters()).toEqual(
    new Map([
      [ORG_A, [70n, 0n]],
      ['alpha', [20n, 0n]],
      ['beta', [50n, 0n]],
    ]),
  );
  await books.asA((tx) =>
    books.ledger.reverseCharge(tx, { holdId: 'hold_root', reason: 'refund', withDescendants: true }),
  );
  expect(await counters()).toEqual(
    new Map([
      [ORG_A, [0n, 0n]],
      ['alpha', [0n, 0n]],
      ['beta', [0n, 0n]],
    ]),
  );
});
