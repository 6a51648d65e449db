/** The invariants on a quiet system, and the fence under them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginAttempt } from '../../src/modules/runs/store/runs.ts';
import { checkpointRun, tell } from '../../src/modules/runs/store/steps.ts';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { openStage, type Stage, until } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage(await testDatabase());
});
afterAll(() => stage.close());

it('an attempt whose run was taken over records no step, tells no event, and the later one does', async () => {
  const reply = await stage.start('counting', { plan: ['none'] });
  const runId = String(reply?.body.id);
  const { db } = stage.server.foundation;
  expect(await beginAttempt(db, stage.orgId, runId, 1n)).toBeDefined();
  expect(await beginAttempt(db, stage.orgId, runId, 2n)).toBeDefined();
  const step = {
    index: 0,
    key: 'none 0#1',
    name: 'none 0',
    kind: 'step',
    effect: 'none',
    status: 'succeeded',
    attempt: 1,
    startedAt: new Date(),
    result: 0,
    error: undefined,
  } as const;
  const by = (fence: bigint) => ({ orgId: stage.orgId, runId, fence });
  const write = (fence: bigint) =>
    db.direct((tx) => checkpointRun(tx, { ...by(fence), step, artifacts: [], events: [] }));
  expect(await write(1n)).toBe(false);
  expect(await tell(db, by(1n), [{ type: 'log', data: {} }])).toBe(false);
  expect(await stage.query('select 1 from runs.step where run_id = $1', [runId])).toEqual([]);
  expect(await beginAttempt(db, stage.orgId, runId, 1n)).toBeUndefined();
  expect(await write(2n)).toBe(true);
  // A second result of a finished step would be a second truth.
  expect(await write(2n)).toBe(false);
  await stage.query('delete from runs.step where run_id = $1', [runId]);
  await stage.query("update runs.run set step_count = 0, fence = 0, status = 'queued', event_seq = 1 where id = $1", [
    runId,
  ]);
  await stage.query('delete from runs.event where run_id = $1 and seq > 1', [runId]);
});

it('runs that succeed, fail, call and ask leave every invariant whole', async () => {
  await stage.another('worker');
  await stage.start('counting', {});
  await stage.start('calling', {});
  await stage.start('asking', {});
  await stage.start('runaway', { deed: 'result' });
  await stage.untilAllEnded(15_000);
  await until(
    'the outbox is empty',
    5_000,
    async () => (await stage.query('select 1 from platform.outbox')).length === 0,
  );
  const ends = await stage.query<{ status: string }>('select distinct status from runs.run order by 1');
  expect(ends.map(({ status }) => status)).toEqual(['failed', 'succeeded']);
  expect(await findViolations(stage)).toEqual([]);
});
