/** A worker dies at every named place while runs are under way; another one finishes them as if nothing had happened. */
import { describe, expect, it } from 'vitest';
import { FAILPOINTS, type FailpointName } from '../../src/platform/failpoints/index.ts';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { type Running, startProcess } from './processes.ts';
import { openStage, type Stage, until } from './stage.ts';

// A worker's lease (3 s from its last heartbeat), the reaper's half second, and a claim.
const TAKEOVER_MAX_MS = 5_000;
const DEATH_MAX_MS = 15_000;
const END_MAX_MS = 25_000;

async function withStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage(await testDatabase());
  try {
    await work(stage);
  } finally {
    await stage.close();
  }
}

/** Runs of every kind, through an API that may die on the way: started again elsewhere with the same key. */
async function startRuns(stage: Stage, url: string | undefined): Promise<void> {
  const wanted = [...Array.from({ length: 5 }, () => 'counting'), 'calling', 'asking'];
  await Promise.all(
    wanted.map(async (agent, index) => {
      const idempotencyKey = `start-${index}`;
      const first = await stage.start(agent, {}, url ? { url, idempotencyKey } : { idempotencyKey });
      if (first?.status === 202) return;
      const again = await stage.start(agent, {}, { idempotencyKey });
      expect(again?.status).toBe(202);
    }),
  );
}

interface Held {
  readonly id: string;
  readonly fence: string;
}

/** Starts a healthy worker and waits until it has taken over what the dead one held. */
async function takeOver(stage: Stage, dead: Running): Promise<number> {
  const held = await stage.query<Held>(
    `select t.id, t.fence from durable.task t join durable.worker w on w.id = t.worker_id where w.pid = $1`,
    [dead.pid],
  );
  await stage.another('worker');
  const began = performance.now();
  await until('everything is taken over', TAKEOVER_MAX_MS, async () => {
    const now = await stage.query<Held>('select id, fence from durable.task where id = any ($1)', [
      held.map(({ id }) => id),
    ]);
    // Taken from the dead worker (one more) and claimed by the living (one more), or over.
    return held.every(
      ({ id, fence }) => BigInt(now.find((task) => task.id === id)?.fence ?? 1e9) >= BigInt(fence) + 2n,
    );
  });
  return performance.now() - began;
}

async function expectWhole(stage: Stage): Promise<void> {
  await until(
    'the outbox is empty',
    5_000,
    async () => (await stage.query('select 1 from platform.outbox')).length === 0,
  );
  expect(await findViolations(stage)).toEqual([]);
}

/** Every effect of every counting run that ended well happened; none that must not be repeated was. */
async function expectEffects(stage: Stage): Promise<void> {
  expect(stage.counter.repeatedOnce()).toEqual([]);
  const ends = await stage.query<{ id: string; agent_id: string; status: string; parent_run_id: string | null }>(
    'select id, agent_id, status, parent_run_id from runs.run',
  );
  for (const { id, agent_id, status, parent_run_id } of ends) {
    const rejected = status === 'failed' && agent_id === 'counting' && stage.counter.onceUnder(`${id}:once 2#1`) === 1;
    expect(status === 'succeeded' || rejected, `${agent_id} ${id} ${status}`).toBe(true);
    if (status !== 'succeeded') continue;
    if (agent_id === 'asking') expect(stage.counter.effectiveOf(id)).toBe(2);
    if (agent_id === 'counting') expect(stage.counter.effectiveOf(id)).toBe(parent_run_id ? 1 : 2);
    if (agent_id === 'counting' && !parent_run_id) expect(stage.counter.onceUnder(`${id}:once 2#1`)).toBe(1);
  }
}

// Passages in the middle of the work, where the first one would tell little.
const PASSAGE: Partial<Record<FailpointName, number>> = {
  'step.after-work': 8,
  'step.after-checkpoint': 4,
};

// Calls of models by API have no run that another worker could finish: models-crash.test.ts is about them.
const OF_RUNS = FAILPOINTS.filter((name) => !name.startsWith('call.'));

describe.concurrent('a process that is killed', () => {
  it.each(OF_RUNS)(
    'at %s loses nothing, repeats no payment and bills nothing twice',
    async (name) => {
      await withStage(async (stage) => {
        const isApi = name.startsWith('admit.');
        const failpoint = `${name}=crash@${PASSAGE[name] ?? 1}`;
        const victim = await startProcess({ role: isApi ? 'api' : 'worker', ground: stage.ground, failpoint });
        await startRuns(stage, isApi ? victim.url : undefined);
        await until(`a death at ${name}`, DEATH_MAX_MS, async () => {
          await stage.decide();
          return !victim.isAlive();
        });
        expect(await victim.exited).toBe('SIGKILL');
        await takeOver(stage, victim);
        await stage.untilAllEnded(END_MAX_MS);
        expect(stage.acknowledged.size).toBe(7);
        await expectEffects(stage);
        await expectWhole(stage);
      });
    },
    60_000,
  );

  it.each([
    { decision: 'approve', happens: 2, ends: 'succeeded', cost: 47_500_000n },
    { decision: 'reject', happens: 1, ends: 'failed', cost: 0n },
  ])(
    'between a payment and its record leaves it to a person, whose $decision means $ends',
    async (expected) => {
      await withStage(async (stage) => {
        const victim = await startProcess({ role: 'worker', ground: stage.ground, failpoint: 'step.after-work=crash' });
        await stage.start('counting', { plan: ['once'] });
        await until('a death', DEATH_MAX_MS, () => !victim.isAlive());
        const [id = ''] = stage.acknowledged;
        await stage.another('worker');
        let asked: { id: string; kind: string }[] = [];
        await until('a question', END_MAX_MS, async () => {
          asked = await stage.query('select id, kind from runs.approval where decision is null');
          return asked.length > 0;
        });
        expect(asked).toMatchObject([{ kind: 'review' }]);
        expect(stage.counter.onceUnder(`${id}:once 0#1`)).toBe(1);
        expect((await stage.query<{ waiting_for: string }>('select waiting_for from runs.run'))[0]?.waiting_for).toBe(
          'review',
        );
        await stage.call('POST', `/v1/runs/${id}/approvals/${asked[0]?.id}`, { decision: expected.decision });
        await until(
          'an end',
          END_MAX_MS,
          async () => (await stage.query('select 1 from runs.run where finished_at is null')).length === 0,
        );
        const [end] = await stage.query<{ status: string; cost_nanos: string }>(
          'select status, cost_nanos from runs.run',
        );
        expect(end).toEqual({ status: expected.ends, cost_nanos: String(expected.cost) });
        expect(stage.counter.onceUnder(`${id}:once 0#1`)).toBe(expected.happens);
        await expectWhole(stage);
      });
    },
    60_000,
  );
});
