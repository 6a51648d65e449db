/** One way from a client's wire to a provider's, and back. */
import type { WireEvent } from '../reader.ts';
import type { AnswerContext, ForProvider, JsonObject } from '../types.ts';

/** Turns the provider's events into the client's, one by one. */
export interface StreamSteps {
  take(event: WireEvent): readonly WireEvent[];
}

export interface Translator {
  toProvider(body: JsonObject, target: ForProvider): JsonObject;
  fromProvider(answer: JsonObject, context: AnswerContext): JsonObject;
  createStream(context: AnswerContext): StreamSteps;
}
