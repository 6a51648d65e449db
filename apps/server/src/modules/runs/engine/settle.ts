/** The end of a run: state, usage, money, outbox and audit in one transaction. */
import type { Tx } from '../../../platform/db/index.ts';
import type { RunsDeps } from '../deps.ts';
import { listChargedBelow, listLiveChildren, lockRun, markReversed, settleRun } from '../store/runs.ts';
import type { RunRow, StoredProblem, TerminalStatus } from '../types.ts';
import { LateCall, LostRun } from './signals.ts';

export interface End {
  readonly status: TerminalStatus;
  readonly output?: unknown;
  readonly error?: StoredProblem;
}

export interface Settlement {
  readonly run: RunRow;
  /** Undefined where no attempt owns the run. */
  readonly fence: bigint | undefined;
  readonly end: End;
}

/** Gives back what the runs were charged: usage first, because the books are locked last. */
async function giveBack(deps: RunsDeps, tx: Tx, charged: readonly RunRow[]): Promise<void> {
  for (const { id } of charged) await deps.metering.reverse(tx, { source: 'run', id, reversalId: `${id}:reversed` });
  for (const { hold_id: holdId } of charged)
    if (holdId) await deps.ledger.reverseCharge(tx, { holdId, reason: 'caller-did-not-succeed' });
}

/** One statement. The cost is cut to what the hold has left; the ledger fails the commit if it cannot charge all of it. */
function write(deps: RunsDeps, tx: Tx, { run, fence, end }: Settlement): Promise<boolean> {
  const succeeded = end.status === 'succeeded';
  const called = succeeded ? run.called_nanos : 0n;
  const room = run.hold_nanos - called;
  return settleRun(tx, {
    orgId: run.org_id,
    id: run.id,
    fence,
    status: end.status,
    output: end.output,
    error: end.error,
    costNanos: succeeded ? (run.base_nanos < room ? run.base_nanos : room) : 0n,
    calledNanos: called,
    eventId: deps.ids.make('evt'),
    auditId: deps.ids.make('aud'),
  });
}

/** Only an agent that calls others can have a bill beside its own; of one that is no longer offered, nobody knows. */
export function mayCall(deps: RunsDeps, run: RunRow): boolean {
  const agent = deps.catalog.find(run.agent_id);
  return agent === undefined || agent.plannedCalls !== undefined;
}

/**
 * Ends a run in the caller's transaction. False when it has ended already or another attempt owns it: then nothing was written. Call
 * `announceEnd` after the commit. @throws LateCall while something that it called lives.
 *
 * Row locks in order: run, the ended runs it called, task, caller's run, caller's task, usage, accounts, audit head. The last two are taken
 * only during the commit; where charges of called runs are given back, the accounts are taken by the last statements before it.
 */
export async function settleIn(deps: RunsDeps, tx: Tx, settlement: Settlement): Promise<boolean> {
  if (!mayCall(deps, settlement.run)) return write(deps, tx, settlement);
  // What the run called may have ended since its row was read.
  const run = (await lockRun(tx, settlement.run.id)) ?? settlement.run;
  const owned = run.finished_at === null && (settlement.fence === undefined || run.fence === settlement.fence);
  if (!owned) return false;
  // A call is admitted under the lock that is held here, so none can follow.
  if ((await listLiveChildren(tx, run.id)).length > 0) throw new LateCall();
  // A run that did not succeed costs nothing, and so does everything it called.
  const givesBack = settlement.end.status !== 'succeeded' && run.called_nanos > 0n;
  const charged = givesBack ? await listChargedBelow(tx, run.id) : [];
  const ids = charged.map(({ id }) => id);
  if (givesBack) await markReversed(tx, ids);
  const settled = await write(deps, tx, { ...settlement, run });
  // Called runs may have been marked above, so nothing of this transaction may stay.
  if (!settled) throw new LostRun();
  await giveBack(deps, tx, charged);
  await deps.failpoint('settle.before-commit');
  return true;
}

/** The same in a transaction of its own: a single statement where the run cannot have called another. */
export function settle(deps: RunsDeps, settlement: Settlement): Promise<boolean> {
  const { run } = settlement;
  if (!mayCall(deps, run)) return deps.db.direct((tx) => write(deps, tx, settlement));
  return deps.db.tenant(run.org_id, (tx) => settleIn(deps, tx, settlement));
}

/** Tells whoever waits; to be called after the commit of a settlement. */
export function announceEnd(deps: RunsDeps, run: RunRow, status: TerminalStatus): void {
  deps.bus.publish('run', run.id);
  deps.bus.publish('ended', run.id);
  deps.bus.publish('outbox', run.id);
  if (run.parent_run_id) deps.bus.publish('work', run.parent_run_id);
  const seconds = (deps.clock.now().getTime() - run.created_at.getTime()) / 1_000;
  deps.observer.ended({ agentId: run.agent_id, status, seconds });
}
