/** Runs that kill whoever executes them, among runs that do not; and steps that do not know when to stop. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { type Running, standBy } from './processes.ts';
import { openStage, type Stage, until } from './stage.ts';

// The engine gives a run up when this many workers in a row were lost with it.
const CRASHES_MAX = 6;
const WORKERS = 3;

/** Keeps as many workers alive as there should be, with a spare that has loaded its code. */
function keepWorkers(stage: Stage) {
  let isOver = false;
  const alive = new Set<Running>();
  const lanes = Array.from({ length: WORKERS }, async () => {
    let spare = standBy();
    while (!isOver) {
      const worker = await spare.go({ role: 'worker', ground: stage.ground });
      alive.add(worker);
      if (isOver) await worker.kill();
      spare = standBy();
      await worker.exited;
      alive.delete(worker);
    }
    spare.kill();
  });
  return {
    ready: () => alive.size === WORKERS,
    end: async () => {
      isOver = true;
      await Promise.all([...alive].map((worker) => worker.kill()));
      await Promise.all(lanes);
    },
  };
}

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;

/** Good runs one after the other at an even pace, until `isOver`; the times from start to end by the database's clock. */
async function goodRuns(stage: Stage, isOver: () => boolean): Promise<number[]> {
  const ids: string[] = [];
  while (!isOver()) {
    const reply = await stage.start('counting', { plan: ['none', 'none', 'none'], pauseMs: 100 });
    ids.push(String(reply?.body.id));
    await pause(100);
  }
  await until(
    'the good runs have ended',
    20_000,
    async () =>
      (await stage.query('select 1 from runs.run where finished_at is null and id = any ($1)', [ids])).length === 0,
  );
  const rows = await stage.query<{ ms: number; status: string; error: unknown }>(
    `select extract(epoch from finished_at - created_at)::float8 * 1000 as ms, status, error from runs.run where id = any ($1)`,
    [ids],
  );
  expect(rows.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  expect(rows).toHaveLength(ids.length);
  return rows.map(({ ms }) => ms);
}

it('a run that kills its workers is given up after six, while the others take at most twice as long as without it', async () => {
  const stage = await openStage({ ...(await testDatabase()), slots: 4 });
  const workers = keepWorkers(stage);
  try {
    await until('the workers are ready', 20_000, workers.ready);
    const calmUntil = performance.now() + 4_000;
    const calm = await goodRuns(stage, () => performance.now() > calmUntil);
    const poisoned = await stage.start('poison', {});
    let isGivenUp = false;
    const among = goodRuns(stage, () => isGivenUp);
    await until(
      'the poison is given up',
      60_000,
      async () => (await stage.query('select 1 from runs.dead_letter')).length > 0,
    );
    isGivenUp = true;
    const times = await among;
    expect(p95(times)).toBeLessThanOrEqual(2 * p95(calm));

    const [letter] = await stage.query('select run_id, crashes from runs.dead_letter');
    expect(letter).toEqual({ run_id: poisoned?.body.id, crashes: CRASHES_MAX });
    const [end] = await stage.query('select status, cost_nanos, error ->> $1 as code from runs.run where id = $2', [
      'code',
      poisoned?.body.id,
    ]);
    expect(end).toEqual({ status: 'failed', cost_nanos: '0', code: 'runs.dead-letter' });
    await stage.untilAllEnded(10_000);
    await until(
      'the outbox is empty',
      5_000,
      async () => (await stage.query('select 1 from platform.outbox')).length === 0,
    );
    expect(await findViolations(stage)).toEqual([]);
  } finally {
    await workers.end();
    await stage.close();
  }
}, 120_000);

it.each([
  { deed: 'loop', code: 'agent.sandbox-timeout' },
  { deed: 'output', code: 'agent.sandbox-output' },
  { deed: 'result', code: 'runs.step-too-large' },
])(
  'a step that ends in $deed is stopped, costs nothing, and holds up no other run',
  async ({ deed, code }) => {
    const stage = await openStage(await testDatabase());
    try {
      await stage.another('worker');
      await stage.start('runaway', { deed });
      const began = performance.now();
      await stage.start('counting', { plan: ['none', 'none'] });
      await until(
        'the other run has ended',
        5_000,
        async () =>
          (await stage.query(`select 1 from runs.run where agent_id = 'counting' and status = 'succeeded'`)).length > 0,
      );
      expect(performance.now() - began).toBeLessThan(5_000);
      await stage.untilAllEnded(15_000);
      const [end] = await stage.query(
        `select status, cost_nanos, error ->> 'code' as code from runs.run where agent_id = 'runaway'`,
      );
      expect(end).toEqual({ status: 'failed', cost_nanos: '0', code });
      await until(
        'the outbox is empty',
        5_000,
        async () => (await stage.query('select 1 from platform.outbox')).length === 0,
      );
      expect(await findViolations(stage)).toEqual([]);
    } finally {
      await stage.close();
    }
  },
  40_000,
);
