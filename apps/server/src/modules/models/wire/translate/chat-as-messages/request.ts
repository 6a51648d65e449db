/** A chat body for a provider that speaks Anthropic's wire. */
import { compact, countAt, isObject, listAt, objectAt, textAt, wordOf } from '../../json.ts';
import type { ForProvider, Json, JsonObject } from '../../types.ts';
import { argumentsOf } from '../arguments.ts';
import { fromDataUrl } from '../data-url.ts';
import { assertTranslatable, refusePart } from '../members.ts';
import { CHAT_MEMBERS } from './members.ts';
import { thinkingFor } from './thinking.ts';

/** Anthropic demands a limit; this is the least that any of its models since Claude 3 can write. */
const OUTPUT_TOKENS_DEFAULT = 4096;
const OLD_FORM = 'is the old form of tools: use tool_calls and the role tool';

/** Marks for Anthropic's prompt cache are kept where a client set them. */
const marked = (block: JsonObject, part: JsonObject): JsonObject =>
  isObject(part.cache_control) ? { ...block, cache_control: part.cache_control } : block;

function imageBlock(part: JsonObject, path: string): JsonObject {
  const url = textAt(isObject(part.image_url) ? part.image_url.url : part.image_url) ?? '';
  const file = fromDataUrl(url);
  if (file) {
    return { type: 'image', source: { type: 'base64', media_type: file.mediaType, data: file.base64 } };
  }
  if (!url.startsWith('https://')) refusePart(`${path}/image_url/url`, 'must be https or data with base64 here');
  return { type: 'image', source: { type: 'url', url } };
}

function documentBlock(part: JsonObject, path: string): JsonObject {
  const { file_data: data, filename } = objectAt(part.file);
  const file = fromDataUrl(textAt(data) ?? '');
  if (file?.mediaType !== 'application/pdf') {
    return refusePart(`${path}/file`, 'must be a PDF inside the request: file_data with data:application/pdf;base64,');
  }
  const source = { type: 'base64', media_type: file.mediaType, data: file.base64 };
  return compact({ type: 'document', source, title: filename });
}

function blockOf(part: JsonObject, path: string): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
      return part.text === '' ? [] : [marked({ type: 'text', text: part.text ?? '' }, part)];
    case 'refusal':
      return [{ type: 'text', text: part.refusal ?? '' }];
    case 'image_url':
      return [marked(imageBlock(part, path), part)];
    case 'file':
      return [marked(documentBlock(part, path), part)];
    default:
      return refusePart(path, `is a part of type ${wordOf(part.type)}, which this provider does not take`);
  }
}

/** Empty texts are left out: Anthropic refuses them and they say nothing. */
function blocksOf(content: Json | undefined, path: string): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return listAt(content).flatMap((part, index) => blockOf(objectAt(part), `${path}/content/${index}`));
}

/** The thought that a former answer carried, which Anthropic wants back unchanged while tools are at work. */
function thoughtsOf(message: JsonObject): readonly JsonObject[] {
  return listAt(message.reasoning_details).flatMap((item): readonly JsonObject[] => {
    const detail = objectAt(item);
    if (detail.type === 'reasoning.encrypted') return [{ type: 'redacted_thinking', data: detail.data ?? '' }];
    if (detail.type !== 'reasoning.text' || typeof detail.signature !== 'string') return [];
    return [{ type: 'thinking', thinking: detail.text ?? '', signature: detail.signature }];
  });
}

function callBlocks(message: JsonObject, path: string): readonly JsonObject[] {
  return listAt(message.tool_calls).map((item, index) => {
    const call = objectAt(item);
    const at = `${path}/tool_calls/${index}`;
    if (call.type !== undefined && call.type !== 'function') refusePart(at, 'is no call of a function');
    const { name, arguments: given } = objectAt(call.function);
    const input = argumentsOf(textAt(given) ?? '') ?? refusePart(`${at}/function/arguments`, 'must be a JSON object');
    return { type: 'tool_use', id: call.id ?? '', name: name ?? '', input };
  });
}

