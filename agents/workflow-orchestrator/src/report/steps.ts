/** The result of each step. */
import type { Json } from '@guildhall/agent-sdk';
import type { Standing } from '../execute/board.ts';
import type { Compensation } from '../execute/compensate.ts';
import type { FinishedGraph } from '../execute/run-graph.ts';
import { isBounded } from '../expression/index.ts';
import type { Plan, StepInput } from '../graph/index.ts';
import type { StepReport } from './schema.ts';

/** All outputs of steps in a report together; larger ones are left to the runs that made them. */
const OUTPUTS_BYTES_MAX = 512 * 1024;

/** One result for every step, in the author's order. */
export function reportSteps(plan: Plan, finished: FinishedGraph): StepReport[] {
  let bytesLeft = OUTPUTS_BYTES_MAX;
  return plan.steps.map(({ step }) => {
    const full = reportStep(
      step,
      finished.board.standing(step.id),
      finished.compensations.get(step.id),
      finished.board.stop,
    );
    // Outcomes are JSON by their type; the schema of the report is only wider.
    const output = full.output as Json;
    if (!isBounded(output, bytesLeft)) return { ...full, output: null, isOutputOmitted: true };
    bytesLeft -= Buffer.byteLength(JSON.stringify(output));
    return full;
  });
}

function reportStep(
  step: StepInput,
  standing: Standing,
  compensation: Compensation | undefined,
  stop: 'abort' | 'compensate' | undefined,
): StepReport {
  const outcome = standing.state === 'ended' ? standing.outcome : undefined;
  const times =
    'finishedAt' in standing ? timesOf(standing.startedAt, standing.finishedAt) : timesOf(undefined, undefined);
  const nanos = BigInt(outcome?.costNanos ?? '0') + BigInt(compensation?.costNanos ?? '0');
  return {
    id: step.id,
    title: step.title ?? step.id,
    kind: step.kind,
    status: statusOf(standing, compensation),
    reason: reasonOf(standing, stop),
    branch: outcome?.ok === true ? outcome.branch : null,
    attempts: outcome?.attempts ?? 0,
    ...times,
    cost: { nanos: nanos.toString(), currency: 'USD' },
    output: outcome?.ok === true ? outcome.output : null,
    isOutputOmitted: false,
    error: outcome?.ok === false ? outcome.error : null,
    runId: outcome?.runId ?? null,
    compensation:
      compensation === undefined
        ? null
        : { isDone: compensation.isDone, attempts: compensation.attempts, error: compensation.error },
  };
}

function statusOf(standing: Standing, compensation: Compensation | undefined): StepReport['status'] {
  switch (standing.state) {
    case 'waiting':
    case 'running':
      return 'not-reached';
    case 'skipped':
    case 'abandoned':
      return 'skipped';
    case 'ended':
      if (!standing.outcome.ok) return 'failed';
      return compensation?.isDone === true ? 'compensated' : 'succeeded';
    default:
      return standing satisfies never;
  }
}

function reasonOf(standing: Standing, stop: 'abort' | 'compensate' | undefined): string | null {
  if (standing.state === 'skipped') return 'What it needs was not done, or another branch was taken.';
  if (standing.state === 'abandoned') return 'It was still waiting when the workflow stopped.';
  if (standing.state === 'waiting' && stop !== undefined) return 'The workflow stopped before it.';
  return null;
}

function timesOf(
  startedAt: number | undefined,
  finishedAt: number | undefined,
): Pick<StepReport, 'startedAt' | 'finishedAt' | 'durationMs'> {
  if (startedAt === undefined || finishedAt === undefined)
    return { startedAt: null, finishedAt: null, durationMs: null };
  return {
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
    durationMs: finishedAt - startedAt,
  };
}
