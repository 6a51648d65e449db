/** OpenAI's `/v1/responses`. */
import { inputTokensOf } from '../input.ts';
import { asArray, asNumber, asObject, asString } from '../json.ts';
import type { Ask, Plan, PlannedCall, Usage } from '../plan.ts';
import { sampleOf } from '../schema.ts';
import type { Json, JsonObject, ToolCall } from '../types.ts';
import { refusalOf } from './errors.ts';
import type { Frame, WireForm } from './form.ts';

function forcedCall(body: JsonObject): ToolCall | undefined {
  const choice = body.tool_choice;
  const tools = asArray(body.tools)
    .map(asObject)
    .filter((tool) => tool.type === 'function');
  const tool =
    choice === 'required'
      ? tools[0]
      : tools.find((one) => asObject(choice).type === 'function' && one.name === asObject(choice).name);
  if (!tool) return undefined;
  return {
    name: asString(tool.name) ?? '',
    arguments: JSON.stringify(sampleOf(tool.parameters ?? { type: 'object' })),
  };
}

function forcedText(body: JsonObject): string | undefined {
  const format = asObject(asObject(body.text).format);
  if (format.type === 'json_object') return '{"mock":true}';
  return format.type === 'json_schema' ? JSON.stringify(sampleOf(format.schema ?? {})) : undefined;
}

function read(body: JsonObject, model: string): ReturnType<WireForm['read']> {
  const { input } = body;
  if (typeof input !== 'string' && asArray(input).length === 0)
    return { refused: "Missing required parameter: 'input'.", param: 'input' };
  return {
    wire: 'responses',
    model,
    body,
    isStream: body.stream === true,
    choices: 1,
    outputTokensMax: asNumber(body.max_output_tokens),
    followsTool: asObject(asArray(input).at(-1)).type === 'function_call_output',
    mayCallParallel: body.parallel_tool_calls !== false,
    forcedCall: forcedCall(body),
    forcedText: forcedText(body),
    inputTokens: () => inputTokensOf(input, body.instructions ?? undefined, body.tools),
  };
}

function usageOf(usage: Usage): Json {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.cacheWrite },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

function responseOf(plan: Plan, ask: Ask, status: Status, output: readonly Json[]): JsonObject {
  const { body } = ask;
  const isDone = status !== 'in_progress';
  const { code, message } = refusalOf('openai', 'server-error');
  return {
    id: `resp_${plan.id}`,
    object: 'response',
    created_at: plan.createdAt,
    status,
    background: false,
    completed_at: status === 'completed' ? plan.createdAt : null,
    error: status === 'failed' ? { code: code ?? 'server_error', message } : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    model: plan.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: asObject(body.reasoning).effort ?? null, summary: asObject(body.reasoning).summary ?? null },
    safety_identifier: null,
    service_tier: isDone ? 'default' : 'auto',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: isDone && plan.usage ? usageOf(plan.usage) : null,
    user: null,
    metadata: body.metadata ?? {},
  };
}

const lastStatus = (plan: Plan): 'completed' | 'incomplete' => (plan.finish === 'length' ? 'incomplete' : 'completed');

function partOf(plan: Plan, text: string): JsonObject {
  return plan.refusal === undefined
    ? { type: 'output_text', annotations: [], logprobs: [], text }
    : { type: 'refusal', refusal: text };
}

function messageOf(plan: Plan): JsonObject {
  return {
    id: `msg_${plan.id}`,
    type: 'message',
    status: lastStatus(plan),
    content: [partOf(plan, plan.text)],
    role: 'assistant',
  };
}

function callOf(plan: Plan, call: PlannedCall): JsonObject {
  return {
    id: `fc_${call.id}`,
    type: 'function_call',
    status: lastStatus(plan),
    arguments: call.arguments,
    call_id: `call_${call.id}`,
    name: call.name,
  };
}

const showsThinking = (ask: Ask): boolean => typeof asObject(ask.body.reasoning).summary === 'string';

function reasoningOf(plan: Plan, ask: Ask): JsonObject {
  const summary = showsThinking(ask) ? [{ type: 'summary_text', text: plan.thinking.join('') }] : [];
  return { id: `rs_${plan.id}`, type: 'reasoning', summary };
}

