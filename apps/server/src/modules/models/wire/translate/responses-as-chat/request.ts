/** A Responses body as a chat body. */
import { compact, countAt, isObject, listAt, objectAt, textAt, wordOf } from '../../json.ts';
import { fitChat } from '../../same.ts';
import type { ForProvider, Json, JsonObject } from '../../types.ts';
import { assertTranslatable, refusePart } from '../members.ts';
import { RESPONSES_MEMBERS } from './members.ts';
import { unsealed } from './seal.ts';

function partOf(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return { type: 'text', text: part.text ?? '' };
    case 'refusal':
      return { type: 'refusal', refusal: part.refusal ?? '' };
    case 'input_image': {
      const url = textAt(part.image_url) ?? refusePart(`${path}/file_id`, 'is a file at OpenAI: use image_url');
      return { type: 'image_url', image_url: compact({ url, detail: part.detail ?? undefined }) };
    }
    case 'input_file': {
      if (typeof part.file_data !== 'string') return refusePart(path, 'must carry its file in file_data here');
      return { type: 'file', file: compact({ filename: part.filename, file_data: part.file_data }) };
    }
    default:
      return refusePart(path, `is a part of type ${wordOf(part.type)}, which this provider does not take`);
  }
}

/** Plain text where there is nothing else: many providers take no parts for it. */
function contentOf(content: Json | undefined, path: string): Json {
  if (typeof content === 'string') return content;
  const parts = listAt(content).map((part, index) => partOf(objectAt(part), `${path}/${index}`));
  return parts.every((part) => part.type === 'text') ? parts.map((part) => textAt(part.text) ?? '').join('') : parts;
}

/** A result is text among chat's roles; pictures in it are told by the user. */
function resultOf(item: JsonObject, path: string): readonly JsonObject[] {
  const content = contentOf(item.output, `${path}/output`);
  const parts = listAt(content).map(objectAt);
  const text =
    textAt(content) ?? parts.flatMap((part) => (part.type === 'text' ? [textAt(part.text) ?? ''] : [])).join('\n');
  const id = textAt(item.call_id) ?? '';
  const rest = parts.filter((part) => part.type !== 'text');
  const result = { role: 'tool', tool_call_id: id, content: text };
  if (rest.length === 0) return [result];
  const told = { type: 'text', text: `What the tool call ${id} returned beside its text:` };
  return [result, { role: 'user', content: [told, ...rest] }];
}

/** What one answer said stands in several items, and in one message of chat. */
interface Turn {
  content: Json | null;
  readonly calls: JsonObject[];
  readonly details: JsonObject[];
}

class Conversation {
  readonly messages: JsonObject[] = [];
  /** Told by the user after all results, which must follow their calls without a break. */
  readonly #later: JsonObject[] = [];
  #turn: Turn | undefined;

