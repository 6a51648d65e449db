import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createBus } from '../bus/index.ts';
import { systemClock } from '../clock/index.ts';
import { sql } from '../db/index.ts';
import { noFailpoints } from '../failpoints/index.ts';
import { createIds } from '../ids/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createOutboxDispatcher, type OutboxEvent } from './index.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

test('an event whose reader fails stays, is handed out again under its id, and holds up no other', async () => {
  const { db } = database;
  const ids = createIds(systemClock);
  for (const type of ['bad', 'good']) {
    const data = JSON.stringify({});
    await db.tenant('org_a', (tx) =>
      sql`insert into platform.outbox (id, org_id, type, data) values (${ids.make('evt')}, 'org_a', ${type}, ${data}::jsonb)`.execute(
        tx,
      ),
    );
  }
  const left = async (): Promise<string[]> =>
    (await db.tenant('org_a', (tx) => sql<{ type: string }>`select type from platform.outbox`.execute(tx))).rows.map(
      (row) => row.type,
    );
  const bus = await createBus(db, ids.make('wrk'), () => {});
  const seen: OutboxEvent[] = [];
  let isBroken = true;
  const dispatcher = createOutboxDispatcher({
    db,
    bus,
    log: silentLogger,
    failpoint: noFailpoints,
    readers: [
      async (_, event) => {
        seen.push(event);
        if (isBroken && event.type === 'bad') throw new Error('a reader fails');
      },
    ],
  });
  try {
    await dispatcher.drain();
    expect(await left()).toEqual(['bad']);
    isBroken = false;
    await dispatcher.drain();
    expect(await left()).toEqual([]);
    expect(new Set(seen.filter(({ type }) => type === 'bad').map(({ id }) => id)).size).toBe(1);
    expect(seen.at(-1)?.type).toBe('bad');
  } finally {
    await dispatcher.stop();
    await bus.close();
  }
});
