/** A body as the provider takes it, with what only the gateway knows. */
import { objectAt } from './json.ts';
import type { ForProvider, JsonObject, ProviderKind, Wire } from './types.ts';

/** They know `max_completion_tokens`, and OpenAI's reasoning models nothing else; the others know `max_tokens` alone. */
const KNOWS_COMPLETION: ReadonlySet<ProviderKind> = new Set(['openai', 'google', 'openrouter']);

function withChatLimit(body: JsonObject, { outputMax, kind = 'openai' }: ForProvider): JsonObject {
  const { max_tokens: _, max_completion_tokens: said, ...rest } = body;
  if (KNOWS_COMPLETION.has(kind)) {
    return outputMax === undefined ? body : { ...rest, max_completion_tokens: outputMax };
  }
  const limit = outputMax ?? said ?? undefined;
  return limit === undefined ? body : { ...rest, max_tokens: limit };
}

/** A body in the words of chat, as the kind of provider takes it: Mistral refuses what it does not know and tells the usage unasked. */
export function fitChat(body: JsonObject, target: ForProvider): JsonObject {
  const limited = withChatLimit(body, target);
  if (target.kind === 'mistral') {
    const { stream_options: _, user: __, ...rest } = limited;
    return rest;
  }
  if (body.stream !== true) return limited;
  return { ...limited, stream_options: { ...objectAt(body.stream_options), include_usage: true } };
}

/** For a provider that speaks the client's wire. */
export function toSameWire(wire: Wire, body: JsonObject, target: ForProvider): JsonObject {
  const sent = { ...body, model: target.model };
  if (wire === 'chat') return fitChat(sent, target);
  if (target.outputMax === undefined || wire === 'embeddings') return sent;
  return wire === 'messages'
    ? { ...sent, max_tokens: target.outputMax }
    : { ...sent, max_output_tokens: target.outputMax };
}
