/** Turns a finished graph into what the caller gets. Pure: everything in it comes from the record. */
import { AgentError, type Json } from '@guildhall/agent-sdk';
import { edgeState } from '../execute/board.ts';
import { type Failure, failureOf } from '../execute/outcome.ts';
import type { FinishedGraph } from '../execute/run-graph.ts';
import { fillTemplate, isBounded } from '../expression/index.ts';
import type { Plan } from '../graph/index.ts';
import { draw, type HeldNeed, pathThrough } from '../picture/draw.ts';
import type { GraphReport } from './schema.ts';
import { reportSteps } from './steps.ts';

/** The filled output template; with the outputs of the steps it stays well under the size of a result. */
const OUTPUT_BYTES_MAX = 256 * 1024;

/** The report of a finished graph. */
export function report(plan: Plan, finished: FinishedGraph): GraphReport {
  const steps = reportSteps(plan, finished);
  const filled = fillOutput(plan, finished);
  const nanos = steps.reduce((sum, step) => sum + BigInt(step.cost.nanos), 0n);
  const failedSteps = steps.filter((step) => step.status === 'failed').map((step) => step.id);
  const held: HeldNeed = (need) => edgeState(need, finished.board.standing(need.step)) === 'holds';
  return {
    status: statusOf(finished, failedSteps.length > 0 || filled.error !== null),
    output: filled.output,
    outputError: filled.error,
    failedSteps,
    steps,
    cost: { nanos: nanos.toString(), currency: 'USD' },
    startedAt: new Date(finished.startedAt).toISOString(),
    finishedAt: new Date(finished.finishedAt).toISOString(),
    durationMs: finished.finishedAt - finished.startedAt,
    criticalPath: pathThrough(plan, steps, held),
    picture: draw(plan, steps, held),
  };
}

function statusOf({ board, compensations }: FinishedGraph, hasFault: boolean): GraphReport['status'] {
  if (board.stop === undefined) return hasFault ? 'partial' : 'succeeded';
  if (board.stop === 'abort') return 'failed';
  return [...compensations.values()].every((one) => one.isDone) ? 'compensated' : 'failed';
}

/** A fault of the output template cannot undo the work, so it is told beside the steps instead of losing them. */
function fillOutput(plan: Plan, finished: FinishedGraph): { readonly output: Json; readonly error: Failure | null } {
  if (plan.output === undefined) return { output: null, error: null };
  try {
    const output = fillTemplate(plan.output, finished.scope);
    if (isBounded(output, OUTPUT_BYTES_MAX)) return { output, error: null };
    throw new AgentError('value-too-large', `The output is larger than ${OUTPUT_BYTES_MAX} bytes.`);
  } catch (error) {
    if (error instanceof AgentError) return { output: null, error: failureOf(error) };
    throw error;
  }
}
