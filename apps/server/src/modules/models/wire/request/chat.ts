/** A body of POST /v1/chat/completions. */
import { isObject, objectAt, textAt } from '../json.ts';
import { CHAT_MEMBERS } from '../translate/chat-as-messages/members.ts';
import { refusalsOf } from '../translate/members.ts';
import type { JsonObject, ReadFacts } from '../types.ts';
import { countIn, modelIn, objectsIn, pointer, refuse, refuseWire, switchIn } from './refuse.ts';
import { assertObjectSchema } from './schema.ts';
import { addChatPart, addJson, addText, emptyTally, type Tally } from './tally.ts';

const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);
/** OpenAI's own bound. */
const ANSWERS_MAX = 128;

function addCalls(tally: Tally, message: JsonObject, path: string): void {
  for (const call of objectsIn(message, 'tool_calls', path) ?? []) {
    const { name, arguments: given } = objectAt(call.function ?? call.custom);
    addText(tally, name);
    addText(tally, given ?? objectAt(call.custom).input);
  }
}

function addMessage(tally: Tally, message: JsonObject, path: string): void {
  if (!ROLES.has(textAt(message.role) ?? '')) refuse(`${path}/role`, `must be one of ${[...ROLES].join(', ')}`);
  const { content } = message;
  if (typeof content === 'string') addText(tally, content);
  else if (Array.isArray(content)) {
    for (const part of objectsIn(message, 'content', path) ?? []) {
      if (part.type === 'tool_use' || part.type === 'tool_result') {
        refuseWire('messages', `${path}/content holds a block of type ${part.type}`);
      }
      addChatPart(tally, part);
    }
  } else if (content !== undefined && content !== null) refuse(`${path}/content`, 'must be text or a list of parts');
  addText(tally, message.name);
  addText(tally, message.reasoning_content);
  addText(tally, message.refusal);
  addCalls(tally, message, path);
  if (isObject(message.audio)) tally.hasUnseenInput = true;
}

function addTools(tally: Tally, body: JsonObject): boolean {
  const tools = objectsIn(body, 'tools') ?? [];
  tools.forEach((tool, index) => {
    const path = `/tools/${index}`;
    if (isObject(tool.input_schema)) refuseWire('messages', `${path} has an input_schema`);
    if (tool.type !== 'function') return;
    if (!isObject(tool.function)) refuse(`${path}/function`, 'must describe a function');
    const { name, parameters } = tool.function;
    if (typeof name !== 'string' || name === '') refuse(`${path}/function/name`, 'must name the function');
    if (parameters !== undefined && parameters !== null) assertObjectSchema(parameters, `${path}/function/parameters`);
  });
  const functions = objectsIn(body, 'functions') ?? [];
  functions.forEach(({ parameters }, index) => {
    if (parameters !== undefined) assertObjectSchema(parameters, `/functions/${index}/parameters`);
  });
  for (const list of [tools, functions]) if (list.length > 0) addJson(tally, list);
  return tools.length + functions.length > 0;
}

function addFormat(tally: Tally, body: JsonObject): boolean {
  const format = body.response_format;
  if (format === undefined || format === null) return false;
  if (!isObject(format)) return refuse('/response_format', 'must be an object');
  if (format.type !== 'json_schema') return format.type === 'json_object';
  const { schema } = objectAt(format.json_schema);
  if (!isObject(format.json_schema)) refuse('/response_format/json_schema', 'must hold a name and a schema');
  if (schema !== undefined) assertObjectSchema(schema, '/response_format/json_schema/schema');
  addJson(tally, format.json_schema);
  return true;
}

export function readChat(body: JsonObject): ReadFacts {
  const messages = objectsIn(body, 'messages');
  if (messages === undefined && body.input !== undefined) refuseWire('responses', 'It has an input and no messages');
  if (messages === undefined || messages.length === 0)
    return refuse('/messages', 'must be a list with a message at least');
  const tally = emptyTally();
  messages.forEach((message, index) => {
    addMessage(tally, message, `/messages${pointer(index)}`);
  });
  if (isObject(body.web_search_options)) tally.hasUnseenInput = true;
  const limits = [countIn(body, 'max_tokens'), countIn(body, 'max_completion_tokens')].filter(
    (max) => max !== undefined,
  );
  const usesTools = addTools(tally, body);
  return {
    ...tally,
    messages: messages.length,
    model: modelIn(body),
    stream: switchIn(body, 'stream'),
    outputMax: limits.length > 0 ? Math.max(...limits) : undefined,
    n: countIn(body, 'n', ANSWERS_MAX) ?? 1,
    usesTools,
    usesStructuredOutput: addFormat(tally, body),
    includesUsage: objectAt(body.stream_options).include_usage === true,
    embeddings: undefined,
    sameWireOnly: refusalsOf(CHAT_MEMBERS, body),
  };
}
