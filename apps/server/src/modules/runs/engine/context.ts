/** The context an agent gets: every member answers from the record first. */
import {
  AgentError,
  type ApprovalResult,
  type CallOptions,
  type CallResult,
  type FileRef,
  type Json,
  type RunContext,
  type RunFile,
  type UsageQuery,
  type UsageRow,
} from '@guildhall/agent-sdk';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RunsDeps } from '../deps.ts';
import { budgetErrors } from '../errors.ts';
import { storedProblem } from '../rules.ts';
import { findContent } from '../store/files.ts';
import { countCallers, databaseNow, findChild, lockRun } from '../store/runs.ts';
import { askApproval, type StepWrite } from '../store/steps.ts';
import { isTerminal, type NewEvent, type RunRow } from '../types.ts';
import type { Attempt, StepSlot } from './attempt.ts';
import { createModel } from './model.ts';
import { assertRights } from './rights.ts';
import { assertRoom } from './room.ts';
import { LostRun } from './signals.ts';
import { admit, announce, holdFor, orRefusal, quote } from './start.ts';
import { runStep } from './step.ts';

export function createContext(deps: RunsDeps, attempt: Attempt): RunContext {
  const { run } = attempt;
  return {
    runId: run.id,
    mode: run.mode,
    signal: attempt.abort.signal,
    createdAt: run.created_at,
    step: (name, work, options = {}) => owned(runStep(deps, attempt, { name, work, options })),
    file: (ref) => owned(allowed(deps, attempt, () => attempt.own(() => openFile(deps, run, ref)))),
    call: (agent, input, options = {}) => owned(callAgent(deps, attempt, { agent, input, options })),
    model: (purpose, options) => createModel(deps, attempt, purpose, options),
    approve: (name, request) => owned(approve(deps, attempt, name, request)),
    sleep: (name, durationMs) => owned(sleep(deps, attempt, name, durationMs)),
    usage: (name, query) =>
      owned(
        runStep(deps, attempt, {
          name,
          work: () => attempt.own(() => readUsage(deps, run, query)),
          options: { kind: 'usage' },
        }),
      ),
  };
}

/** The engine owns what an agent does not wait for: its failure is on record, and must not end the whole process. */
function owned<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** `work` is active from here on, once the run may begin it. */
async function allowed<T>(deps: RunsDeps, attempt: Attempt, work: () => Promise<T>): Promise<T> {
  await assertRights(deps, attempt);
  return attempt.active(work);
}

async function openFile(deps: RunsDeps, run: RunRow, ref: FileRef): Promise<RunFile> {
  const row = await deps.db.tenant(run.org_id, (tx) => findContent(tx, ref.file, run.mode));
  if (!row)
    throw new AgentError('file-gone', 'A file of the input was deleted before it could be read.', {
      advice: 'Upload it again and start a new run.',
    });
  const path = await deps.files.path(run.org_id, row.sha256);
  return { id: row.id, name: row.name, mediaType: row.media_type, size: Number(row.size), sha256: row.sha256, path };
}

const instant = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

// Rows of the caller's own books, as plain JSON.
async function readUsage(deps: RunsDeps, run: RunRow, query: UsageQuery): Promise<UsageRow[] & Json> {
  const rows = await deps.db.tenant(run.org_id, (tx) =>
    deps.metering.usage(tx, {
      mode: run.mode,
      groupBy: query.groupBy,
      from: instant(query.from),
      to: instant(query.to),
    }),
  );
  return rows.map((row) => ({
    key: row.key,
    runs: row.runs,
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    costNanos: row.costNanos.toString(),
  })) as UsageRow[] & Json;
}

/** Records a step whose result came from elsewhere: a called run, a person, a timer. */
async function record(
  deps: RunsDeps,
  attempt: Attempt,
  slot: StepSlot,
  step: { name: string; kind: string; status: StepWrite['status']; result: Json },
): Promise<void> {
  const { name, kind, status, result } = step;
  const event: NewEvent = { type: 'step', data: { index: slot.index, name, kind, status } };
  const startedAt = slot.known?.started_at ?? deps.clock.now();
  await attempt.checkpoint(
    {
      index: slot.index,
      key: slot.key,
      name,
      kind,
      effect: 'none',
      status,
      attempt: 1,
      startedAt,
      result,
      error: undefined,
    },
    [],
    [event],
  );
}

const callResult = (child: RunRow): CallResult => ({
  runId: child.id,
  // Asked only of a run that has ended.
  status: child.status as CallResult['status'],
  output: (child.output ?? null) as Json,
  error: child.error ? { code: child.error.code, detail: child.error.detail } : null,
  costNanos: (child.cost_nanos + child.called_nanos).toString(),
});

