import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { sql } from '../db/index.ts';
import { createDurable, type Durable, type NewTask } from './index.ts';

interface Row {
  id: string;
  org_id: string;
  fence: bigint;
  signals: bigint;
  crashes: number;
}

let made: TestDatabase;
let durable: Durable;
beforeEach(async () => {
  made = await testDatabase();
  durable = createDurable(made.db);
});
afterEach(() => made.close());

const enqueue = (task: Partial<NewTask> & { id: string; orgId: string }) =>
  made.db.tenant(task.orgId, (tx) =>
    durable.enqueue(tx, { lane: 'live:standard', orgMax: 100, laneMax: 100, ...task }),
  );
const register = (worker: string) =>
  made.db.system((tx) => sql`select durable.register(${worker}, 'test', 1)`.execute(tx));
const claim = async (worker: string, slots: number, after = ''): Promise<Row[]> =>
  (await made.db.system((tx) => sql<Row>`select * from durable.claim(${worker}, ${slots}, 1, ${after})`.execute(tx)))
    .rows;
const beat = async (worker: string, executing: string[] = []) =>
  (
    await made.db.system((tx) =>
      sql<{ cancelled: string[] }>`select * from durable.beat(${worker}, ${executing}::text[])`.execute(tx),
    )
  ).rows[0];
const reap = async (lease: string) =>
  (await made.db.system((tx) => sql<{ task_id: string }>`select * from durable.reap(${lease}::interval)`.execute(tx)))
    .rows;
const asOwner = async (text: string): Promise<void> => {
  const client = new pg.Client({ connectionString: made.ownerUrl });
  await client.connect();
  await client.query(text);
  await client.end();
};
const suspend = (row: Row) =>
  made.db.tenant(row.org_id, (tx) =>
    durable.suspend(tx, { id: row.id, fence: row.fence, signals: row.signals, dueAt: undefined }),
  );
const signal = (orgId: string, id: string) => made.db.tenant(orgId, (tx) => durable.signal(tx, id));
const many = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('claiming', () => {
  it('never exceeds the cap of a lane or of an organisation, whoever claims and however many at once', async () => {
    for (const worker of ['w1', 'w2', 'w3', 'w4']) await register(worker);
    for (const index of many(20)) {
      await enqueue({ id: `solo${index}`, orgId: 'org_a', lane: 'live:solo', laneMax: 1, orgMax: 5 });
      await enqueue({ id: `std${index}`, orgId: 'org_a', lane: 'live:standard', laneMax: 10, orgMax: 5 });
    }
    const taken = (await Promise.all(['w1', 'w2', 'w3', 'w4'].map((worker) => claim(worker, 10)))).flat();
    expect(taken.length).toBe(5);
    expect(taken.filter((row) => row.id.startsWith('solo')).length).toBe(1);
    expect(await claim('w1', 10)).toEqual([]);
  });

  it('gives every organisation its turn although one has queued far more', async () => {
    await register('w1');
    for (const index of many(200)) await enqueue({ id: `a${index}`, orgId: 'org_a' });
    for (const org of ['org_b', 'org_c', 'org_d']) await enqueue({ id: `${org}-1`, orgId: org });
    const taken = await claim('w1', 8);
    expect(new Set(taken.map((row) => row.org_id))).toEqual(new Set(['org_a', 'org_b', 'org_c', 'org_d']));
  });

  it('takes nothing for a worker that has lost its lease', async () => {
    await register('w1');
    await enqueue({ id: 'a', orgId: 'org_a' });
    await made.db.system((tx) => sql`select durable.leave('w1')`.execute(tx));
    expect(await claim('w1', 1)).toEqual([]);
  });

  it('gives a worker one task at a time of those that lost three workers in a row, and all others beside it', async () => {
    for (const id of ['a', 'b', 'c']) await enqueue({ id, orgId: 'org_a' });
    for (const worker of ['w1', 'w2', 'w3']) {
      await register(worker);
      expect(await claim(worker, 10)).toHaveLength(3);
      await reap('1 hour');
      expect(await reap('0 seconds')).toHaveLength(3);
    }
    for (const worker of ['w4', 'w5']) await register(worker);
    for (const id of ['d', 'e']) await enqueue({ id, orgId: 'org_a' });
    const first = await claim('w4', 10);
    expect(first.map(({ id }) => id).toSorted()).toEqual(['a', 'd', 'e']);
    expect(await claim('w4', 10)).toEqual([]);
    expect((await claim('w5', 10)).map(({ id }) => id)).toEqual(['b']);
    const a = first.find(({ id }) => id === 'a');
    if (!a) throw new Error('a was not claimed');
    await suspend(a);
    expect((await claim('w4', 10)).map(({ id }) => id)).toEqual(['c']);
  });

  it('leaves tasks of a newer version alone', async () => {
    await register('w1');
    await enqueue({ id: 'a', orgId: 'org_a' });
    const older = await made.db.system((tx) => sql<Row>`select * from durable.claim('w1', 1, 0, '')`.execute(tx));
    expect(older.rows).toEqual([]);
  });
});

