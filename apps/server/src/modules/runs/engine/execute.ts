/** What a worker does with a claimed run: bring it one attempt further, and always leave it in a state that somebody goes on from. */
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { AgentDefinition } from '@guildhall/agent-sdk';
import { isConnectionError, isRetryable } from '../../../platform/db/index.ts';
import type { Claimed, Outcome } from '../../../platform/durable/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { runErrors } from '../errors.ts';
import { failureOf, problemOf, RESULT_MAX_BYTES, storableJson } from '../rules.ts';
import { beginAttempt, listLiveChildren, lockRun, markWaiting, spendActive } from '../store/runs.ts';
import { listSteps } from '../store/steps.ts';
import type { RunRow } from '../types.ts';
import { Attempt } from './attempt.ts';
import { cancelRun } from './cancel.ts';
import { createContext } from './context.ts';
import { deadLetter } from './recover.ts';
import { announceEnd, type End, mayCall, settle } from './settle.ts';
import { combineWaits, Interrupted, LateCall, LostRun, type Wait } from './signals.ts';

// An innocent run may lose a worker or two to others; one that loses six in a row without finishing a step is what kills them.
const CRASHES_MAX = 5;
// After a fault of the database the next attempt waits a moment.
const FAULT_DELAY_MS = 500;
// A process that stops lets an effect that must not be repeated come to its end: cut short, a person would have to review it.
const EFFECT_GRACE_MS = 5_000;
// Calls of models that were cut short settle what they delivered before the run does; what takes longer is lost to us.
const CALLS_GRACE_MS = 5_000;
// A run that is to end looks this often whether what it called has ended.
const CALLED_POLL_MS = 100;

const DONE: Outcome = { kind: 'done' };
const giveBack = (delayMs: number): Outcome => ({ kind: 'give-back', delayMs });

type Ending =
  | { readonly end: End }
  | { readonly waits: readonly Wait[] }
  | { readonly outcome: Outcome; readonly counts?: boolean };

/** Executes one attempt. Never throws for what the agent did; a fault of the database gives the task back. */
export async function execute(deps: RunsDeps, task: Claimed, signal: AbortSignal): Promise<Outcome> {
  try {
    const run = await beginAttempt(deps.db, task.orgId, task.id, task.fence);
    if (!run) return await forget(deps, task);
    await deps.failpoint('begin.after');
    if (task.fence === 1n) observeStart(deps, run);
    if (task.crashes > CRASHES_MAX)
      return (await endCalled(deps, run)) ? giveBack(FAULT_DELAY_MS) : await deadLetter(deps, run, task);
    const began = deps.clock.monotonicMs();
    const activeMs = () => deps.clock.monotonicMs() - began;
    try {
      const ending = task.cancelRequested ? { end: cancelledEnd() } : await attemptRun(deps, run, task, signal);
      return await conclude(deps, { run, task, ending, activeMs: activeMs() });
    } catch (error) {
      if (!(error instanceof LostRun || error instanceof LateCall || isRetryable(error)))
        await spendFault(deps, run, task, activeMs());
      throw error;
    }
  } catch (error) {
    if (error instanceof LostRun) return DONE;
    if (error instanceof LateCall) return giveBack(0);
    if (isConnectionError(error)) return giveBack(FAULT_DELAY_MS);
    throw error;
  }
}

/**
 * What a fault takes counts against the run's time, so that one which does not pass ends the run instead of repeating it for ever. Not so
 * where the database is away: no run fails for that.
 */
async function spendFault(deps: RunsDeps, run: RunRow, task: Claimed, activeMs: number): Promise<void> {
  await deps.db.tenant(run.org_id, (tx) =>
    spendActive(tx, { id: run.id, fence: task.fence, activeMs: activeMs + FAULT_DELAY_MS }),
  );
}

function observeStart(deps: RunsDeps, run: RunRow): void {
  const waitedSeconds = Math.max(0, ((run.started_at ?? run.created_at).getTime() - run.created_at.getTime()) / 1_000);
  deps.observer.started({ agentId: run.agent_id, waitedSeconds });
}

