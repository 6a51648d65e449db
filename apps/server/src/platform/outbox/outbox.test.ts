import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { type Bus, createBus } from '../bus/index.ts';
import { systemClock } from '../clock/index.ts';
import { sql } from '../db/index.ts';
import { noFailpoints } from '../failpoints/index.ts';
import { createIds } from '../ids/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createOutbox, createOutboxDispatcher, type OutboxDispatcher, type OutboxReader } from './index.ts';

let made: TestDatabase;
let bus: Bus;
let dispatcher: OutboxDispatcher | undefined;
const outbox = createOutbox(createIds(systemClock));

beforeEach(async () => {
  made = await testDatabase();
  bus = await createBus(made.db, 'test', () => {});
});
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = undefined;
  await bus.close();
  await made.close();
});

const append = (type: string, orgId = 'org_a') =>
  made.db.tenant(orgId, (tx) => outbox.append(tx, { orgId, type, data: { type } }));
const dispatch = (...readers: OutboxReader[]) => {
  dispatcher = createOutboxDispatcher({ db: made.db, bus, log: silentLogger, readers, failpoint: noFailpoints });
  return dispatcher;
};
const left = async () =>
  (
    await made.db.tenant('org_a', (tx) =>
      sql<{ type: string }>`select type from platform.outbox order by position`.execute(tx),
    )
  ).rows;

describe('the outbox', () => {
  it('hands every event to every reader in order, in the organisation it belongs to, and forgets it', async () => {
    const seen: string[] = [];
    const reader =
      (name: string): OutboxReader =>
      async (tx, events) => {
        const org = await sql<{ org: string }>`select platform.current_org() as org`.execute(tx);
        for (const event of events) seen.push(`${name} ${event.type} ${org.rows[0]?.org}`);
      };
    await append('first.v1');
    await append('second.v1', 'org_b');
    await dispatch(reader('r1'), reader('r2')).drain();
    expect(seen).toEqual(['r1 first.v1 org_a', 'r2 first.v1 org_a', 'r1 second.v1 org_b', 'r2 second.v1 org_b']);
    expect(await left()).toEqual([]);
  });

  it('says nothing of a transaction that was rolled back', async () => {
    const failed = made.db.tenant('org_a', async (tx) => {
      await outbox.append(tx, { orgId: 'org_a', type: 'never.v1', data: {} });
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    expect(await left()).toEqual([]);
  });

  it('keeps what a reader cannot take, however many those are, and hands out all others', async () => {
    const seen: string[] = [];
    let broken = true;
    const reader: OutboxReader = async (_, events) => {
      if (broken && events.some((event) => event.type === 'poison.v1')) throw new Error('cannot take it');
      for (const event of events) seen.push(event.type);
    };
    await made.db.tenant('org_a', async (tx) => {
      for (let i = 0; i < 101; i += 1) await outbox.append(tx, { orgId: 'org_a', type: 'poison.v1', data: {} });
      await outbox.append(tx, { orgId: 'org_a', type: 'good.v1', data: {} });
    });
    const { drain } = dispatch(reader);
    await drain();
    expect(seen).toEqual(['good.v1']);
    expect((await left()).length).toBe(101);
    broken = false;
    await drain();
    expect(seen.filter((type) => type === 'poison.v1').length).toBe(101);
    expect(await left()).toEqual([]);
  });

  it('gives an event to one of several dispatchers', async () => {
    const seen: string[] = [];
    const reader: OutboxReader = async (_, events) => {
      for (const event of events) seen.push(event.id);
    };
    for (let i = 0; i < 20; i += 1) await append('shared.v1');
    const one = dispatch(reader);
    const two = createOutboxDispatcher({
      db: made.db,
      bus,
      log: silentLogger,
      readers: [reader],
      failpoint: noFailpoints,
    });
    try {
      await Promise.all([one.drain(), two.drain()]);
      expect(new Set(seen).size).toBe(20);
      expect(seen.length).toBe(20);
    } finally {
      await two.stop();
    }
  });
});
