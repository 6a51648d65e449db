/** A body of POST /v1/messages, Anthropic's wire. */
import { isObject, objectAt, textAt, wordOf } from '../json.ts';
import { refusalsOf } from '../translate/members.ts';
import { MESSAGES_MEMBERS } from '../translate/messages-as-chat/members.ts';
import type { JsonObject, ReadFacts } from '../types.ts';
import { countIn, modelIn, objectsIn, pointer, refuse, refuseWire, switchIn } from './refuse.ts';
import { assertObjectSchema } from './schema.ts';
import { addBlock, addBlocks, addJson, addText, emptyTally, type Tally } from './tally.ts';

const ROLES = new Set(['user', 'assistant', 'system']);

function addMessage(tally: Tally, message: JsonObject, path: string): void {
  if (message.role === 'tool' || message.role === 'developer' || message.tool_calls !== undefined) {
    refuseWire(
      'chat/completions',
      `${path} has the role ${wordOf(message.role)}${message.tool_calls ? ' and tool_calls' : ''}`,
    );
  }
  if (!ROLES.has(textAt(message.role) ?? '')) refuse(`${path}/role`, `must be one of ${[...ROLES].join(', ')}`);
  if (typeof message.content === 'string') {
    addText(tally, message.content);
    return;
  }
  const blocks = objectsIn(message, 'content', path) ?? refuse(`${path}/content`, 'must be text or a list of blocks');
  for (const block of blocks) {
    if (block.type === 'image_url') refuseWire('chat/completions', `${path}/content holds a part of type image_url`);
    addBlock(tally, block);
  }
}

function addTools(tally: Tally, body: JsonObject): boolean {
  const tools = objectsIn(body, 'tools') ?? [];
  tools.forEach((tool, index) => {
    const path = `/tools/${index}`;
    if (tool.type === 'function') refuseWire('chat/completions', `${path} has the type function`);
    // Tools that the provider runs itself, or whose schema it knows, have no schema here.
    if (tool.type !== undefined && tool.type !== null && tool.type !== 'custom') {
      tally.hasUnseenInput = true;
      return;
    }
    if (typeof tool.name !== 'string' || tool.name === '') refuse(`${path}/name`, 'must name the tool');
    assertObjectSchema(tool.input_schema, `${path}/input_schema`);
  });
  if (tools.length > 0) addJson(tally, tools);
  return tools.length > 0;
}

function addFormat(tally: Tally, body: JsonObject): boolean {
  const format = objectAt(body.output_config).format ?? body.output_format;
  if (!isObject(format)) return false;
  assertObjectSchema(format.schema, body.output_format ? '/output_format/schema' : '/output_config/format/schema');
  addJson(tally, format.schema);
  return true;
}

export function readMessages(body: JsonObject): ReadFacts {
  const messages = objectsIn(body, 'messages');
  if (messages === undefined && body.input !== undefined) refuseWire('responses', 'It has an input and no messages');
  if (messages === undefined || messages.length === 0)
    return refuse('/messages', 'must be a list with a message at least');
  const tally = emptyTally();
  if (Array.isArray(body.system)) objectsIn(body, 'system');
  else if (body.system !== undefined && typeof body.system !== 'string')
    refuse('/system', 'must be text or a list of blocks');
  addBlocks(tally, body.system);
  messages.forEach((message, index) => {
    addMessage(tally, message, `/messages${pointer(index)}`);
  });
  if (body.container ?? body.mcp_servers) tally.hasUnseenInput = true;
  return {
    ...tally,
    usesTools: addTools(tally, body),
    usesStructuredOutput: addFormat(tally, body),
    hasUnseenInput: tally.hasUnseenInput,
    messages: messages.length,
    model: modelIn(body),
    stream: switchIn(body, 'stream'),
    outputMax: countIn(body, 'max_tokens') ?? refuse('/max_tokens', 'is needed in this wire'),
    n: 1,
    includesUsage: true,
    embeddings: undefined,
    sameWireOnly: refusalsOf(MESSAGES_MEMBERS, body),
  };
}