/** The task of a run that has ended, or that a later attempt owns: nothing to do but to remove the first kind. */
async function forget(deps: RunsDeps, task: Claimed): Promise<Outcome> {
  await deps.db.tenant(task.orgId, async (tx) => {
    const run = await lockRun(tx, task.id);
    if (!run || run.finished_at) await deps.durable.finish(tx, task.id);
  });
  return DONE;
}

async function attemptRun(deps: RunsDeps, run: RunRow, task: Claimed, signal: AbortSignal): Promise<Ending> {
  const agent = deps.catalog.find(run.agent_id);
  if (!agent) return { end: { status: 'failed', error: problemOf(runErrors.agentGone) } };
  const leftMs = agent.limits.timeoutMs - Number(run.active_ms);
  if (leftMs <= 0) return { end: timedOutEnd() };
  const record =
    run.step_count > 0 || task.fence > 1n ? await deps.db.tenant(run.org_id, (tx) => listSteps(tx, run.id)) : [];
  const attempt = new Attempt(deps, {
    run,
    fence: task.fence,
    crashes: task.crashes,
    record,
    stepsMax: agent.limits.stepsMax,
    recordOnly:
      run.replay_of !== null && run.base_nanos === 0n && run.hold_id === null && run.replay_from_step === null,
  });
  const onAbort = () => {
    const end = () => attempt.abort.abort(new Interrupted(signal.reason));
    if (signal.reason === 'draining') attempt.drain(EFFECT_GRACE_MS).then(end, end);
    else end();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => attempt.abort.abort(new Interrupted('timeout')), leftMs);
  try {
    return await raceAttempt(deps, agent, attempt);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    // Whatever the agent still does is refused from here on.
    attempt.abort.abort(new LostRun());
    await attempt.followed(CALLS_GRACE_MS);
    if (attempt.usedScratch) await clearScratch(path.join(deps.settings.workDir, run.id), task.fence);
  }
}

/** An attempt's own scratch space alone: another one may be at work beside it already. */
async function clearScratch(folder: string, fence: bigint): Promise<void> {
  await rm(path.join(folder, `${fence}`), { recursive: true, force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    const left = error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'ENOENT');
    if (!left) throw error;
  }
}

