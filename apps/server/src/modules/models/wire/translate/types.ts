/** One way from a client's wire to a provider's, and back. */
import type { WireEvent } from '../reader.ts';
import type { AnswerContext, ForProvider, JsonObject, TokenUsage } from '../types.ts';

/** Turns the provider's events into the client's, one by one. */
export interface StreamSteps {
  /** @param counted told where the provider ends without a word of its usage. */
  take(event: WireEvent, counted?: TokenUsage): readonly WireEvent[];
}

export interface Translator {
  toProvider(body: JsonObject, target: ForProvider): JsonObject;
  fromProvider(answer: JsonObject, context: AnswerContext): JsonObject;
  createStream(context: AnswerContext): StreamSteps;
}
