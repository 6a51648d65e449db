/** Anthropic's body for a provider that speaks chat. */
import { compact, countAt, isObject, listAt, objectAt, textAt, wordOf } from '../../json.ts';
import { fitChat } from '../../same.ts';
import type { ForProvider, Json, JsonObject } from '../../types.ts';
import { argumentsAsText } from '../arguments.ts';
import { toDataUrl } from '../data-url.ts';
import { assertTranslatable, refusePart } from '../members.ts';
import { MESSAGES_MEMBERS } from './members.ts';

const textPart = (text: Json | undefined): JsonObject => ({ type: 'text', text: text ?? '' });

function imagePart(block: JsonObject, path: string): JsonObject {
  const source = objectAt(block.source);
  if (source.type === 'url') return { type: 'image_url', image_url: { url: source.url } };
  const [mediaType, base64] = [textAt(source.media_type), textAt(source.data)];
  if (source.type !== 'base64' || mediaType === undefined || base64 === undefined) {
    return refusePart(`${path}/source`, 'must be base64 or an address at this provider');
  }
  return { type: 'image_url', image_url: { url: toDataUrl({ mediaType, base64 }) } };
}

function documentParts(block: JsonObject, path: string): readonly JsonObject[] {
  const source = objectAt(block.source);
  const title = textAt(block.title);
  const context = textAt(block.context);
  const about = [title, context].filter((text) => text !== undefined).map(textPart);
  if (source.type === 'text') return [...about, textPart(source.data)];
  if (source.type === 'content') {
    if (typeof source.content === 'string') return [...about, textPart(source.content)];
    return [
      ...about,
      ...listAt(source.content).flatMap((each, index) => partsOf(objectAt(each), `${path}/source/content/${index}`)),
    ];
  }
  const base64 = textAt(source.data);
  if (source.type !== 'base64' || base64 === undefined) {
    return refusePart(`${path}/source`, 'must be text or base64 at this provider');
  }
  const file_data = toDataUrl({ mediaType: 'application/pdf', base64 });
  const file = { type: 'file', file: { filename: title ?? 'document.pdf', file_data } };
  return context === undefined ? [file] : [textPart(context), file];
}

function partsOf(block: JsonObject, path: string): readonly JsonObject[] {
  switch (block.type) {
    case 'text':
      return [textPart(block.text)];
    case 'image':
      return [imagePart(block, path)];
    case 'document':
      return documentParts(block, path);
    default:
      return refusePart(path, `is a block of type ${wordOf(block.type)}, which this provider does not take`);
  }
}

/** Plain text where there is nothing else: many providers take no parts for it. */
function contentOf(parts: readonly JsonObject[]): Json {
  const [first] = parts;
  return parts.length === 1 && first?.type === 'text' ? (first.text ?? '') : parts;
}

/** The text of a result goes to the role tool, which takes text alone; its pictures follow in the user's words. */
function resultMessages(
  block: JsonObject,
  path: string,
): { readonly result: JsonObject; readonly rest: readonly JsonObject[] } {
  const id = textAt(block.tool_use_id) ?? '';
  const parts =
    typeof block.content === 'string'
      ? [textPart(block.content)]
      : listAt(block.content).flatMap((each, index) => partsOf(objectAt(each), `${path}/content/${index}`));
  const text = parts.flatMap((part) => (part.type === 'text' ? [textAt(part.text) ?? ''] : [])).join('\n');
  const rest = parts.filter((part) => part.type !== 'text');
  const content = block.is_error === true ? `Error: ${text}` : text;
  const named = rest.length > 0 ? [textPart(`What the tool call ${id} returned beside its text:`), ...rest] : [];
  return { result: { role: 'tool', tool_call_id: id, content }, rest: named };
}

function userMessages(blocks: readonly JsonObject[], path: string): readonly JsonObject[] {
  const results: JsonObject[] = [];
  const parts: JsonObject[] = [];
  blocks.forEach((block, index) => {
    const at = `${path}/content/${index}`;
    if (block.type !== 'tool_result') {
      parts.push(...partsOf(block, at));
      return;
    }
    const { result, rest } = resultMessages(block, at);
    results.push(result);
    parts.push(...rest);
  });
  return parts.length > 0 ? [...results, { role: 'user', content: contentOf(parts) }] : results;
}

