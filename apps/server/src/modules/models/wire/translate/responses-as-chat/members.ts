/** What becomes of the members of a Responses body at a provider that speaks chat, or through chat another wire. */
import { isObject, listAt } from '../../json.ts';
import { type Members, never, only } from '../members.ts';

const KEPT = 'is kept by OpenAI alone: send the whole conversation as input';

export const RESPONSES_MEMBERS: Members = {
  model: 'carried',
  input: 'carried',
  instructions: 'carried',
  stream: 'carried',
  max_output_tokens: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  tools: 'carried',
  tool_choice: (value) =>
    typeof value === 'string' || (isObject(value) && value.type === 'function')
      ? undefined
      : 'can only be none, auto, required or one function here',
  parallel_tool_calls: 'carried',
  text: 'carried',
  reasoning: 'carried',
  user: 'carried',
  safety_identifier: 'carried',
  prompt_cache_key: 'carried',
  prompt_cache_retention: 'harmless',
  prompt_cache_options: 'harmless',
  /** Repeated in the answer. */
  metadata: 'carried',
  stream_options: 'harmless',
  service_tier: only('auto', 'default'),
  truncation: only('disabled'),
  background: only(false),
  store: (value) => (value === false ? undefined : 'can only be false here: answers are kept by OpenAI alone'),
  top_logprobs: only(0),
  include: (value) =>
    listAt(value).every((each) => each === 'reasoning.encrypted_content')
      ? undefined
      : 'can only be reasoning.encrypted_content here',
  previous_response_id: () => KEPT,
  conversation: () => KEPT,
  prompt: () => KEPT,
  context_management: never,
  max_tool_calls: never,
  moderation: never,
};
