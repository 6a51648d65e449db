/** A step: done once, remembered, retried by its policy, and reviewed by a person where its outcome cannot be known. */
import { AgentError, type Json, type StepOptions, type StepScope } from '@guildhall/agent-sdk';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { failureOf, isRetryableFailure, RESULT_MAX_BYTES, retryDelayMs, revive, storableJson } from '../rules.ts';
import { type ArtifactWrite, askApproval, type StepWrite } from '../store/steps.ts';
import type { NewEvent, StoredProblem } from '../types.ts';
import type { Attempt, StepSlot } from './attempt.ts';
import { assertRights, assertRightsWithin } from './rights.ts';
import { type OpenScope, openScope } from './scope.ts';
import { LostRun } from './signals.ts';

// Shorter steps are told once, when they are done.
const TELL_RUNNING_AFTER_MS = 150;
const ONE_ATTEMPT = { attemptsMax: 1, firstDelayMs: 0, delayMaxMs: 0 };

type Work<T> = (scope: StepScope) => Promise<T>;

type StepWriter = (status: StepWrite['status'], result: unknown, error: StoredProblem | undefined) => StepWrite;

interface StepRun<T> {
  readonly name: string;
  readonly slot: StepSlot;
  readonly work: Work<T>;
  readonly options: StepOptions;
}

const stepEvent = (run: StepRun<unknown>, status: string, more: Record<string, unknown> = {}): NewEvent => ({
  type: 'step',
  data: { index: run.slot.index, name: run.name, kind: run.options.kind ?? 'step', status, ...more },
});

const writerOf =
  (run: StepRun<unknown>, tryNumber: number, startedAt: Date): StepWriter =>
  (status, result, error) => ({
    index: run.slot.index,
    key: run.slot.key,
    name: run.name,
    kind: run.options.kind ?? 'step',
    effect: run.options.effect ?? 'none',
    status,
    attempt: tryNumber,
    startedAt,
    result,
    error,
  });

/** Runs or remembers a step. Throws what the agent is to see; LostRun and aborts pass through to the engine. */
export async function runStep<T extends Json>(
  deps: RunsDeps,
  attempt: Attempt,
  step: { readonly name: string; readonly work: Work<T>; readonly options: StepOptions },
): Promise<T> {
  const { name, work, options } = step;
  const slot = attempt.slot(name);
  const { known } = slot;
  // Written by this very step, so it has the type that `work` returned then.
  if (known?.status === 'succeeded') return known.result as T;
  if (known?.status === 'failed' && known.error) throw revive(known.error);
  await assertRights(deps, attempt);
  const run: StepRun<T> = { name, slot, work, options };
  // A failed try that is on record has a known outcome; only an intent without one needs a person.
  const isUnknown = known?.status === 'running' && known.effect === 'once' && known.error === null;
  if (isUnknown) await review(deps, attempt, run);
  return attempt.active(() => tryStep(deps, attempt, run, known?.status === 'running' ? known.attempt + 1 : 1));
}

/**
 * The record holds the intent of an effect that must not be repeated, and no outcome: the worker died between the two. Only a person can
 * know, so the run waits. Approve repeats the effect, reject fails the run.
 */
async function review(deps: RunsDeps, attempt: Attempt, run: StepRun<unknown>): Promise<void> {
  const approval = await attempt.active(() =>
    attempt.own(() =>
      deps.db.tenant(attempt.run.org_id, (tx) =>
        askApproval(tx, attempt.owned, {
          id: deps.ids.make('apr'),
          // One review per attempt at the effect: a repeated effect that is cut short again asks again.
          stepKey: `${run.slot.key}!review${run.slot.known?.attempt ?? 0}`,
          kind: 'review',
          title: `Did "${run.name}" take effect?`,
          details: { step: run.name, question: 'approve: do it again; reject: fail the run' },
        }),
      ),
    ),
  );
  if (!approval) throw new LostRun();
  deps.bus.publish('run', attempt.run.id);
  if (approval.decision === 'approve') return;
  if (approval.decision === null) return attempt.wait({ waitingFor: 'review', dueAt: approval.expires_at });
  const rejected = new GuildhallError(runErrors.rejected, { detail: `The step was "${run.name}".` });
  await attempt.active(() => recordFailure(deps, attempt, run, rejected));
  throw rejected;
}

async function recordFailure(deps: RunsDeps, attempt: Attempt, run: StepRun<unknown>, error: unknown): Promise<void> {
  const tryNumber = run.slot.known?.attempt ?? 1;
  const problem = failureOf(error);
  const write = writerOf(run, tryNumber, run.slot.known?.started_at ?? deps.clock.now());
  await attempt.checkpoint(
    write('failed', undefined, problem),
    [],
    [stepEvent(run, 'failed', { attempt: tryNumber, error: problem })],
  );
}