async function callAgent(
  deps: RunsDeps,
  attempt: Attempt,
  call: { agent: string; input: Json; options: CallOptions },
): Promise<CallResult> {
  const name = call.options.name ?? `call ${call.agent}`;
  const slot = attempt.slot(name);
  // Written by `record` below with this very type.
  if (slot.known?.status === 'succeeded') return slot.known.result as unknown as CallResult;
  if (!slot.known) await assertRights(deps, attempt);
  const outcome = await attempt.active(async () => {
    const child = await attempt.own(() => findOrStartChild(deps, attempt, slot, call));
    const result = 'refused' in child ? child.refused : isTerminal(child.status) ? callResult(child) : undefined;
    if (result)
      await record(deps, attempt, slot, {
        name,
        kind: 'agent',
        status: 'succeeded',
        result: result as unknown as Json,
      });
    else if (!slot.known) await record(deps, attempt, slot, { name, kind: 'agent', status: 'running', result: null });
    return result;
  });
  return outcome ?? attempt.wait({ waitingFor: 'child', dueAt: undefined });
}

async function findOrStartChild(
  deps: RunsDeps,
  attempt: Attempt,
  slot: StepSlot,
  call: { agent: string; input: Json; options: CallOptions },
): Promise<RunRow | { refused: CallResult }> {
  const { run } = attempt;
  const known = await deps.db.tenant(run.org_id, (tx) => findChild(tx, run.id, slot.key));
  if (known) return known;
  try {
    const { tier = run.tier, maxNanos } = call.options;
    const callers = run.parent_run_id ? await deps.db.tenant(run.org_id, (tx) => countCallers(tx, run.id)) : 0;
    const priced = await quote(deps, {
      orgId: run.org_id,
      agentId: call.agent,
      input: call.input,
      tier,
      depth: callers + 1,
    });
    const holdNanos = holdFor(priced, maxNanos);
    const admitted = deps.db.tenant(run.org_id, async (tx) => {
      const parent = await lockRun(tx, run.id);
      if (parent?.status !== 'running' || parent.fence !== attempt.fence) throw new LostRun();
      await assertRoom(deps, tx, parent, holdNanos);
      return admit(deps, tx, {
        quote: priced,
        start: {
          principal: { orgId: run.org_id, keyId: run.key_id, memberId: run.member_id ?? undefined, mode: run.mode },
          agentId: call.agent,
          input: call.input,
          tier: priced.tier.id,
          maxCostNanos: maxNanos,
          metadata: {},
          requestId: run.request_id,
        },
        parent: { runId: run.id, rootRunId: run.root_run_id, step: slot.key, holdId: run.hold_id ?? undefined },
      });
    });
    const child = await orRefusal(admitted);
    await deps.failpoint('child.after-admit');
    announce(deps, child);
    return child;
  } catch (error) {
    // A refused call is an answer; running out of what this run may cost ends the run.
    const refusal =
      error instanceof GuildhallError &&
      error.spec.kind === 'refusal' &&
      error.spec.code !== budgetErrors.maxCostReached.code;
    if (!refusal) throw error;
    const problem = storedProblem(error);
    return {
      refused: {
        runId: '',
        status: 'failed',
        output: null,
        error: { code: problem.code, detail: problem.detail },
        costNanos: '0',
      },
    };
  }
}

async function approve(
  deps: RunsDeps,
  attempt: Attempt,
  name: string,
  request: { title: string; details?: Json; timeoutMs?: number },
): Promise<ApprovalResult> {
  const slot = attempt.slot(name);
  // Written by `record` below with this very type.
  if (slot.known?.status === 'succeeded') return slot.known.result as unknown as ApprovalResult;
  const answer = await attempt.active(async () => {
    if (!slot.known) await record(deps, attempt, slot, { name, kind: 'approval', status: 'running', result: null });
    const approval = await attempt.own(() =>
      deps.db.tenant(attempt.run.org_id, (tx) =>
        askApproval(tx, attempt.owned, {
          id: deps.ids.make('apr'),
          stepKey: slot.key,
          kind: 'approval',
          title: request.title,
          details: request.details,
          expiresInMs: request.timeoutMs,
        }),
      ),
    );
    if (!approval) throw new LostRun();
    await deps.failpoint('approval.after-ask');
    deps.bus.publish('run', attempt.run.id);
    if (approval.decision === null) return { open: approval.expires_at };
    const result = { decision: approval.decision, comment: approval.comment };
    await record(deps, attempt, slot, { name, kind: 'approval', status: 'succeeded', result });
    return { result };
  });
  return answer.result ?? attempt.wait({ waitingFor: 'approval', dueAt: answer.open });
}

async function sleep(deps: RunsDeps, attempt: Attempt, name: string, durationMs: number): Promise<void> {
  const slot = attempt.slot(name);
  if (slot.known?.status === 'succeeded') return;
  const dueAt = await attempt.active(async () => {
    // By the clock that wakes the task: a process whose own clock is behind would lay it aside and get it back in a circle.
    const now = await attempt.own(() => databaseNow(deps.db));
    // The end is fixed when the sleep begins, so restarts do not lengthen it.
    const recorded = slot.known?.result as { until?: string } | null | undefined;
    const until = recorded?.until ?? new Date(now.getTime() + durationMs).toISOString();
    const over = Date.parse(until) <= now.getTime();
    if (over || !slot.known)
      await record(deps, attempt, slot, {
        name,
        kind: 'timer',
        status: over ? 'succeeded' : 'running',
        result: { until },
      });
    return over ? undefined : new Date(until);
  });
  if (dueAt) await attempt.wait({ waitingFor: 'timer', dueAt });
}
