/** `ctx.model`: each request of an agent to a model is a step, answered from the record or by the gateway. */
import type { LanguageModel, ModelOptions } from '@guildhall/agent-sdk';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { languageModel, type StreamedAnswer, tierModel, wordsIn } from '../../models/index.ts';
import type { RunsDeps } from '../deps.ts';
import { budgetErrors, runErrors } from '../errors.ts';
import { failureOf, revive } from '../rules.ts';
import type { StepRow } from '../types.ts';
import type { Attempt, StepSlot } from './attempt.ts';
import { type ModelResult, modelFailure, modelStepEvent, RunCallBook } from './model-book.ts';
import { createPipe, type Pipe } from './pipe.ts';
import { assertRights } from './rights.ts';
import { Interrupted } from './signals.ts';
import { createWords } from './words.ts';

// Shorter calls are told once, when they are done.
const TELL_RUNNING_AFTER_MS = 150;

/** What ends a run whatever its agent makes of it. */
const LIMITS: ReadonlySet<string> = new Set([
  budgetErrors.maxCostReached.code,
  runErrors.tooManyTokens.code,
  runErrors.tooManySteps.code,
]);

interface Asked {
  readonly name: string;
  /** Undefined: the tier decides. */
  readonly model: string | undefined;
  readonly body: string;
  /** Aborts when the agent gives the request up. */
  readonly signal: AbortSignal | undefined;
}

export function createModel(
  deps: RunsDeps,
  attempt: Attempt,
  purpose: string,
  { model }: ModelOptions = {},
): LanguageModel {
  const { agent_id: agentId, tier } = attempt.run;
  if (!deps.catalog.find(agentId)?.plannedModelUse)
    throw new Error(`agent ${agentId} asked for a model without saying in plannedModelUse what it needs`);
  return languageModel(model ?? tier, (body, signal) =>
    ask(deps, attempt, { name: `model ${purpose}`, model, body, signal }),
  );
}

async function ask(deps: RunsDeps, attempt: Attempt, asked: Asked): Promise<Response> {
  const slot = slotOf(attempt, asked.name);
  if (slot.known && slot.known.status !== 'running') return remembered(attempt, slot.known);
  const call = new ModelCall(deps, attempt, asked, slot);
  const begin = (): Promise<void> => {
    const work = attempt.active(() => attempt.effect(() => call.run()));
    attempt.follow(work);
    return work;
  };
  assertRights(deps, attempt)
    .then(begin)
    .catch((error: unknown) => call.refuse(error));
  return call.response;
}

function slotOf(attempt: Attempt, name: string): StepSlot {
  try {
    return attempt.slot(name);
  } catch (error) {
    endAtLimit(attempt, error);
    throw error;
  }
}

/** An agent, or the SDK around its tools, may swallow an error; a limit is not theirs to swallow. */
function endAtLimit(attempt: Attempt, error: unknown): void {
  if (LIMITS.has(failureOf(error).code)) attempt.abort.abort(new Interrupted('limit', error));
}

const responseOf = (contentType: string, body: string | Uint8Array<ArrayBuffer> | ReadableStream): Response =>
  new Response(body, { headers: { 'content-type': contentType } });

/** The answer as it was, to where it broke off. */
function remembered(attempt: Attempt, step: StepRow): Response {
  // Written by the book of the call with this very type.
  const result = step.result as ModelResult | null;
  if (step.status === 'succeeded' && result) return responseOf(result.contentType, result.body);
  const error = step.error ? revive(step.error) : new Error(`step ${step.key} failed without a reason`);
  endAtLimit(attempt, error);
  if (result?.contentType !== 'text/event-stream') throw error;
  const pipe = createPipe(() => {});
  pipe.put(Buffer.from(result.body));
  pipe.fail(error);
  return responseOf(result.contentType, pipe.stream);
}

/** One request on its way through the gateway. */
class ModelCall {
  readonly response: Promise<Response>;
  readonly #answer = Promise.withResolvers<Response>();
  readonly #leave = new AbortController();
  readonly #deps: RunsDeps;
  readonly #attempt: Attempt;
  readonly #asked: Asked;
  readonly #slot: StepSlot;
  #pipe: Pipe | undefined;

  constructor(deps: RunsDeps, attempt: Attempt, asked: Asked, slot: StepSlot) {
    this.#deps = deps;
    this.#attempt = attempt;
    this.#asked = asked;
    this.#slot = slot;
    this.response = this.#answer.promise;
  }

