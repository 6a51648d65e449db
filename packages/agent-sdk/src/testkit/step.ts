/** One step in the kit: attempts, timeout, scratch folder, and what the step may use. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../agent-error.ts';
import { runInSandbox } from '../sandbox/run.ts';
import type { Json, StepOptions, StepScope } from '../types.ts';
import { keepArtifact } from './files.ts';
import type { Finished } from './record.ts';
import type { RunState } from './run-state.ts';
import { type TestArtifact, TestSetupError } from './types.ts';

/** As the platform: what a step or a run returns is a row, not a file. */
export const RESULT_MAX_BYTES = 1024 * 1024;

export interface StepWork {
  readonly key: string;
  readonly work: (scope: StepScope) => Promise<Json>;
  readonly options: StepOptions;
}

interface Attempt {
  readonly number: number;
  readonly signal: AbortSignal;
  readonly workdir: string;
  readonly artifacts: TestArtifact[];
}

/** The result as it would be read back from a database: a value that is not JSON does not survive. */
export function toRecordJson(key: string, value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TestSetupError(`step ${key} returned ${String(value)}, which is not JSON`);
  if (Buffer.byteLength(json) > RESULT_MAX_BYTES) {
    throw new TestSetupError(`step ${key} returned more than 1 MiB; keep it as an artifact`);
  }
  return json;
}

/** Runs the step until it succeeds, fails for good, or has no attempts left. Never rejects. */
export async function runStep(step: StepWork, state: RunState): Promise<Finished> {
  const attemptsMax = step.options.retry?.attemptsMax ?? 1;
  for (let number = 1; ; number += 1) {
    const artifacts: TestArtifact[] = [];
    try {
      const json = toRecordJson(step.key, await attemptOnce(step, state, number, artifacts));
      return { outcome: { ok: true, json }, attempts: number, artifacts };
    } catch (error) {
      if (error instanceof TestSetupError) state.misuse ??= error;
      const again = error instanceof AgentError && error.retryable && number < attemptsMax && !state.signal.aborted;
      if (!again) return { outcome: { ok: false, error }, attempts: number, artifacts: [] };
      const { firstDelayMs = 0, delayMaxMs = 0 } = step.options.retry ?? {};
      state.sleptMs += Math.min(delayMaxMs, firstDelayMs * 2 ** (number - 1));
    }
  }
}

async function attemptOnce(step: StepWork, state: RunState, number: number, artifacts: TestArtifact[]): Promise<Json> {
  const workdir = join(state.folder, 'work', `${state.passages}-${encodeURIComponent(step.key)}-${number}`);
  await mkdir(workdir, { recursive: true });
  const limit = new AbortController();
  const { timeoutMs } = step.options;
  const timedOut = new AgentError('step-timeout', `The step took longer than the ${timeoutMs} ms it may take.`, {
    retryable: true,
  });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => limit.abort(timedOut), timeoutMs);
  const signal = AbortSignal.any([state.signal, limit.signal]);
  try {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return await Promise.race([step.work(stepScope(step.key, state, { number, signal, workdir, artifacts })), aborted]);
  } finally {
    clearTimeout(timer);
    await rm(workdir, { recursive: true, force: true });
  }
}

function stepScope(key: string, state: RunState, attempt: Attempt): StepScope {
  const { options, folder } = state;
  return {
    attempt: attempt.number,
    signal: attempt.signal,
    idempotencyKey: `${state.runId}:${key}`,
    now: () => new Date(),
    workdir: attempt.workdir,
    async artifact(input) {
      state.artifactsMade += 1;
      const kept = await keepArtifact(input, {
        id: `art_test${state.artifactsMade}`,
        step: key,
        workdir: attempt.workdir,
        folder,
      });
      attempt.artifacts.push(kept);
      return { id: kept.id, name: kept.name, mediaType: kept.mediaType, size: kept.size, sha256: kept.sha256 };
    },
    progress: (done, total, note) => void state.progress.push({ step: key, done, total, note }),
    log: (level, message, data) => void state.logs.push({ step: key, level, message, data }),
    sandbox: (work) =>
      runInSandbox(work, {
        signal: attempt.signal,
        onProgress: (done, total, note) => void state.progress.push({ step: key, done, total, note }),
      }),
    async fetch(url, init) {
      if (!options.fetch) throw new TestSetupError(`step ${key} fetched ${url}: give runAgent a \`fetch\``);
      return options.fetch(url, init ?? {});
    },
  };
}