describe('a lease', () => {
  it('that ran out gives the tasks to others under a higher fence and counts a crash', async () => {
    await register('w1');
    await register('w2');
    await enqueue({ id: 'a', orgId: 'org_a' });
    const [first] = await claim('w1', 1);
    await beat('w2');
    expect(await reap('1 hour')).toEqual([]);
    expect((await reap('0 seconds')).map((row) => row.task_id)).toEqual(['a']);
    expect(await beat('w1')).toBeUndefined();
    await register('w3');
    const [second] = await claim('w3', 1);
    expect(second?.crashes).toBe(1);
    expect(second && first && second.fence > first.fence).toBe(true);
    expect(await suspend(first as Row)).toBe('lost');
  });

  it('does not run while nobody could look, as when the server was away', async () => {
    await register('w1');
    await enqueue({ id: 'a', orgId: 'org_a' });
    await claim('w1', 1);
    await reap('3 seconds');
    const pass = async (seconds: string): Promise<void> => {
      await asOwner(`update durable.worker set heartbeat_at = heartbeat_at - interval '${seconds} seconds'`);
      await asOwner(`update durable.pulse set at = at - interval '${seconds} seconds'`);
    };
    await pass('60');
    expect(await reap('3 seconds')).toEqual([]);
    // A second of any silence counts, so one has passed; with two and a half more in which somebody looked, the lease is over.
    for (let i = 0; i < 2; i += 1) {
      await pass('0.9');
      expect(await reap('3 seconds')).toEqual([]);
    }
    await pass('0.9');
    expect((await reap('3 seconds')).map((row) => row.task_id)).toEqual(['a']);
  });

  it('that ran out gives work that was begun its old place, before work that came later', async () => {
    await register('w1');
    await enqueue({ id: 'begun', orgId: 'org_a' });
    await claim('w1', 1);
    await reap('3 seconds');
    await enqueue({ id: 'later', orgId: 'org_a' });
    await register('w2');
    await asOwner(`update durable.worker set heartbeat_at = heartbeat_at - interval '4 seconds' where id = 'w1'`);
    expect((await reap('3 seconds')).map((row) => row.task_id)).toEqual(['begun']);
    expect((await claim('w2', 1)).map((row) => row.id)).toEqual(['begun']);
  });

  it('that is renewed keeps what is executed and gives back what the worker does not know of', async () => {
    await register('w1');
    for (const id of ['known', 'unknown']) await enqueue({ id, orgId: 'org_a' });
    await claim('w1', 2);
    await made.db.tenant('org_a', (tx) =>
      sql`update durable.task set claimed_at = claimed_at - interval '1 minute'`.execute(tx),
    );
    await beat('w1', ['known']);
    await register('w2');
    expect((await claim('w2', 2)).map((row) => row.id)).toEqual(['unknown']);
  });
});

describe('waiting', () => {
  it('frees the slot until a signal, and a signal that came before is not lost', async () => {
    await register('w1');
    await enqueue({ id: 'a', orgId: 'org_a', laneMax: 1 });
    await enqueue({ id: 'b', orgId: 'org_a', laneMax: 1 });
    const [a] = await claim('w1', 5);
    expect(await suspend(a as Row)).toBe('waiting');
    const [b] = await claim('w1', 5);
    expect(b?.id).toBe('b');
    await signal('org_a', 'b');
    expect(await suspend(b as Row)).toBe('queued');
    await signal('org_a', 'a');
    expect((await claim('w1', 1)).length).toBe(1);
  });

  it('ends by its timer', async () => {
    await register('w1');
    await enqueue({ id: 'a', orgId: 'org_a' });
    const [a] = await claim('w1', 1);
    const dueAt = new Date(Date.now() + 60_000);
    await made.db.tenant('org_a', (tx) =>
      durable.suspend(tx, { id: 'a', fence: a?.fence ?? 0n, signals: a?.signals ?? 0n, dueAt }),
    );
    expect(await claim('w1', 1)).toEqual([]);
    await made.db.tenant('org_a', (tx) =>
      sql`update durable.task set due_at = due_at - interval '2 minutes'`.execute(tx),
    );
    expect((await claim('w1', 1)).length).toBe(1);
  });
});

describe('cancelling', () => {
  it('tells who executes the task, if anybody', async () => {
    await register('w1');
    for (const id of ['idle', 'busy']) await enqueue({ id, orgId: `org_${id}` });
    await claim('w1', 1, 'org_b');
    const cancel = (id: string) => made.db.tenant(`org_${id}`, (tx) => durable.requestCancel(tx, id));
    const states = {
      idle: await cancel('idle'),
      busy: await cancel('busy'),
      gone: await made.db.tenant('org_x', (tx) => durable.requestCancel(tx, 'gone')),
    };
    expect([states.idle, states.busy].toSorted()).toEqual(['idle', 'running']);
    expect(states.gone).toBe('gone');
    expect((await beat('w1', ['idle', 'busy']))?.cancelled.length).toBe(1);
  });
});

describe('isolation', () => {
  it('hides tasks from other organisations', async () => {
    await enqueue({ id: 'a', orgId: 'org_a' });
    const seen = await made.db.tenant('org_b', (tx) => sql`select * from durable.task`.execute(tx));
    expect(seen.rows).toEqual([]);
    await signal('org_b', 'a');
    const kept = await made.db.tenant('org_a', (tx) =>
      sql<{ signals: bigint }>`select signals from durable.task`.execute(tx),
    );
    expect(kept.rows).toEqual([{ signals: 0n }]);
  });
});
