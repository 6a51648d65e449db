/** What becomes of the members of a chat body at a provider that speaks Anthropic's wire. */
import { isObject, listAt } from '../../json.ts';
import type { Json } from '../../types.ts';
import { type Members, never, only } from '../members.ts';

const USE_TOOLS = 'is the old form of tools: use /tools and /tool_choice';

function temperature(value: Json): string | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'must be from 0 to 1 at this provider';
}

function format(value: Json): string | undefined {
  const type = isObject(value) ? value.type : undefined;
  if (type === 'json_object') return 'can only be json_schema here: give the schema of the answer';
  return type === 'text' || type === 'json_schema' ? undefined : 'is of no kind that this provider has';
}

function toolChoice(value: Json): string | undefined {
  if (typeof value === 'string') return ['none', 'auto', 'required'].includes(value) ? undefined : 'is unknown';
  return isObject(value) && value.type === 'function'
    ? undefined
    : 'can only be none, auto, required or one function here';
}

export const CHAT_MEMBERS: Members = {
  model: 'carried',
  messages: 'carried',
  stream: 'carried',
  max_tokens: 'carried',
  max_completion_tokens: 'carried',
  stop: 'carried',
  temperature,
  top_p: 'carried',
  top_k: 'carried',
  tools: 'carried',
  tool_choice: toolChoice,
  parallel_tool_calls: 'carried',
  response_format: format,
  reasoning_effort: 'carried',
  /** Anthropic's own way to say it, which its OpenAI-compatible endpoint takes too. */
  thinking: 'carried',
  user: 'carried',
  safety_identifier: 'carried',
  stream_options: 'harmless',
  /** Best effort by its own definition. */
  seed: 'harmless',
  metadata: 'harmless',
  /** They make an answer cheaper or faster, not different. */
  prediction: 'harmless',
  prompt_cache_key: 'harmless',
  prompt_cache_retention: 'harmless',
  prompt_cache_options: 'harmless',
  service_tier: only('auto', 'default'),
  n: only(1),
  store: only(false),
  logprobs: only(false),
  top_logprobs: only(0),
  frequency_penalty: only(0),
  presence_penalty: only(0),
  verbosity: only('medium'),
  logit_bias: (value) => (isObject(value) && Object.keys(value).length === 0 ? undefined : 'has no equivalent here'),
  modalities: (value) => (listAt(value).every((each) => each === 'text') ? undefined : 'can only be text here'),
  functions: () => USE_TOOLS,
  function_call: () => USE_TOOLS,
  audio: never,
  web_search_options: never,
  moderation: never,
};
