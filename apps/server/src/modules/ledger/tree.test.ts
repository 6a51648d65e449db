import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Books, openBooks } from './fixture.ts';
import type { NewHold } from './types.ts';

let books: Books;
beforeEach(async () => {
  books = await openBooks();
  await books.grant(1_000n);
});
afterEach(async () => {
  expect(await books.ledger.verify()).toEqual([]);
  await books.close();
});

const balance = () => books.asA((tx) => books.ledger.balance(tx, 'live'));
const child = (parentHoldId: string, agentId = 'beta'): Partial<NewHold> => ({
  parentHoldId,
  scopes: { keyId: 'key_1', agentId },
});
const reverse = (holdId: string, withDescendants = false) =>
  books.asA((tx) => books.ledger.reverseCharge(tx, { holdId, reason: 'the root failed', withDescendants }));
const code = (name: string) => expect.objectContaining({ spec: expect.objectContaining({ code: `ledger.${name}` }) });

test('a child draws from its parent and moves no account', async () => {
  await books.hold('hold_root', 600n);
  expect(await books.hold('hold_kid', 400n, child('hold_root'))).toEqual({ ok: true });
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 600n, spentNanos: 0n });
  expect(await books.hold('hold_kid2', 201n, child('hold_root'))).toEqual({
    ok: false,
    reason: 'parent',
    requiredNanos: 201n,
    availableNanos: 200n,
  });
  expect(await books.hold('hold_kid2', 200n, child('hold_root'))).toEqual({ ok: true });
});

test('what a child does not use falls back to its parent, and the rest of the root to the balance', async () => {
  await books.hold('hold_root', 600n);
  await books.hold('hold_kid', 400n, child('hold_root'));
  expect(await books.settle('hold_kid', 150n)).toBe(150n);
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 450n, spentNanos: 150n });
  expect(await books.hold('hold_kid2', 450n, child('hold_root'))).toEqual({ ok: true });
  await books.release('hold_kid2');
  expect(await books.settle('hold_root', 100n)).toBe(100n);
  expect(await balance()).toEqual({ availableNanos: 750n, heldNanos: 0n, spentNanos: 250n });
});

test('a root is charged at most what its children left', async () => {
  await books.hold('hold_root', 600n);
  await books.hold('hold_kid', 500n, child('hold_root'));
  await books.settle('hold_kid', 500n);
  expect(await books.settle('hold_root', 600n)).toBe(100n);
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 0n, spentNanos: 600n });
});

test('the charge of a child whose root failed goes back through the hold of the root', async () => {
  await books.hold('hold_root', 600n);
  await books.hold('hold_kid', 400n, child('hold_root'));
  await books.settle('hold_kid', 150n);
  expect(await reverse('hold_kid')).toEqual({ reversedNanos: 150n });
  expect(await reverse('hold_kid')).toEqual({ reversedNanos: 0n });
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 600n, spentNanos: 0n });
  await books.release('hold_root');
  expect(await balance()).toEqual({ availableNanos: 1_000n, heldNanos: 0n, spentNanos: 0n });
});

test('a whole tree is reversed in one call', async () => {
  await books.hold('hold_root', 600n);
  await books.hold('hold_kid', 400n, child('hold_root'));
  await books.hold('hold_grandkid', 300n, child('hold_kid', 'gamma'));
  await books.settle('hold_grandkid', 120n);
  await books.settle('hold_kid', 50n);
  expect(await reverse('hold_root', true)).toEqual({ reversedNanos: 170n });
  await books.release('hold_root');
  expect(await balance()).toEqual({ availableNanos: 1_000n, heldNanos: 0n, spentNanos: 0n });
});

test('the end of a root closes what is open beneath it, and a settlement that comes later charges nothing', async () => {
  await books.hold('hold_root', 600n);
  await books.hold('hold_kid', 400n, child('hold_root'));
  await books.hold('hold_grandkid', 300n, child('hold_kid', 'gamma'));
  await books.settle('hold_root', 600n);
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 0n, spentNanos: 600n });
  expect(await books.settle('hold_grandkid', 300n)).toBe(0n);
  await books.release('hold_kid');
  expect(await balance()).toEqual({ availableNanos: 400n, heldNanos: 0n, spentNanos: 600n });
});

test('nothing can be drawn from a hold that has ended, is missing, or is in the other book', async () => {
  await books.hold('hold_root', 600n);
  await books.release('hold_root');
  expect(await books.hold('hold_late', 1n, child('hold_root'))).toMatchObject({
    ok: false,
    reason: 'parent',
    availableNanos: 0n,
  });
  await expect(books.hold('hold_orphan', 1n, child('hold_none'))).rejects.toEqual(code('hold-not-found'));
  await expect(books.hold('hold_mixed', 1n, { ...child('hold_root'), mode: 'test' })).rejects.toEqual(
    code('hold-not-found'),
  );
});

test('fifty children at once never draw more than their parent holds', async () => {
  await books.hold('hold_root', 100n);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => books.hold(`hold_k${i}`, 10n, child('hold_root'))),
  );
  expect(answers.filter((answer) => answer.ok)).toHaveLength(10);
  await books.release('hold_root');
  expect(await balance()).toMatchObject({ availableNanos: 1_000n, heldNanos: 0n });
});

test('an expired hold is swept back with everything beneath it; one that is still in time is not', async () => {
  const [row] = await books.admin(
    `select platform.now() + interval '1 hour' as soon, platform.now() + interval '3 hours' as later`,
  );
  // pg reads timestamptz columns as Date.
  const { soon, later } = row as { soon: Date; later: Date };
  await books.hold('hold_soon', 300n, { expiresAt: soon });
  await books.hold('hold_kid', 200n, child('hold_soon'));
  await books.hold('hold_later', 400n, { expiresAt: later });
  expect(await books.ledger.sweepExpired()).toBe(0);
  await books.admin(`insert into platform.clock_shift (shift) values (interval '2 hours')`);
  expect(await books.ledger.sweepExpired()).toBe(1);
  expect(await balance()).toEqual({ availableNanos: 600n, heldNanos: 400n, spentNanos: 0n });
  await expect(books.settle('hold_soon', 10n)).rejects.toEqual(code('hold-ended'));
});

test('expiry racing with settlement ends each hold exactly once', async () => {
  const count = 40;
  const [row] = await books.admin(`select platform.now() as now`);
  const { now } = row as { now: Date };
  const ids = Array.from({ length: count }, (_, i) => `hold_race${i}`);
  for (const id of ids) await books.hold(id, 10n, { expiresAt: now });
  const settled = Promise.allSettled(ids.map((id) => books.settle(id, 7n)));
  const [outcomes, swept] = await Promise.all([settled, books.ledger.sweepExpired()]);
  const charged = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
  expect(charged + swept).toBe(count);
  expect(await balance()).toEqual({
    availableNanos: 1_000n - 7n * BigInt(charged),
    heldNanos: 0n,
    spentNanos: 7n * BigInt(charged),
  });
});
