/** The end of a run: state, usage, money, outbox and audit in one transaction. */
import type { Tx } from '../../../platform/db/index.ts';
import type { RunsDeps } from '../deps.ts';
import { listBilledBelow, listLiveChildren, lockRun, markReversed, type RunEnd, settleRuns } from '../store/runs.ts';
import { clearCosts } from '../store/steps.ts';
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

/** One statement. The cost is cut to what the hold has left; the ledger fails the commit if it cannot charge all of it. */
function endOf(deps: RunsDeps, { run, fence, end }: Settlement, calledNanos: bigint): RunEnd {
  const succeeded = end.status === 'succeeded';
  const room = run.hold_nanos - calledNanos;
  return {
    orgId: run.org_id,
    id: run.id,
    fence,
    status: end.status,
    output: end.output,
    error: end.error,
    costNanos: succeeded ? (run.base_nanos < room ? run.base_nanos : room) : 0n,
    calledNanos,
    eventId: deps.ids.make('evt'),
    auditId: deps.ids.make('aud'),
  };
}

async function write(deps: RunsDeps, tx: Tx, settlement: Settlement, calledNanos: bigint): Promise<boolean> {
  const [settled = false] = await settleRuns(tx, [endOf(deps, settlement, calledNanos)]);
  return settled;
}

/** What remains of the bill of a run, and how to give back the rest of it; the latter is to be called last, because it locks the books. */
interface Bill {
  readonly calledNanos: bigint;
  giveBack(): Promise<void>;
}

/**
 * A run that succeeded pays for all that it called. One that failed pays for nothing, nor does what it called. One that was cancelled pays
 * for the use of models until then, by itself and by what it called.
 */
async function billOf(deps: RunsDeps, tx: Tx, run: RunRow, status: TerminalStatus): Promise<Bill> {
  if (status === 'succeeded') return { calledNanos: run.called_nanos, giveBack: async () => {} };
  const below = await listBilledBelow(tx, run.id);
  const ids = [run.id, ...below.map(({ id }) => id)];
  const { runCalls } = deps.models;
  const kept = status === 'cancelled' ? sumUpwards(below, await runCalls.charged(tx, ids)) : new Map<string, bigint>();
  const called = (id: string): bigint => kept.get(id) ?? 0n;
  await markReversed(
    tx,
    below.map(({ id }) => ({ id, calledNanos: called(id) })),
  );
  const charged = below.filter((row) => row.cost_nanos > 0n);
  for (const { id } of charged) await deps.metering.reverse(tx, { source: 'run', id, reversalId: `${id}:reversed` });
  if (status === 'failed') await clearCosts(tx, ids);
  const backForModels = status === 'failed' ? await runCalls.giveBack(tx, run.org_id, ids) : async () => {};
  return {
    calledNanos: called(run.id),
    giveBack: async () => {
      await backForModels();
      for (const { hold_id: holdId } of charged)
        if (holdId) await deps.ledger.reverseCharge(tx, { holdId, reason: 'caller-did-not-succeed' });
    },
  };
}

/** Adds to each run what was spent beneath it. `below` comes deepest first. */
function sumUpwards(below: readonly RunRow[], own: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> {
  const sums = new Map(own);
  for (const { id, parent_run_id: above } of below)
    if (above) sums.set(above, (sums.get(above) ?? 0n) + (sums.get(id) ?? 0n));
  return sums;
}

/** Only an agent that calls others or models can have a bill beside its own; of one that is no longer offered, nobody knows. */
export function mayCall(deps: RunsDeps, run: RunRow): boolean {
  const agent = deps.catalog.find(run.agent_id);
  return agent?.plannedCalls !== undefined || agent?.plannedModelUse !== undefined || agent === undefined;
}

/** Nobody called it and it calls nobody, so its statements may share a transaction with those of others. */
export const isAlone = (deps: RunsDeps, run: RunRow): boolean => run.parent_run_id === null && !mayCall(deps, run);

/**
 * Ends a run in the caller's transaction. False when it has ended already or another attempt owns it: then nothing was written. Call
 * `announceEnd` after the commit. @throws LateCall while something that it called lives.
 *
 * Row locks in order: run, the ended runs it called, task, caller's run, caller's task, usage, accounts, audit head. The last two are taken
 * only during the commit; where charges of called runs are given back, the accounts are taken by the last statements before it.
 */
export async function settleIn(deps: RunsDeps, tx: Tx, settlement: Settlement): Promise<boolean> {
  if (!mayCall(deps, settlement.run)) return write(deps, tx, settlement, 0n);
  // What the run called may have ended since its row was read.
  const run = (await lockRun(tx, settlement.run.id)) ?? settlement.run;
  const owned = run.finished_at === null && (settlement.fence === undefined || run.fence === settlement.fence);
  if (!owned) return false;
  // A call is admitted under the lock that is held here, so none can follow.
  if ((await listLiveChildren(tx, run.id)).length > 0) throw new LateCall();
  const bill = await billOf(deps, tx, run, settlement.end.status);
  const settled = await write(deps, tx, { ...settlement, run }, bill.calledNanos);
  // Called runs may have been marked above, so nothing of this transaction may stay.
  if (!settled) throw new LostRun();
  await bill.giveBack();
  // What is still open is a call of a model that nobody will settle.
  await deps.models.runCalls.lose(tx, run.org_id, { runId: run.id });
  await deps.failpoint('settle.before-commit');
  return true;
}

/** The same in a transaction of its own: a single statement where the run cannot have called another. */
export function settle(deps: RunsDeps, settlement: Settlement): Promise<boolean> {
  const { run } = settlement;
  if (isAlone(deps, run)) return deps.shared.settle(endOf(deps, settlement, 0n));
  if (!mayCall(deps, run)) return deps.db.direct((tx) => write(deps, tx, settlement, 0n));
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
