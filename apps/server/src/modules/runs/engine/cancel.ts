/** Cancelling: at once where nobody executes the run, through its worker where one does. */

import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { problemOf } from '../rules.ts';
import { listLiveChildren, lockRun } from '../store/runs.ts';
import { isTerminal, type RunRow } from '../types.ts';
import { announceEnd, settleIn } from './settle.ts';

/** What is to be done after the commit. */
export type CancelEffect = 'none' | 'ended' | 'tell-worker' | 'wake';

/**
 * Asks for the end of a run in the caller's transaction. A run that has ended stays as it is. Lock order: run, task, books.
 * @throws 404 `runs.run-not-found`.
 */
export async function requestCancel(
  deps: RunsDeps,
  tx: Tx,
  runId: string,
): Promise<{ run: RunRow; effect: CancelEffect }> {
  const run = await lockRun(tx, runId);
  if (!run) throw new GuildhallError(runErrors.notFound);
  if (isTerminal(run.status)) return { run, effect: 'none' };
  const state = await deps.durable.requestCancel(tx, runId);
  if (state === 'running') return { run, effect: 'tell-worker' };
  const children = await listLiveChildren(tx, runId);
  if (children.length > 0) {
    // Its worker ends them first and then the run, so that the bill is complete.
    await deps.durable.signal(tx, runId);
    return { run, effect: 'wake' };
  }
  const settled = await settleIn(deps, tx, {
    run,
    fence: undefined,
    end: { status: 'cancelled', error: problemOf(runErrors.cancelled) },
  });
  return { run, effect: settled ? 'ended' : 'none' };
}

export function announceCancel(deps: RunsDeps, run: RunRow, effect: CancelEffect): void {
  if (effect === 'ended') announceEnd(deps, run, 'cancelled');
  if (effect === 'tell-worker') deps.bus.publish('cancel', run.id);
  if (effect === 'wake') deps.bus.publish('work', run.id);
}

/** The same in a transaction of its own, on behalf of the platform. */
export async function cancelRun(deps: RunsDeps, input: { orgId: string; runId: string; by: string }): Promise<void> {
  const { run, effect } = await deps.db.tenant(input.orgId, (tx) => requestCancel(deps, tx, input.runId));
  announceCancel(deps, run, effect);
}