  async run(): Promise<void> {
    const { name } = this.#asked;
    const words = createWords(this.#attempt, { index: this.#slot.index, name });
    const step = { name, slot: this.#slot, startedAt: this.#deps.clock.now(), words };
    const book = new RunCallBook(this.#deps, this.#attempt, step);
    const running = () => words.tell(modelStepEvent(step, 'running', { attempt: book.tryNumber }));
    const late = setTimeout(running, TELL_RUNNING_AFTER_MS);
    try {
      const about = { 'guildhall.step': name, 'guildhall.step_index': this.#slot.index };
      await this.#deps.tracer.span('run.step', about, () => this.#call(book, words.add));
    } catch (error) {
      await this.#failed(book, error).catch((fault: unknown) => this.refuse(fault));
    } finally {
      clearTimeout(late);
    }
  }

  /** The agent gets this in the place of an answer, or of the rest of one. */
  refuse(error: unknown): void {
    this.#answer.reject(error);
    this.#pipe?.fail(error);
  }

  async #call(book: RunCallBook, say: (words: string) => void): Promise<void> {
    const { run, abort } = this.#attempt;
    const prices = await this.#deps.metering.priceBook(undefined, run.price_version);
    const tier = prices.tiers.find((one) => one.id === run.tier);
    const { signal, model } = this.#asked;
    // The name that every model knows, or is told in its own words; the reasoning models of OpenAI refuse the other.
    const { max_tokens: outputMax, ...said } = JSON.parse(this.#asked.body);
    const answer = await this.#deps.models.gateway.call({
      payer: {
        orgId: run.org_id,
        mode: run.mode,
        keyId: run.key_id,
        memberId: run.member_id ?? undefined,
        agentId: run.agent_id,
      },
      requestId: run.request_id,
      wire: 'chat',
      body: {
        ...said,
        model: model ?? tierModel(prices, run.tier),
        ...(outputMax === undefined ? {} : { max_completion_tokens: outputMax }),
      },
      signal: AbortSignal.any([abort.signal, this.#leave.signal, ...(signal ? [signal] : [])]),
      book,
      terms: {
        channels: tier?.includedTokens === undefined ? 'own' : 'operator',
        outputTokensMax: tier?.outputTokensMax,
      },
    });
    if (answer.kind === 'stream') return this.#relay(book, answer, say);
    await this.#deps.failpoint('step.after-checkpoint');
    this.#answer.resolve(responseOf('application/json', Uint8Array.from(answer.body)));
  }

  /** The last of a stream comes after its step is on record. */
  async #relay(book: RunCallBook, answer: StreamedAnswer, say: (words: string) => void): Promise<void> {
    const pipe = createPipe(() => this.#leave.abort());
    this.#pipe = pipe;
    this.#answer.resolve(responseOf('text/event-stream', pipe.stream));
    for await (const bytes of answer.events) {
      // What follows then is an error for clients by API.
      if (book.failure !== undefined || (book.ended && book.ended.status !== 'succeeded')) continue;
      pipe.put(Uint8Array.from(bytes));
      // What comes with the end was told with it.
      if (!book.ended) say(wordsIn(bytes));
    }
    if (book.failure !== undefined) throw book.failure;
    if (book.ended?.status !== 'succeeded') throw modelFailure(book.ended?.errorCode);
    await this.#deps.failpoint('step.after-checkpoint');
    pipe.end();
  }

  async #failed(book: RunCallBook, error: unknown): Promise<void> {
    const { abort } = this.#attempt;
    if (abort.signal.aborted) return this.refuse(abort.signal.reason);
    const isOwn = error instanceof GuildhallError && !LIMITS.has(error.spec.code);
    const failure = isOwn ? modelFailure(error.spec.code, error.details.detail) : error;
    if (!book.isRecorded) {
      const problem = failureOf(failure);
      const event = modelStepEvent({ slot: this.#slot, name: this.#asked.name }, 'failed', {
        attempt: book.tryNumber,
        error: problem,
      });
      await this.#attempt.checkpoint(book.written('failed', problem), [], [event]);
    }
    endAtLimit(this.#attempt, error);
    const { signal } = this.#asked;
    this.refuse(signal?.aborted ? signal.reason : failure);
  }
}