/** The agent returns or throws, everything it does waits, or the attempt is interrupted: whichever is first. */
async function raceAttempt(deps: RunsDeps, agent: AgentDefinition, attempt: Attempt): Promise<Ending> {
  const { run } = attempt;
  const work = async () =>
    checkedOutput(deps, agent, run, await agent.run(createContext(deps, attempt), run.input as never));
  const returned = work().then(
    (end): Ending => ({ end }),
    (error: unknown): Ending => failedEnding(deps, run, error),
  );
  const waits = attempt.suspended.then((open): Ending => ({ waits: open }));
  const interrupted = new Promise<Ending>((resolve) => {
    const { signal } = attempt.abort;
    const onAbort = () => resolve(interruptedEnding(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([returned, waits, interrupted]);
}

function checkedOutput(deps: RunsDeps, agent: AgentDefinition, run: RunRow, output: unknown): End {
  const parsed = agent.output.safeParse(output);
  const text = parsed.success ? storableJson(parsed.data) : undefined;
  if (text !== undefined) {
    const bytes = Buffer.byteLength(text);
    if (bytes <= RESULT_MAX_BYTES) return { status: 'succeeded', output: parsed.data };
    return { status: 'failed', error: problemOf(runErrors.outputTooLarge, `The output has ${bytes} bytes.`) };
  }
  deps.log.error("run: the output does not fit the agent's schema", {
    runId: run.id,
    agentId: agent.id,
    error: parsed.error?.message ?? 'it is not JSON, or holds a NUL character',
  });
  return { status: 'failed', error: problemOf(runErrors.badOutput) };
}

function failedEnding(deps: RunsDeps, run: RunRow, error: unknown): Ending {
  if (error instanceof LostRun) return { outcome: DONE };
  if (error instanceof Interrupted) return interruptedEnding(error);
  if (isConnectionError(error)) return faultEnding(error);
  if (error instanceof GuildhallError && error.spec.kind === 'fault') return faultEnding(error);
  const problem = failureOf(error);
  if (problem.code === runErrors.failed.code)
    deps.log.error('run: the agent failed by a fault of its own', { runId: run.id, agentId: run.agent_id, error });
  return { end: { status: 'failed', error: problem } };
}

const faultEnding = (error: unknown): Ending => ({ outcome: giveBack(FAULT_DELAY_MS), counts: !isRetryable(error) });
const timedOutEnd = (): End => ({ status: 'failed', error: problemOf(runErrors.timeout) });
const cancelledEnd = (): End => ({ status: 'cancelled', error: problemOf(runErrors.cancelled) });
// As a cancelled one: the customer took the right away, and pays for the models used until then.
const deniedEnd = (): End => ({ status: 'cancelled', error: problemOf(runErrors.rightsLost) });

function interruptedEnding(reason: unknown): Ending {
  if (!(reason instanceof Interrupted)) return { outcome: DONE };
  switch (reason.reason) {
    case 'cancelled':
      return { end: cancelledEnd() };
    case 'timeout':
      return { end: timedOutEnd() };
    case 'fault':
      return faultEnding(reason.cause);
    case 'limit':
      return { end: { status: 'failed', error: failureOf(reason.cause) } };
    case 'denied':
      return { end: deniedEnd() };
    case 'draining':
    case 'rights':
      return { outcome: giveBack(0) };
    case 'expelled':
      return { outcome: DONE };
  }
}

async function conclude(
  deps: RunsDeps,
  input: { run: RunRow; task: Claimed; ending: Ending; activeMs: number },
): Promise<Outcome> {
  const { run, task, ending } = input;
  if ('outcome' in ending) {
    if (ending.counts) await spendFault(deps, run, task, input.activeMs);
    return ending.outcome;
  }
  if ('waits' in ending) return suspend(deps, input, combineWaits(ending.waits));
  if (await endCalled(deps, run)) {
    // A task that is to be cancelled cannot be laid aside, so it looks again by itself.
    if (ending.end.status === 'cancelled') return giveBack(CALLED_POLL_MS);
    return suspend(deps, input, { waitingFor: 'child', dueAt: undefined });
  }
  await deps.failpoint('settle.before');
  const settled = await settle(deps, { run, fence: task.fence, end: ending.end });
  await deps.failpoint('settle.after-commit');
  if (settled) announceEnd(deps, run, ending.end.status);
  // What earlier attempts left here that died.
  if (task.fence > 1n) await rm(path.join(deps.settings.workDir, run.id), { recursive: true, force: true });
  return DONE;
}

/** What a run called ends before it does, so that its own bill is complete. True while some of it still lives. */
async function endCalled(deps: RunsDeps, run: RunRow): Promise<boolean> {
  if (!mayCall(deps, run)) return false;
  const live = await deps.db.tenant(run.org_id, (tx) => listLiveChildren(tx, run.id));
  for (const child of live) await cancelRun(deps, { orgId: run.org_id, runId: child, by: 'caller-ended' });
  return live.length > 0;
}

/** Gives the slot back until a signal or the timer. A signal that came meanwhile queues the run again at once. */
async function suspend(
  deps: RunsDeps,
  input: { run: RunRow; task: Claimed; activeMs: number },
  wait: Wait,
): Promise<Outcome> {
  const { run, task } = input;
  const state = await deps.db.tenant(run.org_id, async (tx) => {
    const marked = await markWaiting(tx, {
      orgId: run.org_id,
      id: run.id,
      fence: task.fence,
      waitingFor: wait.waitingFor,
      activeMs: input.activeMs,
    });
    if (!marked) throw new LostRun();
    const next = await deps.durable.suspend(tx, {
      id: run.id,
      fence: task.fence,
      signals: task.signals,
      dueAt: wait.dueAt,
    });
    await deps.failpoint('suspend.before-commit');
    return next;
  });
  await deps.failpoint('suspend.after-commit');
  deps.bus.publish('run', run.id);
  if (state === 'queued') deps.bus.publish('work', run.id);
  return DONE;
}
