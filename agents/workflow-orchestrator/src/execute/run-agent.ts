/** A step that runs another agent. */
import { AgentError, type CallResult, type RunContext } from '@guildhall/agent-sdk';
import { fillTemplate, type Scope } from '../expression/index.ts';
import { type AgentWork, maxNanosOf, type RetryInput, type Templates } from '../graph/index.ts';
import { type Failure, failureOf, type Work } from './outcome.ts';

/** Work of a kind, with the name it has for the platform and what it may read. */
export interface NamedWork<Work> {
  readonly name: string;
  readonly work: Work;
  readonly templates: Templates;
  readonly scope: Scope;
}

type Attempt =
  | { readonly ok: true; readonly result: CallResult }
  | {
      readonly ok: false;
      readonly error: Failure;
      readonly isFinal: boolean;
      readonly runId: string | null;
      readonly costNanos: string;
    };

/**
 * Calls the agent until it succeeds or the attempts are used up. Between attempts the run sleeps without holding a slot. A run that
 * somebody cancelled is not tried again.
 */
export async function* runAgent(ctx: RunContext, { name, work, templates, scope }: NamedWork<AgentWork>): Work {
  const template = templates.get('input');
  const input = template === undefined ? null : fillTemplate(template, scope);
  const maxNanos = maxNanosOf(work);
  let costNanos = 0n;
  for (let attempt = 1; ; attempt += 1) {
    const options = {
      name: attempt === 1 ? name : `${name}:attempt-${attempt}`,
      ...(work.tier === undefined ? {} : { tier: work.tier }),
      ...(maxNanos === undefined ? {} : { maxNanos }),
    };
    const tried = await attemptOf(() => ctx.call(work.agent, input, options));
    costNanos += BigInt(tried.ok ? tried.result.costNanos : tried.costNanos);
    const total = { attempts: attempt, costNanos: costNanos.toString() };
    if (tried.ok) return { ok: true, output: tried.result.output, branch: null, runId: tried.result.runId, ...total };
    if (tried.isFinal || attempt >= (work.retry?.attemptsMax ?? 1))
      return { ok: false, error: tried.error, runId: tried.runId, ...total };
    const delayMs = delayAfter(attempt, work.retry);
    yield;
    if (delayMs === 0) continue;
    await ctx.sleep(`${name}:retry-${attempt}`, delayMs);
    yield;
  }
}

async function attemptOf(call: () => Promise<CallResult>): Promise<Attempt> {
  try {
    const result = await call();
    if (result.status === 'succeeded') return { ok: true, result };
    // A refused call made no run.
    const runId = result.runId === '' ? null : result.runId;
    const { costNanos } = result;
    if (result.status === 'cancelled') {
      return {
        ok: false,
        error: { code: 'agent.cancelled', message: 'The called run was cancelled.' },
        isFinal: true,
        runId,
        costNanos,
      };
    }
    const error = {
      code: result.error?.code ?? 'agent.failed',
      message: result.error?.detail ?? 'The called run failed.',
    };
    return { ok: false, error, isFinal: false, runId, costNanos };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { ok: false, error: failureOf(error), isFinal: !error.retryable, runId: null, costNanos: '0' };
  }
}

/** Doubles from the first delay up to the longest. */
function delayAfter(attempt: number, retry: RetryInput | undefined): number {
  if (retry === undefined) return 0;
  return Math.min(retry.delayMaxMs, retry.firstDelayMs * 2 ** (attempt - 1));
}
