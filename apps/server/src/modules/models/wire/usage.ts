/** What a call used, in the provider's own report. */
import { isCount, isObject, objectAt } from './json.ts';
import type { JsonObject, TokenUsage, Wire } from './types.ts';

/** No model reads or writes as much in one call; a report above it is a fault of the provider. */
const TOKENS_MAX = 1e9;

/** Absent counts as none; anything else that is no number of tokens makes the report absurd. */
function tokens(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  return isCount(value) && value <= TOKENS_MAX ? value : undefined;
}

interface Counts {
  readonly input: unknown;
  readonly output: unknown;
  readonly cached?: unknown;
  readonly cacheWrite?: unknown;
  readonly cacheWriteLong?: unknown;
  readonly reasoning?: unknown;
}

function usageFrom(counts: Counts): TokenUsage | undefined {
  const [input, output] = [tokens(counts.input), tokens(counts.output)];
  const [cached, cacheWrite, reasoning] = [tokens(counts.cached), tokens(counts.cacheWrite), tokens(counts.reasoning)];
  if (input === undefined || output === undefined) return undefined;
  if (cached === undefined || cacheWrite === undefined || reasoning === undefined) return undefined;
  if (cached + cacheWrite > input || reasoning > output) return undefined;
  const cacheWriteLong = tokens(counts.cacheWriteLong);
  if (cacheWriteLong === undefined || cacheWriteLong > cacheWrite) return undefined;
  return { input, output, cached, cacheWrite, cacheWriteLong, reasoning, images: 0, isCounted: false };
}

/**
 * Google's and others' chat endpoints leave thought out of `completion_tokens` and count it in `total_tokens` alone,
 * though it is charged as output: what the total has more is output.
 */
function fromChat(usage: JsonObject): TokenUsage | undefined {
  const input = tokens(usage.prompt_tokens);
  const said = tokens(usage.completion_tokens);
  const total = tokens(usage.total_tokens);
  if (input === undefined || said === undefined || total === undefined) return undefined;
  const hidden = Math.max(0, total - input - said);
  const read = objectAt(usage.prompt_tokens_details);
  const thought = tokens(objectAt(usage.completion_tokens_details).reasoning_tokens);
  return usageFrom({
    input,
    output: said + hidden,
    cached: read.cached_tokens ?? usage.prompt_cache_hit_tokens,
    cacheWrite: read.cache_write_tokens,
    reasoning: thought === 0 ? hidden : thought,
  });
}

function fromResponses(usage: JsonObject): TokenUsage | undefined {
  const read = objectAt(usage.input_tokens_details);
  return usageFrom({
    input: usage.input_tokens,
    output: usage.output_tokens,
    cached: read.cached_tokens,
    cacheWrite: read.cache_write_tokens,
    reasoning: objectAt(usage.output_tokens_details).reasoning_tokens,
  });
}

/** Anthropic's `input_tokens` leaves out what was read from and written to the cache; ours is the total. */
function fromMessages(usage: JsonObject): TokenUsage | undefined {
  const input = tokens(usage.input_tokens);
  const cached = tokens(usage.cache_read_input_tokens);
  const cacheWrite = tokens(usage.cache_creation_input_tokens);
  if (input === undefined || cached === undefined || cacheWrite === undefined) return undefined;
  const reasoning = objectAt(usage.output_tokens_details).thinking_tokens;
  const cacheWriteLong = objectAt(usage.cache_creation).ephemeral_1h_input_tokens;
  const total = input + cached + cacheWrite;
  return usageFrom({ input: total, output: usage.output_tokens, cached, cacheWrite, cacheWriteLong, reasoning });
}

const READERS = { chat: fromChat, embeddings: fromChat, responses: fromResponses, messages: fromMessages };
/** Without these a report says nothing that could be charged. */
const NEEDED = {
  chat: ['prompt_tokens', 'completion_tokens'],
  embeddings: ['prompt_tokens'],
  responses: ['input_tokens', 'output_tokens'],
  messages: ['input_tokens', 'output_tokens'],
};

/** The usage member of an answer; undefined where it is missing or absurd. */
export function usageOf(wire: Wire, usage: unknown): TokenUsage | undefined {
  if (!isObject(usage) || !NEEDED[wire].every((name) => isCount(usage[name]))) return undefined;
  return READERS[wire](usage);
}

/** What a whole answer reports; undefined where it does not, or reports less than none, fractions or more than 10⁹. */
export const readUsage = (wire: Wire, answer: unknown): TokenUsage | undefined => usageOf(wire, objectAt(answer).usage);
