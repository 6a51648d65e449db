/** Anthropic's `/v1/messages`. */
import { inputTokensOf } from '../input.ts';
import { asArray, asNumber, asObject, asString } from '../json.ts';
import type { Ask, Plan, PlannedCall, Usage } from '../plan.ts';
import { sampleOf } from '../schema.ts';
import type { Json, JsonObject, ToolCall } from '../types.ts';
import { refusalJson, refusalOf } from './errors.ts';
import type { Frame, WireForm } from './form.ts';

const SIGNATURE = 'bW9jay1wcm92aWRlci1zaWduYXR1cmU=';

function forcedCall(body: JsonObject): ToolCall | undefined {
  const choice = asObject(body.tool_choice);
  const tools = asArray(body.tools).map(asObject);
  const tool =
    choice.type === 'any' ? tools[0] : tools.find((one) => choice.type === 'tool' && one.name === choice.name);
  if (!tool) return undefined;
  return {
    name: asString(tool.name) ?? '',
    arguments: JSON.stringify(sampleOf(tool.input_schema ?? { type: 'object' })),
  };
}

function forcedText(body: JsonObject): string | undefined {
  const format = asObject(asObject(body.output_config).format ?? body.output_format);
  return format.type === 'json_schema' ? JSON.stringify(sampleOf(format.schema ?? {})) : undefined;
}

function read(body: JsonObject, model: string): ReturnType<WireForm['read']> {
  const messages = asArray(body.messages);
  const outputTokensMax = asNumber(body.max_tokens);
  if (outputTokensMax === undefined) return { refused: 'max_tokens: Field required', param: 'max_tokens' };
  if (messages.length === 0) return { refused: 'messages: at least one message is required', param: 'messages' };
  const last = asArray(asObject(messages.at(-1)).content);
  return {
    wire: 'messages',
    model,
    body,
    isStream: body.stream === true,
    choices: 1,
    outputTokensMax,
    followsTool: last.some((part) => asObject(part).type === 'tool_result'),
    mayCallParallel: asObject(body.tool_choice).disable_parallel_tool_use !== true,
    forcedCall: forcedCall(body),
    forcedText: forcedText(body),
    inputTokens: () => inputTokensOf(messages, body.system, body.tools),
  };
}

/** Anthropic counts what was cached beside `input_tokens`, not in it. */
function usageOf(usage: Usage, output: number): JsonObject {
  return {
    input_tokens: Math.max(0, usage.input - usage.cached - usage.cacheWrite),
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cached,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite - usage.cacheWriteLong,
      ephemeral_1h_input_tokens: usage.cacheWriteLong,
    },
    output_tokens: output,
    ...(usage.reasoning > 0 ? { output_tokens_details: { thinking_tokens: usage.reasoning } } : {}),
    service_tier: 'standard',
  };
}

const STOP = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' } as const;

function stopReason(plan: Plan): string {
  return plan.refusal === undefined ? STOP[plan.finish] : 'refusal';
}

/** The object a call carries; a broken text of arguments cannot be said without a stream, so it arrives as text. */
function inputOf(call: PlannedCall): Json {
  try {
    // What was planned as JSON text is JSON.
    return JSON.parse(call.arguments) as Json;
  } catch {
    // Cut short or broken on purpose.
    return { broken: call.arguments };
  }
}

function contentOf(plan: Plan): readonly Json[] {
  return [
    ...(plan.thinking.length > 0 ? [{ type: 'thinking', thinking: plan.thinking.join(''), signature: SIGNATURE }] : []),
    ...(plan.text === '' ? [] : [{ type: 'text', text: plan.text }]),
    ...plan.calls.map((call) => ({ type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: inputOf(call) })),
  ];
}

function envelope(plan: Plan): JsonObject {
  return { model: plan.model, id: `msg_${plan.id}`, type: 'message', role: 'assistant' };
}

function json(plan: Plan): string {
  return JSON.stringify({
    ...envelope(plan),
    content: contentOf(plan),
    stop_reason: stopReason(plan),
    stop_sequence: null,
    ...(plan.usage ? { usage: usageOf(plan.usage, plan.usage.output) } : {}),
  });
}

function event(type: string, fields: JsonObject, tokens = 0): Frame {
  return { text: `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`, tokens };
}

const PING = event('ping', {});

function start(plan: Plan): Frame {
  return event('message_start', {
    message: {
      ...envelope(plan),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      // The one token reported here is as Anthropic does; the last count comes with message_delta.
      ...(plan.usage ? { usage: usageOf({ ...plan.usage, reasoning: 0 }, Math.min(1, plan.usage.output)) } : {}),
    },
  });
}

const delta = (index: number, fields: JsonObject, tokens: number): Frame =>
  event('content_block_delta', { index, delta: fields }, tokens);

const opening = (index: number, block: JsonObject, tokens = 0): Frame =>
  event('content_block_start', { index, content_block: block }, tokens);

function* thinkingFrames(plan: Plan, index: number): Generator<Frame> {
  yield opening(index, { type: 'thinking', thinking: '', signature: '' });
  for (const thinking of plan.thinking) yield delta(index, { type: 'thinking_delta', thinking }, 1);
  yield delta(index, { type: 'signature_delta', signature: SIGNATURE }, 0);
}

function* textFrames(plan: Plan, index: number): Generator<Frame> {
  yield opening(index, { type: 'text', text: '' });
  for (const text of plan.pieces) yield delta(index, { type: 'text_delta', text }, 1);
}

function* callFrames(call: PlannedCall, index: number): Generator<Frame> {
  yield opening(index, { type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: {} }, call.nameTokens);
  yield delta(index, { type: 'input_json_delta', partial_json: '' }, 0);
  for (const piece of call.pieces) yield delta(index, { type: 'input_json_delta', partial_json: piece }, 1);
}

function* stream(plan: Plan): Generator<Frame> {
  yield start(plan);
  const blocks = [
    ...(plan.thinking.length > 0 ? [(index: number) => thinkingFrames(plan, index)] : []),
    ...(plan.text === '' && plan.isEnding ? [] : [(index: number) => textFrames(plan, index)]),
    ...plan.calls.map((call) => (index: number) => callFrames(call, index)),
  ];
  for (const [index, block] of blocks.entries()) {
    let isFirst = true;
    for (const frame of block(index)) {
      yield frame;
      if (index === 0 && isFirst) yield PING;
      isFirst = false;
    }
    yield event('content_block_stop', { index });
  }
  yield event('message_delta', {
    delta: { stop_reason: stopReason(plan), stop_sequence: null },
    ...(plan.usage ? { usage: usageAtEnd(plan.usage) } : {}),
  });
  yield event('message_stop', {});
}

function usageAtEnd(usage: Usage): JsonObject {
  const { cache_creation: _split, service_tier: _tier, ...rest } = usageOf(usage, usage.output);
  return rest;
}

function breakOff(_plan: Plan, _ask: Ask, requestId: string): string {
  return `event: error\ndata: ${refusalJson('anthropic', refusalOf('anthropic', 'overloaded'), requestId)}\n\n`;
}

export const messages: WireForm = { house: 'anthropic', read, json, stream, breakOff };