function turnOf(message: JsonObject, path: string): { readonly role: string; readonly blocks: readonly JsonObject[] } {
  switch (message.role) {
    case 'user':
      return { role: 'user', blocks: blocksOf(message.content, path) };
    case 'assistant': {
      if (isObject(message.function_call)) refusePart(`${path}/function_call`, OLD_FORM);
      if (isObject(message.audio)) refusePart(`${path}/audio`);
      const refusal = textAt(message.refusal);
      const spoken = refusal ? [{ type: 'text', text: refusal }] : [];
      const said = [...blocksOf(message.content, path), ...spoken];
      return { role: 'assistant', blocks: [...thoughtsOf(message), ...said, ...callBlocks(message, path)] };
    }
    case 'tool': {
      const content = typeof message.content === 'string' ? message.content : blocksOf(message.content, path);
      return { role: 'user', blocks: [{ type: 'tool_result', tool_use_id: message.tool_call_id ?? '', content }] };
    }
    default:
      return refusePart(`${path}/role`, OLD_FORM);
  }
}

const isInstruction = (message: JsonObject): boolean => message.role === 'system' || message.role === 'developer';

/** All instructions stand at the beginning, as Anthropic's own OpenAI-compatible endpoint has them. */
function systemOf(messages: readonly JsonObject[]): readonly JsonObject[] {
  return messages.flatMap((message, index) =>
    isInstruction(message) ? blocksOf(message.content, `/messages/${index}`) : [],
  );
}

function turnsOf(messages: readonly JsonObject[]): readonly JsonObject[] {
  const turns: { readonly role: string; readonly content: JsonObject[] }[] = [];
  messages.forEach((message, index) => {
    if (isInstruction(message)) return;
    const { role, blocks } = turnOf(message, `/messages/${index}`);
    if (blocks.length === 0) return;
    const last = turns.at(-1);
    // Results of one round of calls must stand in one turn.
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  });
  return turns;
}

function toolsOf(body: JsonObject): readonly JsonObject[] | undefined {
  const tools = listAt(body.tools).map((item, index) => {
    const tool = objectAt(item);
    if (tool.type !== 'function')
      return refusePart(`/tools/${index}`, 'is no function, and this provider runs none itself');
    const { name, description, parameters, strict } = objectAt(tool.function);
    const schema = parameters ?? { type: 'object', properties: {} };
    const kept = typeof strict === 'boolean' ? strict : undefined;
    return marked(compact({ name, description, input_schema: schema, strict: kept }), tool);
  });
  return tools.length > 0 ? tools : undefined;
}

function toolChoiceOf(body: JsonObject, hasTools: boolean): JsonObject | undefined {
  if (!hasTools) return undefined;
  const choice = body.tool_choice ?? 'auto';
  const single = body.parallel_tool_calls === false ? { disable_parallel_tool_use: true } : {};
  if (choice === 'none') return { type: 'none' };
  if (choice === 'required') return { type: 'any', ...single };
  if (isObject(choice)) return { type: 'tool', name: objectAt(choice.function).name, ...single };
  return body.tool_choice === undefined && body.parallel_tool_calls !== false ? undefined : { type: 'auto', ...single };
}

/** Structured output is Anthropic's own `output_config.format`; no tool is forced in its place. */
function formatOf(body: JsonObject): JsonObject | undefined {
  const format = objectAt(body.response_format);
  if (format.type !== 'json_schema') return undefined;
  const { schema } = objectAt(format.json_schema);
  if (!isObject(schema)) return refusePart('/response_format/json_schema/schema', 'is needed at this provider');
  return { type: 'json_schema', schema };
}

const limitOf = (body: JsonObject, { outputMax }: ForProvider): number =>
  outputMax ?? countAt(body.max_completion_tokens) ?? countAt(body.max_tokens) ?? OUTPUT_TOKENS_DEFAULT;

/** @throws GuildhallError `models.not-translatable` */
export function chatToMessages(body: JsonObject, target: ForProvider): JsonObject {
  assertTranslatable(CHAT_MEMBERS, body);
  const messages = listAt(body.messages).map(objectAt);
  const [system, turns, tools] = [systemOf(messages), turnsOf(messages), toolsOf(body)];
  const limit = limitOf(body, target);
  const { thinking, effort } = thinkingFor({ body, model: target.model, limit, turns });
  const config = compact({ effort, format: formatOf(body) });
  const user = textAt(body.safety_identifier) ?? textAt(body.user);
  return compact({
    model: target.model,
    max_tokens: limit,
    system: system.length > 0 ? system : undefined,
    messages: turns,
    tools,
    tool_choice: toolChoiceOf(body, tools !== undefined),
    thinking,
    output_config: Object.keys(config).length > 0 ? config : undefined,
    stop_sequences: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? undefined),
    temperature: body.temperature ?? undefined,
    top_p: body.top_p ?? undefined,
    top_k: body.top_k ?? undefined,
    metadata: user === undefined ? undefined : { user_id: user },
    stream: body.stream ?? undefined,
  });
}