/** Thought of former turns is left out: only Anthropic can read it, and chat providers keep none. */
function assistantMessage(blocks: readonly JsonObject[], path: string): readonly JsonObject[] {
  const texts: string[] = [];
  const calls: JsonObject[] = [];
  blocks.forEach((block, index) => {
    if (block.type === 'text') texts.push(textAt(block.text) ?? '');
    else if (block.type === 'tool_use') {
      const called = { name: block.name ?? '', arguments: argumentsAsText(block.input) };
      calls.push({ id: block.id ?? '', type: 'function', function: called });
    } else if (block.type !== 'thinking' && block.type !== 'redacted_thinking') {
      refusePart(
        `${path}/content/${index}`,
        `is a block of type ${wordOf(block.type)}, which this provider does not take`,
      );
    }
  });
  if (texts.length === 0 && calls.length === 0) return [];
  const content = texts.length > 0 ? texts.join('') : null;
  return [compact({ role: 'assistant', content, tool_calls: calls.length > 0 ? calls : undefined })];
}

function messagesOf(body: JsonObject): readonly JsonObject[] {
  return listAt(body.messages).flatMap((item, index) => {
    const { role, content } = objectAt(item);
    if (typeof content === 'string') return [{ role, content }];
    const [blocks, path] = [listAt(content).map(objectAt), `/messages/${index}`];
    if (role === 'assistant') return assistantMessage(blocks, path);
    if (role === 'user') return userMessages(blocks, path);
    return [{ role: 'system', content: textOf(blocks) }];
  });
}

const textOf = (blocks: readonly JsonObject[]): string => blocks.map((block) => textAt(block.text) ?? '').join('\n\n');

function systemMessage(system: Json | undefined): readonly JsonObject[] {
  const text = textAt(system) ?? textOf(listAt(system).map(objectAt));
  return text === '' ? [] : [{ role: 'system', content: text }];
}

function toolsOf(body: JsonObject): readonly JsonObject[] | undefined {
  const tools = listAt(body.tools).map((item, index): JsonObject => {
    const { type, name, description, input_schema: parameters, strict } = objectAt(item);
    if (type !== undefined && type !== null && type !== 'custom') {
      return refusePart(
        `/tools/${index}`,
        `is Anthropic's own tool ${wordOf(type)}, which this provider does not have`,
      );
    }
    const kept = typeof strict === 'boolean' ? strict : undefined;
    return { type: 'function', function: compact({ name, description, parameters, strict: kept }) };
  });
  return tools.length > 0 ? tools : undefined;
}

function toolChoiceOf(choice: JsonObject): Json | undefined {
  switch (choice.type) {
    case undefined:
      return undefined;
    case 'any':
      return 'required';
    case 'tool':
      return { type: 'function', function: { name: choice.name } };
    case 'auto':
    case 'none':
      return choice.type;
    default:
      return refusePart('/tool_choice/type', 'is unknown');
  }
}

/** Where Anthropic's budgets of thought end and OpenAI's efforts begin, the middle between the steps we use the other way. */
const EFFORT_BY_BUDGET: readonly (readonly [budgetMax: number, effort: string])[] = [
  [4096, 'low'],
  [12_288, 'medium'],
];

/** Nothing where the client leaves it to the model: many models behind chat do not reason and refuse to be asked. */
function effortOf(body: JsonObject): Json | undefined {
  const { effort } = objectAt(body.output_config);
  if (typeof effort === 'string') return effort === 'max' ? 'xhigh' : effort;
  const { type, budget_tokens: budget } = objectAt(body.thinking);
  if (type !== 'enabled' || typeof budget !== 'number') return undefined;
  return EFFORT_BY_BUDGET.find(([max]) => budget <= max)?.[1] ?? 'high';
}

function formatOf(body: JsonObject): JsonObject | undefined {
  const format = objectAt(body.output_config).format ?? body.output_format;
  if (!isObject(format)) return undefined;
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } };
}

/** @throws GuildhallError `models.not-translatable` */
export function messagesToChatBody(body: JsonObject, target: ForProvider): JsonObject {
  assertTranslatable(MESSAGES_MEMBERS, body);
  const choice = objectAt(body.tool_choice);
  const tools = toolsOf(body);
  const sent = compact({
    model: target.model,
    messages: [...systemMessage(body.system), ...messagesOf(body)],
    max_completion_tokens: countAt(body.max_tokens),
    tools,
    tool_choice: tools && toolChoiceOf(choice),
    parallel_tool_calls: tools && choice.disable_parallel_tool_use === true ? false : undefined,
    response_format: formatOf(body),
    reasoning_effort: effortOf(body),
    stop: Array.isArray(body.stop_sequences) && body.stop_sequences.length > 0 ? body.stop_sequences : undefined,
    temperature: body.temperature ?? undefined,
    top_p: body.top_p ?? undefined,
    user: textAt(objectAt(body.metadata).user_id),
    stream: body.stream === true ? true : undefined,
  });
  return fitChat(sent, target);
}
