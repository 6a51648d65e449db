/**
 * What may be asked of a provider with the customer's own key alone: what is charged beside tokens or at other rates than those of the price
 * book, and what the account behind the key keeps, which with the operator's key would be what other customers left there.
 */
import type { FieldError } from '../../../../platform/errors/index.ts';
import { isObject, listAt, objectAt, textAt } from '../json.ts';
import type { Json, JsonObject, Wire } from '../types.ts';
import { pointer } from './refuse.ts';

const NO_PRICE = 'has no price here';
const KEPT = 'is kept in the account behind the key';
const UNKNOWN = 'is not known here, so it has no price';

type Rule = (value: Json) => string | undefined;

const names = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const only =
  (...values: readonly Json[]): Rule =>
  (value) =>
    values.includes(value) ? undefined : `can only be ${values.map((each) => JSON.stringify(each)).join(' or ')} here`;
const noPrice: Rule = () => NO_PRICE;
const kept: Rule = () => KEPT;

/** They change an answer, and its price through its tokens alone. */
const FREE: Readonly<Record<Wire, ReadonlySet<string>>> = {
  chat: names(
    'model messages stream stream_options max_tokens max_completion_tokens min_tokens n stop temperature top_p top_k top_a min_p ' +
      'frequency_penalty presence_penalty repetition_penalty logit_bias logprobs top_logprobs seed random_seed response_format tools tool_choice ' +
      'parallel_tool_calls functions function_call reasoning reasoning_effort include_reasoning thinking enable_thinking prompt_mode safe_prompt user ' +
      'safety_identifier metadata prediction prompt_cache_key prompt_cache_retention prompt_cache_options verbosity cache_control',
  ),
  responses: names(
    'model input instructions stream stream_options max_output_tokens max_tool_calls temperature top_p top_logprobs tools tool_choice parallel_tool_calls ' +
      'text reasoning user safety_identifier metadata prompt_cache_key prompt_cache_retention prompt_cache_options truncation include',
  ),
  messages: names(
    'model messages system stream max_tokens stop_sequences temperature top_p top_k tools tool_choice thinking metadata output_config output_format ' +
      'cache_control context_management',
  ),
  embeddings: names(
    'model input encoding_format dimensions user input_type task truncate output_dtype output_dimension',
  ),
};

const RULES: Readonly<Record<Wire, Readonly<Record<string, Rule>>>> = {
  chat: {
    service_tier: only('auto', 'default'),
    modalities: (value) => (listAt(value).every((each) => each === 'text') ? undefined : 'can only be text here'),
    store: only(false),
    audio: noPrice,
    web_search_options: noPrice,
  },
  responses: {
    service_tier: only('auto', 'default'),
    background: only(false),
    store: only(false),
    previous_response_id: kept,
    conversation: kept,
    prompt: kept,
  },
  messages: {
    service_tier: only('auto', 'standard_only'),
    speed: only('standard'),
    inference_geo: only('global'),
    container: kept,
    mcp_servers: noPrice,
  },
  embeddings: {},
};

/** Tools whose calls the client answers itself. All others the provider runs, at a price of their own. */
const CLIENT_TOOLS: Readonly<Record<Wire, RegExp>> = {
  chat: /^(?:function|custom)$/,
  responses: /^(?:function|custom|local_shell|apply_patch)$/,
  messages: /^(?:custom|(?:bash|text_editor|computer|memory)_\d+)$/,
  embeddings: /^$/,
};

const UNHEARD = new Set(['input_audio', 'audio', 'video_url', 'input_video', 'video']);

function ofPart(part: JsonObject): string | undefined {
  if (UNHEARD.has(textAt(part.type) ?? '')) return NO_PRICE;
  if (part.type === 'item_reference' || isObject(part.audio)) return KEPT;
  const holders = [part, objectAt(part.file), objectAt(part.source)];
  return holders.some(({ file_id: id }) => id !== undefined && id !== null) ? KEPT : undefined;
}

function addParts(found: FieldError[], value: Json | undefined, path: string): void {
  listAt(value).forEach((item, index) => {
    if (!isObject(item)) return;
    const at = path + pointer(index);
    const message = ofPart(item);
    if (message) found.push({ path: at, message });
    for (const name of ['content', 'output']) addParts(found, item[name], at + pointer(name));
    addParts(found, objectAt(item.source).content, `${at}/source/content`);
  });
}

/** Empty where the operator's key will do. */
export function ownAccountOnly(wire: Wire, body: JsonObject): readonly FieldError[] {
  const found: FieldError[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null || FREE[wire].has(name)) continue;
    const rule: Rule = Object.hasOwn(RULES[wire], name) ? (RULES[wire][name] ?? noPrice) : () => UNKNOWN;
    const message = rule(value);
    if (message !== undefined) found.push({ path: pointer(name), message });
  }
  listAt(body.tools).forEach((tool, index) => {
    const type = textAt(objectAt(tool).type) ?? (wire === 'messages' ? 'custom' : 'function');
    if (!CLIENT_TOOLS[wire].test(type)) found.push({ path: `/tools/${index}`, message: NO_PRICE });
  });
  for (const name of ['messages', 'input', 'system']) addParts(found, body[name], pointer(name));
  return found;
}
