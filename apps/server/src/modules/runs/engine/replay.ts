/** Replay from the record (free, exact) and fork from a step (the rest anew, billed). */

import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { lockRun } from '../store/runs.ts';
import { copySteps, listSteps } from '../store/steps.ts';
import { isTerminal, type RunRow } from '../types.ts';
import { admit, quote, type StartInput } from './start.ts';

export interface ReplayInput {
  readonly principal: Principal;
  readonly runId: string;
  readonly fromStep: number | undefined;
  readonly input: unknown;
  readonly requestId: string;
}

/**
 * A new run in the caller's transaction. Without `fromStep` and `input` every step answers from the record and the cost is 0; with
 * `fromStep` the steps before it do; with `input` none does. Call `announce` after the commit.
 */
export async function replay(deps: RunsDeps, tx: Tx, request: ReplayInput): Promise<RunRow> {
  const { fromStep } = request;
  const anew = request.input !== undefined;
  if (anew && fromStep !== undefined) throw new GuildhallError(runErrors.replayBoth);
  const original = await lockRun(tx, request.runId);
  if (!original) throw new GuildhallError(runErrors.notFound);
  if (!isTerminal(original.status)) throw new GuildhallError(runErrors.notEnded);
  if (fromStep !== undefined) await assertStep(tx, original, fromStep);
  const start: StartInput = {
    principal: request.principal,
    agentId: original.agent_id,
    input: anew ? request.input : original.input,
    tier: original.tier,
    maxCostNanos: undefined,
    metadata: original.metadata,
    requestId: request.requestId,
  };
  const free = !anew && fromStep === undefined;
  return admit(deps, tx, {
    quote: await quote(deps, { ...start, orgId: original.org_id, free }, tx),
    start,
    replay: { runId: original.id, fromStep: anew ? 0 : fromStep },
    free,
    prepare: async (run) => {
      if (anew) return;
      await copySteps(tx, { from: original.id, to: run.id, before: fromStep, artifactIds: () => deps.ids.make('art') });
    },
  });
}

async function assertStep(tx: Tx, original: RunRow, fromStep: number): Promise<void> {
  const steps = await listSteps(tx, original.id);
  // One past the last is a fork that only does the rest.
  const last = steps.at(-1)?.index ?? -1;
  if (fromStep > last + 1)
    throw new GuildhallError(runErrors.badStep, {
      errors: [{ path: '/fromStep', message: `is beyond the last step, ${last}` }],
    });
}
