/** Pure decisions about runs. */
import { AgentError } from '@guildhall/agent-sdk';
import { type ErrorCode, GuildhallError } from '../../platform/errors/index.ts';
import { runErrors } from './errors.ts';
import type { StoredProblem } from './types.ts';

/** The value below which 95 of 100 lie (nearest rank). Undefined for fewer than `samplesMin` values. */
export function p95(values: readonly bigint[], samplesMin: number): bigint | undefined {
  if (values.length < samplesMin) return undefined;
  const ordered = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return ordered[Math.ceil(ordered.length * 0.95) - 1];
}

export function mean(values: readonly bigint[]): bigint | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0n) / BigInt(values.length);
}

const FILE_ID = /^(file|art)_[0-9a-z]{1,64}$/;

/** Every `{ "file": "file_…" }` (or `art_…`, what another run kept) in an input with its place. */
export function fileRefs(value: unknown, path = '/input'): { id: string; path: string }[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => fileRefs(item, `${path}/${index}`));
  if (typeof value !== 'object' || value === null) return [];
  if ('file' in value && typeof value.file === 'string' && FILE_ID.test(value.file))
    return [{ id: value.file, path: `${path}/file` }];
  return Object.entries(value).flatMap(([key, item]) =>
    fileRefs(item, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
}

export function problemOf(spec: ErrorCode, detail?: string): StoredProblem {
  return {
    code: spec.code,
    status: spec.status,
    title: spec.title,
    detail: `${detail ?? spec.title} ${spec.advice}`,
    errors: [],
  };
}

// In the text of JSON: an escape of NUL or of half a character, neither of which the database keeps.
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** The JSON text of a value; undefined where it has none or the database would refuse it. */
export function storableJson(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value ?? null);
    return text === undefined || UNSTORABLE.test(text) ? undefined : text;
  } catch {
    // A cycle or a bigint: no JSON.
    return undefined;
  }
}

/** What a step or a run may give back: it is read back on every attempt and shown to people. Anything larger belongs in an artifact. */
export const RESULT_MAX_BYTES = 1024 * 1024;

/** The text as the database takes it: no NUL, no half of a character. */
export const storableText = (text: string): string => text.toWellFormed().replaceAll('\u0000', '\ufffd');

/** What a caller sees of an error thrown in a run: the public part of ours and the agent's, nothing of any other. */
export function storedProblem(error: unknown): StoredProblem {
  if (error instanceof AgentError) {
    // Its words may quote what a customer sent.
    const title = storableText(error.message);
    return {
      code: storableText(`agent.${error.reason}`),
      status: 422,
      title,
      detail: `${title} ${storableText(error.advice)}`,
      errors: error.errors.map(({ path, message }) => ({ path: storableText(path), message: storableText(message) })),
    };
  }
  if (error instanceof GuildhallError && error.spec.kind === 'refusal') {
    const { spec, details } = error;
    return {
      code: spec.code,
      status: spec.status,
      title: spec.title,
      detail: `${details.detail ?? spec.title} ${spec.advice}`,
      errors: details.errors ?? [],
    };
  }
  return problemOf(runErrors.failed);
}

/** The error a recorded failure stands for, so that an agent sees on a later attempt what it saw on the first. */
export function revive(problem: StoredProblem, cause?: unknown): Error {
  const reason = problem.code.startsWith('agent.') ? problem.code.slice('agent.'.length) : undefined;
  if (reason === undefined) return new RecordedFailure(problem, cause);
  return new AgentError(reason, problem.title, {
    advice: problem.detail.slice(problem.title.length).trim(),
    errors: problem.errors,
  });
}

/** A failure on record that was not the agent's own. Its cause, for the log, is known to the attempt that met it. */
export class RecordedFailure extends Error {
  readonly problem: StoredProblem;
  constructor(problem: StoredProblem, cause?: unknown) {
    super(problem.title, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}

// A library around a tool around a model: deeper than that, nothing is wrapped by reason.
const CAUSES_MAX = 5;

/** What a caller sees of a failure, on record or not. An error that says nothing itself is taken for its cause: libraries wrap what they pass on. */
export function failureOf(error: unknown): StoredProblem {
  let at = error;
  for (let depth = 0; depth < CAUSES_MAX && at instanceof Error; depth += 1) {
    if (at instanceof RecordedFailure) return at.problem;
    const problem = storedProblem(at);
    if (problem.code !== runErrors.failed.code) return problem;
    at = at.cause;
  }
  return storedProblem(error);
}

/** Faults of the platform and what the agent marked itself may pass by waiting; nothing else. */
export function isRetryableFailure(error: unknown): boolean {
  if (error instanceof AgentError) return error.retryable;
  return error instanceof GuildhallError && error.spec.kind === 'fault';
}

/** Exponential with full jitter: spreads retries that failed together. `random` is in [0, 1). */
export function retryDelayMs(
  attempt: number,
  policy: { firstDelayMs: number; delayMaxMs: number },
  random: number,
): number {
  return Math.floor(random * Math.min(policy.delayMaxMs, policy.firstDelayMs * 2 ** (attempt - 1)));
}
