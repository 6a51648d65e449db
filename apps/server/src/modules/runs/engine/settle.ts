/** The end of a run: state, usage, money, outbox and audit in one transaction. */
import type { Tx } from '../../../platform/db/index.ts';
import type { RunsDeps } from '../deps.ts';
import { addCalled, finishRun, listChargedBelow, lockRun, markReversed } from '../store/runs.ts';
import type { RunRow, StoredProblem, TerminalStatus } from '../types.ts';

export interface End {
  readonly status: TerminalStatus;
  readonly output?: unknown;
  readonly error?: StoredProblem;
}

/** A run that did not succeed costs nothing, and so does everything it called. */
async function reverseCalled(deps: RunsDeps, tx: Tx, run: RunRow): Promise<void> {
  const charged = await listChargedBelow(tx, run.id);
  for (const child of charged) {
    if (child.hold_id) await deps.ledger.reverseCharge(tx, { holdId: child.hold_id, reason: 'caller-did-not-succeed' });
    await deps.metering.reverse(tx, { source: 'run', id: child.id, reversalId: `${child.id}:reversed` });
  }
  await markReversed(
    tx,
    charged.map((child) => child.id),
  );
}

async function recordUsage(deps: RunsDeps, tx: Tx, run: RunRow, cost: bigint): Promise<void> {
  await deps.metering.record(tx, {
    source: 'run',
    id: run.id,
    runId: run.id,
    orgId: run.org_id,
    mode: run.mode,
    keyId: run.key_id,
    agentId: run.agent_id,
    tier: run.tier,
    inputTokens: Number(run.input_tokens),
    outputTokens: Number(run.output_tokens),
    costNanos: cost,
    priceVersion: run.price_version,
  });
}

/**
 * Ends a run in the caller's transaction, under `fence` (undefined where no attempt owns it). False when it has ended already or
 * another attempt owns it: then nothing was written. Call `announceEnd` after the commit.
 *
 * Row locks in order: run, task, caller's run, caller's task, usage, accounts, audit head.
 */
export async function settle(
  deps: RunsDeps,
  tx: Tx,
  input: { run: RunRow; fence: bigint | undefined; end: End },
): Promise<boolean> {
  const { end } = input;
  // What the run called may have ended since this row was read; only an agent that calls others can have called any.
  const calls = deps.catalog.find(input.run.agent_id)?.plannedCalls !== undefined;
  const run = calls ? ((await lockRun(tx, input.run.id)) ?? input.run) : input.run;
  const succeeded = end.status === 'succeeded';
  const called = succeeded ? run.called_nanos : 0n;
  const room = run.hold_nanos - called;
  const cost = succeeded ? (run.base_nanos < room ? run.base_nanos : room) : 0n;
  const finished = await finishRun(tx, {
    orgId: run.org_id,
    id: run.id,
    fence: input.fence,
    status: end.status,
    output: end.output,
    error: end.error,
    costNanos: cost,
    calledNanos: called,
  });
  if (!finished) return false;
  await deps.durable.finish(tx, run.id);
  if (run.parent_run_id) {
    await addCalled(tx, run.parent_run_id, cost + called);
    await deps.durable.signal(tx, run.parent_run_id);
  }
  await recordUsage(deps, tx, run, cost);
  await deps.outbox.append(tx, {
    orgId: run.org_id,
    type: `run.${end.status}.v1`,
    data: finishedEvent(run, end, cost + called),
  });
  if (!succeeded && run.called_nanos > 0n) await reverseCalled(deps, tx, run);
  // At the commit, which fails if not the whole cost could be charged: it was cut to the hold above.
  if (run.hold_id) await deps.ledger.settleAtCommit(tx, { holdId: run.hold_id, costNanos: cost, runId: run.id });
  await deps.audit.append(tx, {
    orgId: run.org_id,
    actorType: 'key',
    actorId: run.key_id,
    action: `run.${end.status}`,
    targetType: 'run',
    targetId: run.id,
    requestId: run.request_id,
  });
  await deps.failpoint('settle.before-commit');
  return true;
}

function finishedEvent(run: RunRow, end: End, cost: bigint): unknown {
  return {
    runId: run.id,
    agentId: run.agent_id,
    status: end.status,
    mode: run.mode,
    tier: run.tier,
    cost: { nanos: cost.toString(), currency: 'USD' },
    errorCode: end.error?.code ?? null,
    parentRunId: run.parent_run_id,
  };
}

/** Tells whoever waits; to be called after the commit of a settlement. */
export function announceEnd(deps: RunsDeps, run: RunRow, status: TerminalStatus): void {
  deps.bus.publish('run', run.id);
  deps.bus.publish('outbox', run.id);
  if (run.parent_run_id) deps.bus.publish('work', run.parent_run_id);
  const seconds = (deps.clock.now().getTime() - run.created_at.getTime()) / 1_000;
  deps.observer.ended({ agentId: run.agent_id, status, seconds });
}
