/** Answers that come token by token. */
import type { Readable } from 'node:stream';
import { toMoney } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { toProblem } from '../../../platform/http/index.ts';
import type { TokenUsage } from '../types.ts';
import { type Streamed, UpstreamError, upstreamErrors } from '../upstream/index.ts';
import { createStreamTranslation, errorEvent, type StreamTranslation } from '../wire/index.ts';
import { codeOf } from './call.ts';
import type { GatewayDeps } from './deps.ts';
import type { PlannedTarget } from './plan.ts';
import { factsOf, keepAnswer, type Prepared, upstreamCall } from './prepared.ts';
import type { StreamedAnswer } from './types.ts';

export async function answerStream(deps: GatewayDeps, prepared: Prepared): Promise<StreamedAnswer> {
  const streamed = await deps.upstream.stream(upstreamCall(prepared));
  const delivery = new Delivery(prepared, streamed);
  const errorCode = (): string | undefined => delivery.errorCode;
  return { kind: 'stream', ...factsOf(prepared.open, streamed), events: delivery.events(), errorCode };
}

// A provider that has said that this was all closes at once; one that does not loses the connection.
const CLOSE_PATIENCE_MS = 1_000;

class Delivery {
  readonly prepared: Prepared;
  readonly streamed: Streamed<PlannedTarget>;
  readonly translation: StreamTranslation;
  /** Collected for those who book the answer with the call, and for the cache as far as it takes it. */
  #given: Buffer[] | undefined;
  #givenBytes = 0;
  errorCode: string | undefined;
  #counted: TokenUsage | undefined;
  #isSettled = false;

  constructor(prepared: Prepared, streamed: Streamed<PlannedTarget>) {
    this.prepared = prepared;
    this.streamed = streamed;
    this.#given = prepared.incoming.book || prepared.slot ? [] : undefined;
    this.translation = createStreamTranslation(prepared.incoming.wire, streamed.target.wire, prepared.context);
  }

  async *events(): AsyncGenerator<Uint8Array, void> {
    const { body } = this.streamed;
    try {
      yield* this.relay(body);
      letGo(body);
    } catch (error) {
      if (this.isOver()) yield await this.finish();
      else yield* this.breakOff(error);
    } finally {
      // The reader left between two events.
      if (!this.#isSettled) await this.settle('cancelled', upstreamErrors.callerLeft.code);
      if (!this.translation.reading.isComplete) body.destroy();
    }
  }

  /** The piece in which the provider says that this was all is held back until the settlement has committed. */
  async *relay(body: Readable): AsyncGenerator<Uint8Array, void> {
    const { translation } = this;
    const { reading } = translation;
    for await (const bytes of body.iterator({ destroyOnReturn: false })) {
      const out = translation.push(bytes);
      if (reading.hasContent) this.prepared.open.sawFirstToken();
      if (reading.error) {
        if (out.length > 0) yield this.give(out);
        throw this.broken();
      }
      if (reading.isEnded) {
        const last = this.give(Buffer.concat([out, await this.close()]));
        await this.settle('succeeded');
        yield last;
        return;
      }
      if (out.length > 0) yield this.give(out);
    }
    if (reading.isComplete) {
      yield await this.finish();
      return;
    }
    const rest = translation.end();
    if (rest.length > 0) yield this.give(rest);
    throw this.broken();
  }

  /** Whether all was said, and only the word that it was all is missing. */
  isOver(): boolean {
    const { isComplete, error } = this.translation.reading;
    return !this.#isSettled && isComplete && error === undefined && !this.prepared.incoming.signal.aborted;
  }

  /** What closes the answer, with its usage by the provider's word, else counted. */
  async close(): Promise<Uint8Array> {
    const { usage, text } = this.translation.reading;
    if (!usage) this.#counted = await this.prepared.open.usageOf({ usage, text });
    return this.translation.end(this.#counted);
  }

  async finish(): Promise<Uint8Array> {
    const rest = this.give(await this.close());
    await this.settle('succeeded');
    return rest;
  }

  /** Bytes are good until the next are asked for, so what is kept is a copy. */
  give(bytes: Uint8Array): Uint8Array {
    this.#givenBytes += bytes.length;
    const { incoming, slot } = this.prepared;
    if (!incoming.book && slot && this.#givenBytes > slot.bytesMax) this.#given = undefined;
    this.#given?.push(Buffer.from(bytes));
    return bytes;
  }

  broken(): UpstreamError {
    const { error } = this.translation.reading;
    return new UpstreamError(upstreamErrors.streamCut, {
      attempts: this.streamed.attempts,
      isWorthRepeating: true,
      ...(error ? { detail: `The provider says: ${error.message}` } : {}),
    });
  }

  /** What was delivered is charged; the client hears why there is no more, and what it cost. */
  async *breakOff(thrown: unknown): AsyncGenerator<Uint8Array, void> {
    const { incoming, open } = this.prepared;
    if (incoming.signal.aborted) {
      await this.settle('cancelled', upstreamErrors.callerLeft.code);
      return;
    }
    const error =
      thrown instanceof GuildhallError
        ? thrown
        : new UpstreamError(upstreamErrors.streamCut, { attempts: [], isWorthRepeating: true, cause: thrown });
    const charged = await this.settle('failed', codeOf(error));
    const problem = { ...toProblem(error, incoming.requestId), charged: toMoney(charged), callId: open.input.call.id };
    yield Buffer.from(errorEvent(incoming.wire, problem));
  }

  async settle(status: 'succeeded' | 'failed' | 'cancelled', errorCode?: string): Promise<bigint> {
    if (this.#isSettled) return 0n;
    this.#isSettled = true;
    this.errorCode = errorCode;
    const { target, channel, attempts } = this.streamed;
    const { usage, startUsage, text, isComplete } = this.translation.reading;
    // The count of a stream that was cut is the provider's only where it had come to its end.
    const given = this.#given;
    const reported = isComplete ? { usage: usage ?? this.#counted } : { usage: undefined, begun: startUsage };
    const delivered = { ...reported, text, given: given && (() => Buffer.concat(given)) };
    const end = { status, channelId: channel.id, attempts, errorCode };
    const { costNanos, usage: charged } = await this.prepared.open.charge(target, delivered, end);
    if (status === 'succeeded' && given && given === this.#given)
      keepAnswer(this.prepared, target, { body: Buffer.concat(given), usage: charged });
    return costNanos;
  }
}

/** Reads what little is left, so that the connection can be used again; destroys a body that goes on. */
function letGo(body: Readable): void {
  if (body.destroyed || body.readableEnded) return;
  const timer = setTimeout(() => body.destroy(), CLOSE_PATIENCE_MS);
  body.once('close', () => clearTimeout(timer));
  body.on('error', () => {}).resume();
}