  get turn(): Turn {
    this.#later.splice(0).forEach((message) => {
      this.messages.push(message);
    });
    this.#turn ??= { content: null, calls: [], details: [] };
    return this.#turn;
  }

  #closeTurn(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn === undefined || (turn.content === null && turn.calls.length === 0)) return;
    this.messages.push(
      compact({
        role: 'assistant',
        content: turn.content,
        reasoning_details: turn.details.length > 0 ? turn.details : undefined,
        tool_calls: turn.calls.length > 0 ? turn.calls : undefined,
      }),
    );
  }

  say(message: JsonObject): void {
    this.#closeTurn();
    this.messages.push(...this.#later.splice(0), message);
  }

  result(messages: readonly JsonObject[]): void {
    this.#closeTurn();
    const [result, ...later] = messages;
    if (result) this.messages.push(result);
    this.#later.push(...later);
  }

  end(): readonly JsonObject[] {
    this.#closeTurn();
    return [...this.messages, ...this.#later];
  }
}

function addAssistant(conversation: Conversation, item: JsonObject, path: string): void {
  const content = contentOf(item.content, `${path}/content`);
  if (conversation.turn.content !== null || conversation.turn.calls.length > 0)
    conversation.say({ role: 'assistant', content });
  else conversation.turn.content = content;
}

function addItem(conversation: Conversation, item: JsonObject, path: string): void {
  switch (item.type ?? 'message') {
    case 'message': {
      if (item.role === 'assistant') {
        addAssistant(conversation, item, path);
        return;
      }
      const role = item.role === 'user' ? 'user' : 'system';
      conversation.say({ role, content: contentOf(item.content, `${path}/content`) });
      return;
    }
    case 'function_call': {
      const called = { name: item.name ?? '', arguments: item.arguments ?? '' };
      conversation.turn.calls.push({ id: item.call_id ?? item.id ?? '', type: 'function', function: called });
      return;
    }
    case 'function_call_output':
      conversation.result(resultOf(item, path));
      return;
    case 'reasoning':
      conversation.turn.details.push(...unsealed(item.encrypted_content));
      return;
    default:
      refusePart(path, `is an item of type ${wordOf(item.type)}, which OpenAI alone understands`);
  }
}

function messagesOf(body: JsonObject): readonly JsonObject[] {
  const conversation = new Conversation();
  if (typeof body.instructions === 'string' && body.instructions !== '') {
    conversation.say({ role: 'system', content: body.instructions });
  }
  if (typeof body.input === 'string') conversation.say({ role: 'user', content: body.input });
  listAt(body.input).forEach((item, index) => {
    addItem(conversation, objectAt(item), `/input/${index}`);
  });
  return conversation.end();
}

function toolsOf(body: JsonObject): readonly JsonObject[] | undefined {
  const tools = listAt(body.tools).map((item, index): JsonObject => {
    const { type, name, description, parameters, strict } = objectAt(item);
    if (type !== 'function')
      return refusePart(`/tools/${index}`, `is of type ${wordOf(type)}, which OpenAI alone runs`);
    const kept = typeof strict === 'boolean' ? strict : undefined;
    const described = description ?? undefined;
    return {
      type,
      function: compact({ name, description: described, parameters: parameters ?? undefined, strict: kept }),
    };
  });
  return tools.length > 0 ? tools : undefined;
}

function toolChoiceOf(body: JsonObject): Json | undefined {
  const choice = body.tool_choice ?? undefined;
  return isObject(choice) ? { type: 'function', function: { name: choice.name } } : choice;
}

function formatOf(body: JsonObject): JsonObject | undefined {
  const { type, name, schema, strict, description } = objectAt(objectAt(body.text).format);
  if (type === 'json_object') return { type };
  if (type !== 'json_schema') return undefined;
  return { type, json_schema: compact({ name, schema, strict: strict ?? undefined, description }) };
}

/** @throws GuildhallError `models.not-translatable` */
export function responsesToChat(body: JsonObject, target: ForProvider): JsonObject {
  assertTranslatable(RESPONSES_MEMBERS, body);
  const tools = toolsOf(body);
  const sent = compact({
    model: target.model,
    messages: messagesOf(body),
    max_completion_tokens: countAt(body.max_output_tokens),
    tools,
    tool_choice: tools && toolChoiceOf(body),
    parallel_tool_calls: tools ? (body.parallel_tool_calls ?? undefined) : undefined,
    response_format: formatOf(body),
    reasoning_effort: objectAt(body.reasoning).effort ?? undefined,
    verbosity: objectAt(body.text).verbosity ?? undefined,
    temperature: body.temperature ?? undefined,
    top_p: body.top_p ?? undefined,
    user: body.user ?? body.safety_identifier ?? undefined,
    prompt_cache_key: target.kind === 'openai' ? (body.prompt_cache_key ?? undefined) : undefined,
    stream: body.stream === true ? true : undefined,
  });
  return fitChat(sent, target);
}
