/** A body of POST /v1/responses. */
import { isObject, listAt, objectAt } from '../json.ts';
import { refusalsOf } from '../translate/members.ts';
import { RESPONSES_MEMBERS } from '../translate/responses-as-chat/members.ts';
import type { Json, JsonObject, ReadFacts } from '../types.ts';
import { countIn, modelIn, objectsIn, refuse, refuseWire, switchIn } from './refuse.ts';
import { assertObjectSchema } from './schema.ts';
import { addJson, addText, emptyTally, type Tally } from './tally.ts';

function addContent(tally: Tally, content: Json | undefined): void {
  if (typeof content === 'string') {
    addText(tally, content);
    return;
  }
  for (const part of listAt(content).map(objectAt)) {
    if (part.type === 'input_image') tally.images += 1;
    else if (part.type === 'input_file') tally.hasUnseenInput = true;
    else if (typeof part.text === 'string') addText(tally, part.text);
    else if (typeof part.refusal === 'string') addText(tally, part.refusal);
    else addJson(tally, part);
  }
}

function addItem(tally: Tally, item: JsonObject): void {
  switch (item.type ?? 'message') {
    case 'message':
      addContent(tally, item.content);
      return;
    case 'function_call':
      addText(tally, item.name);
      addText(tally, item.arguments);
      return;
    case 'function_call_output':
      addContent(tally, item.output);
      return;
    case 'reasoning':
      addContent(tally, item.summary);
      addContent(tally, item.content);
      addText(tally, item.encrypted_content);
      return;
    case 'item_reference':
      tally.hasUnseenInput = true;
      return;
    default:
      addJson(tally, item);
  }
}

function addTools(tally: Tally, body: JsonObject): boolean {
  const tools = objectsIn(body, 'tools') ?? [];
  tools.forEach((tool, index) => {
    const path = `/tools/${index}`;
    if (isObject(tool.function)) refuseWire('chat/completions', `${path} wraps its function`);
    if (isObject(tool.input_schema)) refuseWire('messages', `${path} has an input_schema`);
    if (tool.type === 'custom') return;
    if (tool.type !== 'function') {
      tally.hasUnseenInput = true;
      return;
    }
    if (typeof tool.name !== 'string' || tool.name === '') refuse(`${path}/name`, 'must name the function');
    const { parameters } = tool;
    if (parameters !== undefined && parameters !== null) assertObjectSchema(parameters, `${path}/parameters`);
  });
  if (tools.length > 0) addJson(tally, tools);
  return tools.length > 0;
}

function addFormat(tally: Tally, body: JsonObject): boolean {
  const format = objectAt(objectAt(body.text).format);
  if (format.type !== 'json_schema') return format.type === 'json_object';
  assertObjectSchema(format.schema, '/text/format/schema');
  addJson(tally, format.schema);
  return true;
}

/** What the provider keeps and reads by itself. */
const UNSEEN = ['previous_response_id', 'conversation', 'prompt'];

function addInput(tally: Tally, body: JsonObject, isUnseen: boolean): void {
  if (typeof body.input === 'string') {
    addText(tally, body.input);
    return;
  }
  const items = objectsIn(body, 'input');
  if (items === undefined && body.messages !== undefined) {
    refuseWire('chat/completions', 'It has messages and no input');
  }
  if (items === undefined && !isUnseen) refuse('/input', 'must be text or a list of items');
  if (items?.length === 0 && !isUnseen) refuse('/input', 'must hold at least one item');
  for (const item of items ?? []) addItem(tally, item);
  tally.messages = items?.length ?? 0;
}

export function readResponses(body: JsonObject): ReadFacts {
  const tally = emptyTally();
  tally.messages = 1;
  const isUnseen = UNSEEN.some((name) => body[name] !== undefined && body[name] !== null);
  const { instructions } = body;
  if (instructions !== undefined && instructions !== null && typeof instructions !== 'string') {
    refuse('/instructions', 'must be text');
  }
  addText(tally, instructions);
  addInput(tally, body, isUnseen);
  const usesTools = addTools(tally, body);
  const usesStructuredOutput = addFormat(tally, body);
  return {
    ...tally,
    hasUnseenInput: tally.hasUnseenInput || isUnseen,
    model: modelIn(body),
    stream: switchIn(body, 'stream'),
    outputMax: countIn(body, 'max_output_tokens'),
    n: 1,
    usesTools,
    usesStructuredOutput,
    includesUsage: true,
    embeddings: undefined,
    sameWireOnly: refusalsOf(RESPONSES_MEMBERS, body),
  };
}
