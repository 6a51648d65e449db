/** Where a call of a model in a run is booked: its beginning under the lock of the run, its end as the checkpoint of its step. */
import { setTimeout as pause } from 'node:timers/promises';
import { AgentError } from '@guildhall/agent-sdk';
import { toMoney } from '@guildhall/contract';
import { isRetryable, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { HoldAnswer } from '../../ledger/index.ts';
import {
  type Begun,
  type CallBook,
  type CallEnd,
  type CallHold,
  type CallingRun,
  modelError,
  type NewCall,
  wordsIn,
} from '../../models/index.ts';
import type { RunsDeps } from '../deps.ts';
import { budgetErrors, runErrors } from '../errors.ts';
import { failureOf, storableText } from '../rules.ts';
import { lockRun } from '../store/runs.ts';
import { checkpointRun, type StepWrite } from '../store/steps.ts';
import type { NewEvent, RunRow } from '../types.ts';
import type { Attempt, StepSlot } from './attempt.ts';
import { roomOf } from './room.ts';
import { Interrupted, LostRun } from './signals.ts';
import type { Words } from './words.ts';

// A call may have taken minutes; a connection that comes back within two seconds is waited for.
const END_TRIES = 10;
const END_RETRY_MS = 200;

/** What the record keeps of an answer: what the client got. */
export interface ModelResult {
  readonly contentType: string;
  readonly body: string;
}

/** A failed call is the agent's to judge, as `agent.model-provider-unavailable` and the like. */
export function modelFailure(code: string | undefined, detail?: string): AgentError {
  const spec = modelError(code);
  // Without the cause: the SDK would take a fault of the network for one of its own and ask again.
  return new AgentError(
    `model-${code?.replace(/^models\./, '') ?? 'failed'}`,
    detail ?? spec?.title ?? 'The call of a model failed.',
    {
      advice: spec?.advice ?? 'Start a new run.',
      retryable: spec?.kind === 'fault',
    },
  );
}

export const modelStepEvent = (
  step: { readonly slot: StepSlot; readonly name: string },
  status: string,
  more: Record<string, unknown> = {},
): NewEvent => ({ type: 'step', data: { index: step.slot.index, name: step.name, kind: 'model', status, ...more } });

function refusalOf(begun: Exclude<Begun, { outcome: 'ok' }>): GuildhallError {
  if (begun.outcome === 'too-many-tokens')
    return new GuildhallError(runErrors.tooManyTokens, { detail: `It may come to ${begun.tokens} tokens.` });
  const { requiredNanos, availableNanos } = begun;
  const members = { required: toMoney(requiredNanos), available: toMoney(availableNanos < 0n ? 0n : availableNanos) };
  return new GuildhallError(budgetErrors.maxCostReached, { members });
}

const callingRun = (run: RunRow): CallingRun => ({
  id: run.id,
  orgId: run.org_id,
  holdId: run.hold_id ?? undefined,
  priceVersion: run.price_version,
  tier: run.tier,
  usedTokens: Number(run.input_tokens + run.output_tokens),
});

export interface BookedStep {
  readonly name: string;
  readonly slot: StepSlot;
  readonly startedAt: Date;
  readonly words: Pick<Words, 'flush' | 'restOf'>;
}

/** The book of one call. */
export class RunCallBook implements CallBook {
  /** How the call ended, from the moment at which it is about to be booked. */
  ended: CallEnd | undefined;
  /** Why it could not be booked. */
  failure: unknown;
  /** The step is on record. */
  isRecorded = false;
  tryNumber = 1;
  readonly #deps: RunsDeps;
  readonly #attempt: Attempt;
  readonly #step: BookedStep;

  constructor(deps: RunsDeps, attempt: Attempt, step: BookedStep) {
    this.#deps = deps;
    this.#attempt = attempt;
    this.#step = step;
  }

  async begin(call: NewCall, hold: CallHold): Promise<HoldAnswer> {
    const { models, catalog } = this.#deps;
    const begun = await this.#attempt.own(() =>
      this.#locked(async (tx, run) =>
        models.runCalls.begin(tx, {
          run: callingRun(run),
          call,
          hold,
          stepKey: this.#step.slot.key,
          roomNanos: await roomOf(this.#deps, tx, run),
          tokensMax: catalog.find(run.agent_id)?.limits.tokensMax,
        }),
      ),
    );
    if (begun.outcome !== 'ok') throw refusalOf(begun);
    this.tryNumber = begun.attempt;
    await this.#deps.failpoint('step.before-work');
    return { ok: true };
  }

  async end(call: NewCall, _hold: CallHold, end: CallEnd): Promise<{ outcome: 'ok' | 'late'; chargedNanos: bigint }> {
    this.ended = end;
    try {
      return (await this.#isGivenUp(call, end))
        ? { outcome: 'late', chargedNanos: 0n }
        : { outcome: 'ok', chargedNanos: await this.#settle(call, end) };
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** The record of a run is its cache. */
  hit(): Promise<void> {
    throw new Error('assertion failed: a run was answered from a cache');
  }

  async close(): Promise<void> {}

  /** A call that was cut short for a reason of ours will be made again or belongs to nobody: the customer does not pay for it. */
  async #isGivenUp(call: NewCall, end: CallEnd): Promise<boolean> {
    const { aborted, reason } = this.#attempt.abort.signal;
    const isCustomers = reason instanceof Interrupted && reason.reason === 'cancelled';
    if (end.status === 'succeeded' || !aborted || isCustomers) return false;
    const { orgId, runId } = this.#attempt.owned;
    const lost = { runId, callId: call.id, lossNanos: end.providerCostNanos };
    await this.#locked((tx) => this.#deps.models.runCalls.lose(tx, orgId, lost));
    return true;
  }

  async #settle(call: NewCall, end: CallEnd): Promise<bigint> {
    await this.#deps.failpoint('step.after-work');
    await this.#step.words.flush();
    const { input, output, images } = end.usage;
    const isResult = end.status === 'succeeded' || input + output + images > 0;
    const charged = await this.#attempt.own(() =>
      this.#patiently(() =>
        this.#locked((tx, run) =>
          this.#deps.models.runCalls.end(tx, {
            run: callingRun(run),
            call,
            end,
            record: async (nanos) => {
              if (isResult) await this.#record(tx, run, { call, end, nanos });
            },
          }),
        ),
      ),
    );
    this.isRecorded = isResult;
    if (isResult) await this.#attempt.advanced(end.status === 'succeeded' ? 'succeeded' : 'failed');
    return charged;
  }

  async #record(tx: Tx, run: RunRow, booked: { call: NewCall; end: CallEnd; nanos: bigint }): Promise<void> {
    const { call, end, nanos } = booked;
    const given = Buffer.from(end.given?.() ?? []);
    const result: ModelResult = {
      contentType: call.streamed ? 'text/event-stream' : 'application/json',
      body: storableText(given.toString('utf8')),
    };
    const status = end.status === 'succeeded' ? 'succeeded' : 'failed';
    const error = status === 'failed' ? failureOf(modelFailure(end.errorCode)) : undefined;
    const { usage } = end;
    const use = { costNanos: nanos.toString(), inputTokens: usage.input, outputTokens: usage.output };
    const cost = { nanos: (run.called_nanos + nanos).toString(), currency: 'USD' };
    const written = await checkpointRun(tx, {
      ...this.#attempt.owned,
      step: { ...this.written(status, error), result, use },
      artifacts: [],
      events: [
        ...(call.streamed ? this.#step.words.restOf(wordsIn(given)) : []),
        { type: 'cost', data: { cost } },
        modelStepEvent(this.#step, status, { attempt: this.tryNumber, ...(error ? { error } : {}) }),
      ],
    });
    if (!written) throw new LostRun();
  }

  /** The step as it goes on record. */
  written(status: StepWrite['status'], error: StepWrite['error']): StepWrite {
    const { slot, name, startedAt } = this.#step;
    return {
      index: slot.index,
      key: slot.key,
      name,
      kind: 'model',
      effect: 'none',
      status,
      attempt: this.tryNumber,
      startedAt,
      result: undefined,
      error,
    };
  }

  /** In one transaction under the lock of the run. @throws LostRun when another attempt owns it. */
  #locked<T>(work: (tx: Tx, run: RunRow) => Promise<T>): Promise<T> {
    const { orgId, runId, fence } = this.#attempt.owned;
    return this.#deps.db.tenant(orgId, async (tx) => {
      const run = await lockRun(tx, runId);
      if (run?.status !== 'running' || run.fence !== fence) throw new LostRun();
      return work(tx, run);
    });
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (tries === END_TRIES || !isRetryable(error)) throw error;
        await pause(END_RETRY_MS);
      }
    }
  }
}