function outputOf(plan: Plan, ask: Ask): readonly Json[] {
  return [
    ...(plan.thinking.length > 0 ? [reasoningOf(plan, ask)] : []),
    ...(plan.text === '' && plan.isEnding ? [] : [messageOf(plan)]),
    ...plan.calls.map((call) => callOf(plan, call)),
  ];
}

function json(plan: Plan, ask: Ask): string {
  return `${JSON.stringify(responseOf(plan, ask, lastStatus(plan), outputOf(plan, ask)), undefined, 2)}\n`;
}

/** An event and its fields; the number is given when it is sent. */
type Event = readonly [type: string, fields: JsonObject, tokens?: number];

function* reasoningEvents(plan: Plan, ask: Ask, at: number): Generator<Event> {
  const item = reasoningOf(plan, ask);
  const place = { item_id: `rs_${plan.id}`, output_index: at };
  yield ['output_item.added', { output_index: at, item: { ...item, summary: [] } }];
  if (showsThinking(ask)) {
    const text = plan.thinking.join('');
    yield ['reasoning_summary_part.added', { ...place, summary_index: 0, part: { type: 'summary_text', text: '' } }];
    for (const delta of plan.thinking) yield ['reasoning_summary_text.delta', { ...place, summary_index: 0, delta }, 1];
    yield ['reasoning_summary_text.done', { ...place, summary_index: 0, text }];
    yield ['reasoning_summary_part.done', { ...place, summary_index: 0, part: { type: 'summary_text', text } }];
  }
  yield ['output_item.done', { output_index: at, item }];
}

function* messageEvents(plan: Plan, at: number): Generator<Event> {
  const item = messageOf(plan);
  const place = { item_id: `msg_${plan.id}`, output_index: at, content_index: 0 };
  const isText = plan.refusal === undefined;
  yield ['output_item.added', { output_index: at, item: { ...item, status: 'in_progress', content: [] } }];
  yield ['content_part.added', { ...place, part: partOf(plan, '') }];
  for (const delta of plan.pieces)
    yield isText
      ? ['output_text.delta', { ...place, delta, logprobs: [], obfuscation: 'mock' }, 1]
      : ['refusal.delta', { ...place, delta }, 1];
  yield isText
    ? ['output_text.done', { ...place, text: plan.text, logprobs: [] }]
    : ['refusal.done', { ...place, refusal: plan.text }];
  yield ['content_part.done', { ...place, part: partOf(plan, plan.text) }];
  yield ['output_item.done', { output_index: at, item }];
}

function* callEvents(plan: Plan, call: PlannedCall, at: number): Generator<Event> {
  const item = callOf(plan, call);
  const place = { item_id: `fc_${call.id}`, output_index: at };
  const opening = { ...item, status: 'in_progress', arguments: '' };
  yield ['output_item.added', { output_index: at, item: opening }, call.nameTokens];
  for (const delta of call.pieces) yield ['function_call_arguments.delta', { ...place, delta, obfuscation: 'mock' }, 1];
  yield ['function_call_arguments.done', { ...place, arguments: call.arguments }];
  yield ['output_item.done', { output_index: at, item }];
}

function* events(plan: Plan, ask: Ask): Generator<Event> {
  const opening = responseOf(plan, ask, 'in_progress', []);
  yield ['created', { response: opening }];
  yield ['in_progress', { response: opening }];
  let at = 0;
  if (plan.thinking.length > 0) yield* reasoningEvents(plan, ask, at++);
  if (plan.text !== '' || !plan.isEnding) yield* messageEvents(plan, at++);
  for (const call of plan.calls) yield* callEvents(plan, call, at++);
  yield [lastStatus(plan), { response: responseOf(plan, ask, lastStatus(plan), outputOf(plan, ask)) }];
}

function line(type: string, number: number, fields: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, ...fields })}\n\n`;
}

function* stream(plan: Plan, ask: Ask): Generator<Frame> {
  let number = 0;
  for (const [type, fields, tokens = 0] of events(plan, ask)) {
    yield { text: line(`response.${type}`, number, fields), tokens };
    number += 1;
  }
}

function breakOff(plan: Plan, ask: Ask, _requestId: string, frames: number): string {
  const { message } = refusalOf('openai', 'server-error');
  const error = line('error', frames, { code: 'server_error', message, param: null });
  return error + line('response.failed', frames + 1, { response: responseOf(plan, ask, 'failed', []) });
}

export const responses: WireForm = { house: 'openai', read, json, stream, breakOff };
