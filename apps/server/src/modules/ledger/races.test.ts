import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock/index.ts';
import { createDb, type Db } from '../../platform/db/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { type Books, ORG_A, openBooks, runOf, SCOPES } from './fixture.ts';
import { createLedger } from './index.ts';

let books: Books;
let pools: Db[];
beforeAll(async () => {
  books = await openBooks();
  // As many pools as there would be processes.
  pools = Array.from({ length: 4 }, () =>
    createDb({
      appUrl: books.database.appUrl,
      systemUrl: books.database.systemUrl,
      appPoolMax: 4,
      systemPoolMax: 1,
      applicationName: 'race',
      onIdleError: () => {},
    }),
  );
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await books.close();
});

test('1,000 holds at once from four pools on money for ten: exactly ten, and never over by one nano', async () => {
  await books.grant(100n);
  const ledgers = pools.map((db) => ({ db, ledger: createLedger({ db, ids: createIds(systemClock) }) }));
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => {
      const { db, ledger } = ledgers[i % ledgers.length] as (typeof ledgers)[number];
      const holdId = `hold_r${i}`;
      return db.tenant(ORG_A, (tx) =>
        ledger.hold(tx, { holdId, orgId: ORG_A, mode: 'live', runId: runOf(holdId), amountNanos: 10n, scopes: SCOPES }),
      );
    }),
  );
  expect(answers.filter((answer) => answer.ok)).toHaveLength(10);
  expect(await books.asA((tx) => books.ledger.balance(tx, 'live'))).toEqual({
    availableNanos: 0n,
    heldNanos: 100n,
    spentNanos: 0n,
  });
  const won = answers.flatMap((answer, i) => (answer.ok ? [`hold_r${i}`] : []));
  // Each is settled by four callers at once: all hear the same, one moves money.
  const settled = await Promise.all(
    won.flatMap((holdId) =>
      ledgers.map(({ db, ledger }) =>
        db.tenant(ORG_A, (tx) => ledger.settle(tx, { holdId, costNanos: 4n, runId: runOf(holdId) })),
      ),
    ),
  );
  expect(new Set(settled.map((answer) => answer.chargedNanos))).toEqual(new Set([4n]));
  expect(await books.asA((tx) => books.ledger.balance(tx, 'live'))).toEqual({
    availableNanos: 60n,
    heldNanos: 0n,
    spentNanos: 40n,
  });
  expect(await books.ledger.verify()).toEqual([]);
});

test('one grant repeated by many callers at once is booked once', async () => {
  const before = (await books.asA((tx) => books.ledger.balance(tx, 'live'))).availableNanos;
  const grant = { transferId: 'tr_race', orgId: ORG_A, amountNanos: 9n, reason: 'gift' };
  await Promise.all(
    pools.flatMap((db) => [1, 2, 3].map(() => db.tenant(ORG_A, (tx) => books.ledger.grant(tx, grant)))),
  );
  expect((await books.asA((tx) => books.ledger.balance(tx, 'live'))).availableNanos).toBe(before + 9n);
});

test('trees that are taken, settled, reversed and swept at the same time never wait for each other in a circle', async () => {
  await books.grant(1_000_000n);
  await books.asA((tx) =>
    books.ledger.putBudget(tx, {
      orgId: ORG_A,
      scope: { type: 'agent', id: 'beta' },
      period: 'day',
      limitNanos: 900_000n,
      hard: true,
    }),
  );
  const tree = async (db: Db, i: number) => {
    const root = `hold_t${i}`;
    const kid = `hold_t${i}k`;
    const scopes = { keyId: 'key_1', agentId: 'beta' };
    await db.tenant(ORG_A, (tx) =>
      books.ledger.hold(tx, {
        holdId: root,
        orgId: ORG_A,
        mode: 'live',
        runId: runOf(root),
        amountNanos: 50n,
        scopes: SCOPES,
      }),
    );
    await db.tenant(ORG_A, (tx) =>
      books.ledger.hold(tx, {
        holdId: kid,
        orgId: ORG_A,
        mode: 'live',
        runId: runOf(kid),
        amountNanos: 20n,
        parentHoldId: root,
        scopes,
      }),
    );
    await Promise.all([
      db.tenant(ORG_A, (tx) => books.ledger.settle(tx, { holdId: kid, costNanos: 5n, runId: runOf(kid) })),
      db.tenant(ORG_A, (tx) => books.ledger.settle(tx, { holdId: root, costNanos: 30n, runId: runOf(root) })),
      books.ledger.sweepExpired(),
    ]);
    if (i % 3 === 0)
      await db.tenant(ORG_A, (tx) =>
        books.ledger.reverseCharge(tx, { holdId: root, reason: 'refund', withDescendants: true }),
      );
  };
  await Promise.all(pools.flatMap((db, p) => Array.from({ length: 30 }, (_, i) => tree(db, p * 100 + i))));
  expect(await books.ledger.verify()).toEqual([]);
});
