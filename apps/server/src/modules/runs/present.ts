/** From rows to what the interface shows. */
import { type File, type Problem, type Run, type RunEvent, type Step, toMoney } from '@guildhall/contract';
import type { ArtifactRow, EventRow, FileRow, RunRow, StepRow, StoredProblem } from './types.ts';

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

export function toWireProblem(problem: StoredProblem | null, requestId: string): Problem | null {
  if (!problem) return null;
  return {
    type: `/docs/reference/errors#${problem.code}`,
    title: problem.title,
    status: problem.status,
    code: problem.code,
    detail: problem.detail,
    errors: [...problem.errors],
    requestId,
    charged: toMoney(0n),
  };
}

/** `linkTo` makes the signed address of an artifact. */
export function toWireRun(
  run: RunRow,
  artifacts: readonly ArtifactRow[],
  linkTo: (artifact: ArtifactRow) => string,
): Run {
  return {
    id: run.id,
    agent: { id: run.agent_id, version: run.agent_version },
    status: run.status,
    waitingFor: run.waiting_for,
    tier: run.tier,
    mode: run.mode,
    input: run.input,
    output: run.output ?? null,
    error: toWireProblem(run.error, run.request_id),
    usage: { inputTokens: Number(run.input_tokens), outputTokens: Number(run.output_tokens), steps: run.step_count },
    estimate: toMoney(run.estimate_nanos),
    hold: toMoney(run.hold_nanos),
    cost: toMoney(run.cost_nanos + run.called_nanos),
    artifacts: artifacts.map((artifact) => ({
      id: artifact.id,
      name: artifact.name,
      mediaType: artifact.media_type,
      size: Number(artifact.size),
      sha256: artifact.sha256,
      url: linkTo(artifact),
    })),
    parentRunId: run.parent_run_id,
    replayOf: run.replay_of ? { runId: run.replay_of, fromStep: run.replay_from_step } : null,
    metadata: run.metadata,
    createdAt: run.created_at.toISOString(),
    startedAt: iso(run.started_at),
    finishedAt: iso(run.finished_at),
    durationMs: run.finished_at && run.started_at ? run.finished_at.getTime() - run.started_at.getTime() : null,
  };
}

export function toWireStep(step: StepRow, requestId: string): Step {
  return {
    index: step.index,
    name: step.name,
    kind: step.kind,
    status: step.status,
    attempt: step.attempt,
    startedAt: step.started_at.toISOString(),
    finishedAt: iso(step.finished_at),
    cost: toMoney(step.cost_nanos),
    usage: { inputTokens: Number(step.input_tokens), outputTokens: Number(step.output_tokens) },
    error: toWireProblem(step.error, requestId),
  };
}

export const toWireEvent = (event: EventRow): RunEvent => ({
  seq: event.seq,
  // The table's check lets no other type in.
  type: event.type as RunEvent['type'],
  at: event.at.toISOString(),
  runId: event.run_id,
  data: event.data,
});

export const toWireFile = (file: FileRow): File => ({
  id: file.id,
  name: file.name,
  mediaType: file.media_type,
  size: Number(file.size),
  sha256: file.sha256,
  createdAt: file.created_at.toISOString(),
});
