/** The languages of clients and providers: reading requests and answers, and turning one language into another. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { wireErrors } from './errors.ts';
import { isObject, isShallow } from './json.ts';
import { createPassThrough } from './pass.ts';
import { toSameWire } from './same.ts';
import { translatorOf } from './translate/index.ts';
import type { Translator } from './translate/types.ts';
import { unreadable } from './translate/unreadable.ts';
import { createTranslated } from './translated.ts';
import type { AnswerContext, ForProvider, JsonObject, StreamTranslation, Wire } from './types.ts';

export { readAnswer } from './answer.ts';
export { wireErrors } from './errors.ts';
export { errorBody, errorEvent } from './problem.ts';
export { readProviderError } from './provider-error.ts';
export { createStreamReader } from './reader.ts';
export { readRequest } from './request/index.ts';
export type {
  AnswerContext,
  AnswerReading,
  ForProvider,
  ProviderError,
  RequestFacts,
  StreamReader,
  StreamReading,
  StreamTranslation,
} from './types.ts';
export { readUsage } from './usage.ts';

function translator(client: Wire, provider: Wire): Translator {
  const found = translatorOf(client, provider);
  if (found) return found;
  throw new GuildhallError(wireErrors.notTranslatable, {
    detail: `A request of the route ${client} cannot be answered by a provider that speaks ${provider} for this model.`,
  });
}

/** Whether a client of one wire can be served by a provider of another at all. */
export const hasWay = (client: Wire, provider: Wire): boolean =>
  client === provider || translatorOf(client, provider) !== undefined;

/**
 * The body for the provider. Same wire: the client's own, with the provider's name of the model.
 * @throws GuildhallError `models.not-translatable` naming each member that the provider's wire has no equivalent for.
 */
export function toProvider(client: Wire, provider: Wire, body: JsonObject, target: ForProvider): JsonObject {
  return client === provider ? toSameWire(client, body, target) : translator(client, provider).toProvider(body, target);
}

/** Without which an answer of its wire says nothing. */
const MADE: Readonly<Record<Wire, string>> = {
  chat: 'choices',
  messages: 'content',
  responses: 'output',
  embeddings: 'data',
};

function assertAnswer(wire: Wire, body: JsonObject): void {
  if (!isShallow(body)) unreadable('The answer of the provider is nested too deeply.');
  if (isObject(body.error) || body.type === 'error') unreadable('The provider sent an error as its answer.');
  const made = body[MADE[wire]];
  if (!Array.isArray(made) || !made.every(isObject)) unreadable(`The answer of the provider has no ${MADE[wire]}.`);
}

/**
 * A whole answer in the client's wire. Same wire: the provider's own.
 * @throws GuildhallError `models.unreadable-answer` where it is no answer of the provider's wire.
 */
export function fromProvider(client: Wire, provider: Wire, body: JsonObject, context: AnswerContext): JsonObject {
  assertAnswer(provider, body);
  return client === provider ? body : translator(client, provider).fromProvider(body, context);
}

/** One stream on its way to the client; read its `reading` at any time, and after the end to settle. */
export function createStreamTranslation(client: Wire, provider: Wire, context: AnswerContext): StreamTranslation {
  if (client === provider) return createPassThrough(client, context);
  return createTranslated(client, provider, translator(client, provider).createStream(context));
}