async function tryStep<T extends Json>(
  deps: RunsDeps,
  attempt: Attempt,
  run: StepRun<T>,
  firstTry: number,
): Promise<T> {
  const policy = run.options.retry ?? ONE_ATTEMPT;
  for (let tryNumber = firstTry; ; tryNumber += 1) {
    const write = writerOf(run, tryNumber, deps.clock.now());
    const isLast = tryNumber >= policy.attemptsMax;
    const about = { 'guildhall.step': run.name, 'guildhall.step_index': run.slot.index, 'guildhall.try': tryNumber };
    const recorded = () =>
      deps.tracer.span('run.step', about, () => recordedTry(deps, attempt, run, { tryNumber, write, isLast }));
    const outcome = await (run.options.effect === 'once' ? attempt.effect(recorded) : recorded());
    if ('value' in outcome) return outcome.value;
    await pause(retryDelayMs(tryNumber, policy, deps.random()), attempt.abort.signal);
    await assertRightsWithin(deps, attempt);
  }
}

/** One try with its outcome on record. Throws the failure after which the step is not tried again. */
async function recordedTry<T extends Json>(
  deps: RunsDeps,
  attempt: Attempt,
  run: StepRun<T>,
  { tryNumber, write, isLast }: { tryNumber: number; write: StepWriter; isLast: boolean },
): Promise<{ value: T } | { again: true }> {
  // The intent is on record before the effect can happen.
  if (run.options.effect === 'once') {
    await deps.failpoint('step.before-intent');
    const events = [stepEvent(run, 'running', { attempt: tryNumber })];
    await attempt.checkpoint(write('running', undefined, undefined), [], events);
    await deps.failpoint('step.after-intent');
  }
  const outcome = await oneTry(deps, attempt, run, { tryNumber, write });
  if ('value' in outcome) return outcome;
  const { error } = outcome;
  const problem = failureOf(error);
  const again = isRetryableFailure(error) && !isLast;
  await attempt.checkpoint(
    write(again ? 'running' : 'failed', undefined, problem),
    [],
    [stepEvent(run, again ? 'retrying' : 'failed', { attempt: tryNumber, error: problem })],
  );
  if (!again) throw error instanceof AgentError ? error : revive(problem, error);
  return { again };
}

/** Does the work and, when it succeeded, records it. What the record itself throws passes through: it says nothing about the step. */
async function oneTry<T extends Json>(
  deps: RunsDeps,
  attempt: Attempt,
  run: StepRun<T>,
  { tryNumber, write }: { tryNumber: number; write: StepWriter },
): Promise<{ value: T } | { error: unknown }> {
  const scope = openScope(deps, attempt, {
    name: run.name,
    slot: run.slot,
    tryNumber,
    kind: run.options.kind ?? 'step',
    timeoutMs: run.options.timeoutMs,
    // Work that was cut short may have taken effect, so it is not for the platform to repeat it.
    repeatable: run.options.effect !== 'once',
  });
  const late = setTimeout(
    () => scope.tellSoon(stepEvent(run, 'running', { attempt: tryNumber })),
    TELL_RUNNING_AFTER_MS,
  );
  const began = deps.clock.monotonicMs();
  try {
    await deps.failpoint('step.before-work');
    const done = await workOf(attempt, run, scope);
    if ('error' in done) return done;
    await deps.failpoint('step.after-work');
    await scope.flush();
    const durationMs = Math.round(deps.clock.monotonicMs() - began);
    await attempt.checkpoint(write('succeeded', done.value, undefined), scope.artifacts, [
      ...scope.artifacts.map(artifactEvent),
      stepEvent(run, 'succeeded', { attempt: tryNumber, durationMs }),
    ]);
    await deps.failpoint('step.after-checkpoint');
    return done;
  } finally {
    clearTimeout(late);
    await scope.close();
  }
}

const artifactEvent = ({ id, name, mediaType, size }: ArtifactWrite): NewEvent => ({
  type: 'artifact',
  data: { id, name, mediaType, size },
});

async function workOf<T extends Json>(
  attempt: Attempt,
  run: StepRun<T>,
  scope: OpenScope,
): Promise<{ value: T } | { error: unknown }> {
  try {
    const value = await scope.bounded(run.work(scope.scope));
    assertResult(value);
    return { value };
  } catch (error) {
    if (error instanceof LostRun || attempt.abort.signal.aborted || isFaultOfOurs(error)) throw error;
    return { error };
  }
}

/** A failure of our own database says nothing about the step: the attempt ends and another one goes on from the record. */
function isFaultOfOurs(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && 'routine' in error;
}

function assertResult(value: Json): void {
  const text = storableJson(value);
  if (text === undefined)
    throw new AgentError('step-result', 'A step returned something that is not JSON, or holds a NUL character.');
  const bytes = Buffer.byteLength(text);
  if (bytes > RESULT_MAX_BYTES)
    throw new GuildhallError(runErrors.stepTooLarge, { detail: `It returned ${bytes} bytes.` });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
