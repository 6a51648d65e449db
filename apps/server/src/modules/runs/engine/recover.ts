/** Runs that kill their workers: given up after a few, kept as dead letters, redriven by a person. */

import type { Tx } from '../../../platform/db/index.ts';
import type { Claimed, Outcome } from '../../../platform/durable/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { problemOf } from '../rules.ts';
import { insertDeadLetter, markRedriven } from '../store/dead-letters.ts';
import { lockRun } from '../store/runs.ts';
import type { RunRow } from '../types.ts';
import { announceEnd, settleIn } from './settle.ts';
import { admit, quote, type StartInput } from './start.ts';

/** Ends the run as failed (so it costs nothing) and keeps a letter with the reason. */
export async function deadLetter(deps: RunsDeps, run: RunRow, task: Claimed): Promise<Outcome> {
  const settled = await deps.db.tenant(run.org_id, async (tx) => {
    const ended = await settleIn(deps, tx, {
      run,
      fence: task.fence,
      end: { status: 'failed', error: problemOf(runErrors.poison) },
    });
    if (ended)
      await insertDeadLetter(tx, { runId: run.id, orgId: run.org_id, reason: 'workers-lost', crashes: task.crashes });
    return ended;
  });
  if (settled) {
    announceEnd(deps, run, 'failed');
    deps.log.error('run: given up after every worker that took it died', {
      runId: run.id,
      orgId: run.org_id,
      crashes: task.crashes,
    });
  }
  return { kind: 'done' };
}

/** A new run with the same input in place of a dead letter, once. Call `announce` after the commit. @throws 404, 409. */
export async function redrive(deps: RunsDeps, tx: Tx, runId: string, requestId: string): Promise<RunRow> {
  const dead = await lockRun(tx, runId);
  if (!dead) throw new GuildhallError(runErrors.notFound);
  const start: StartInput = {
    principal: { orgId: dead.org_id, keyId: dead.key_id, memberId: dead.member_id ?? undefined, mode: dead.mode },
    agentId: dead.agent_id,
    input: dead.input,
    tier: dead.tier,
    maxCostNanos: undefined,
    metadata: dead.metadata,
    requestId,
  };
  const run = await admit(deps, tx, {
    quote: await quote(deps, { ...start, orgId: dead.org_id }),
    start,
    replay: { runId, fromStep: 0 },
  });
  if (!(await markRedriven(tx, runId, run.id)))
    throw new GuildhallError(runErrors.alreadyDecided, { detail: 'This run is no dead letter, or has been redriven.' });
  return run;
}
