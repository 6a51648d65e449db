/** The client's own body, with what only the gateway knows. */
import { objectAt } from './json.ts';
import type { ForProvider, JsonObject, ProviderKind, Wire } from './types.ts';

/** They know `max_completion_tokens`; OpenAI's reasoning models know nothing else. */
const KNOWS_COMPLETION: ReadonlySet<ProviderKind> = new Set(['openai', 'google', 'openrouter']);

/** The limit of a chat answer, under the name that the provider knows. */
export function chatLimit({ outputMax, kind = 'openai' }: ForProvider): JsonObject {
  if (outputMax === undefined) return {};
  return KNOWS_COMPLETION.has(kind) ? { max_completion_tokens: outputMax } : { max_tokens: outputMax };
}

function withLimit(wire: Wire, body: JsonObject, target: ForProvider): JsonObject {
  if (target.outputMax === undefined || wire === 'embeddings') return body;
  if (wire === 'messages') return { ...body, max_tokens: target.outputMax };
  if (wire === 'responses') return { ...body, max_output_tokens: target.outputMax };
  const { max_tokens: _, max_completion_tokens: __, ...rest } = body;
  return { ...rest, ...chatLimit(target) };
}

/** For a provider that speaks the client's wire. */
export function toSameWire(wire: Wire, body: JsonObject, target: ForProvider): JsonObject {
  const sent = { ...withLimit(wire, body, target), model: target.model };
  if (wire !== 'chat' || body.stream !== true) return sent;
  return { ...sent, stream_options: { ...objectAt(body.stream_options), include_usage: true } };
}
