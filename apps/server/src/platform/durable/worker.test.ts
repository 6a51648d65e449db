import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createBus } from '../bus/index.ts';
import { systemClock } from '../clock/index.ts';
import type { Db } from '../db/index.ts';
import { createIds } from '../ids/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createDurable, createWorker, type Outcome, type Worker } from './index.ts';

const POLL_MS = 20;
const POLLS_MAX = 500;

let made: TestDatabase;
let owner: pg.Client;
beforeEach(async () => {
  made = await testDatabase();
  owner = new pg.Client({ connectionString: made.ownerUrl });
  await owner.connect();
});
afterEach(async () => {
  await owner.end();
  await made.close();
});

async function eventually(is: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error('what was waited for did not come');
}
const exists = async (text: string): Promise<boolean> => ((await owner.query(text)).rowCount ?? 0) > 0;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** A worker whose traffic with the database is counted. */
async function openWorker(execute: () => Promise<Outcome> = async () => ({ kind: 'done' })) {
  const traffic = { begun: 0, open: 0 };
  const db: Db = {
    ...made.db,
    system: async (work) => {
      traffic.begun += 1;
      traffic.open += 1;
      try {
        return await made.db.system(work);
      } finally {
        traffic.open -= 1;
      }
    },
  };
  const bus = await createBus(made.db, 'test', () => {});
  const worker: Worker = await createWorker({
    db,
    bus,
    ids: createIds(systemClock),
    log: silentLogger,
    slots: 2,
    execute,
  });
  return { worker, bus, traffic };
}

describe('a worker that stops', () => {
  it('says farewell after the heartbeat under way, and has nothing under way then', async () => {
    const { worker, bus, traffic } = await openWorker();
    await owner.query('begin');
    await owner.query('select 1 from durable.worker for update');
    await eventually(() =>
      exists(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
    );
    const stopping = worker.stop(0);
    const { begun } = traffic;
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    expect(traffic.begun).toBe(begun);
    await owner.query('commit');
    await stopping;
    expect(traffic.open).toBe(0);
    expect(await exists('select 1 from durable.worker where ended_at is null')).toBe(false);
    await bus.close();
  });

  it('keeps its lease while it waits for its work to end', async () => {
    const work = Promise.withResolvers<Outcome>();
    const begun = Promise.withResolvers<void>();
    const { worker, bus } = await openWorker(() => {
      begun.resolve();
      return work.promise;
    });
    const task = { id: 'a', orgId: 'org_a', lane: 'live:standard', orgMax: 1, laneMax: 1 };
    await made.db.tenant('org_a', (tx) => createDurable(made.db).enqueue(tx, task));
    await begun.promise;
    const stopping = worker.stop(60_000);
    const { rows } = await owner.query<{ at: Date }>('select heartbeat_at as at from durable.worker');
    await eventually(() =>
      exists(
        `select 1 from durable.worker where heartbeat_at > '${rows[0]?.at.toISOString()}'::timestamptz + interval '500 milliseconds'`,
      ),
    );
    work.resolve({ kind: 'give-back', delayMs: 0 });
    await stopping;
    expect(await exists(`select 1 from durable.task where state = 'queued' and crashes = 0`)).toBe(true);
    await bus.close();
  });
});
