/** OpenAI's `/v1/chat/completions`. */
import { inputTokensOf } from '../input.ts';
import { asArray, asNumber, asObject, asString } from '../json.ts';
import type { Ask, Plan, PlannedCall, Usage } from '../plan.ts';
import { sampleOf } from '../schema.ts';
import type { Json, JsonObject, ToolCall } from '../types.ts';
import { refusalJson, refusalOf } from './errors.ts';
import { type Frame, mark, type WireForm } from './form.ts';

const FINGERPRINT = 'fp_mock0provider';

/** The tool that a request insists on, called with what fits its schema. */
function forcedCall(body: JsonObject): ToolCall | undefined {
  const choice = body.tool_choice;
  const tools = asArray(body.tools).map((tool) => asObject(asObject(tool).function));
  const named = asString(asObject(asObject(choice).function).name);
  const tool = choice === 'required' ? tools[0] : tools.find((one) => named !== undefined && one.name === named);
  if (!tool) return undefined;
  return {
    name: asString(tool.name) ?? '',
    arguments: JSON.stringify(sampleOf(tool.parameters ?? { type: 'object' })),
  };
}

function forcedText(body: JsonObject): string | undefined {
  const format = asObject(body.response_format);
  if (format.type === 'json_object') return '{"mock":true}';
  if (format.type !== 'json_schema') return undefined;
  return JSON.stringify(sampleOf(asObject(format.json_schema).schema ?? {}));
}

function read(body: JsonObject, model: string): ReturnType<WireForm['read']> {
  const messages = asArray(body.messages);
  if (messages.length === 0)
    return { refused: "Invalid type for 'messages': expected an array with at least one message.", param: 'messages' };
  return {
    wire: 'chat',
    model,
    body,
    isStream: body.stream === true,
    choices: asNumber(body.n) ?? 1,
    outputTokensMax: asNumber(body.max_completion_tokens) ?? asNumber(body.max_tokens),
    followsTool: asObject(messages.at(-1)).role === 'tool',
    mayCallParallel: body.parallel_tool_calls !== false,
    forcedCall: forcedCall(body),
    forcedText: forcedText(body),
    inputTokens: () => inputTokensOf(messages, undefined, body.tools),
  };
}

function usageOf(usage: Usage): Json {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: {
      cached_tokens: usage.cached,
      audio_tokens: 0,
      ...(usage.cacheWrite > 0 ? { cache_write_tokens: usage.cacheWrite } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

const FINISH = { stop: 'stop', length: 'length', tools: 'tool_calls' } as const;

function messageOf(plan: Plan): Json {
  const hasText = plan.refusal === undefined && (plan.text !== '' || plan.calls.length === 0);
  const calls = plan.calls.map((call) => ({
    id: `call_${call.id}`,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    role: 'assistant',
    content: hasText ? plan.text : null,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    refusal: plan.refusal ?? null,
    annotations: [],
  };
}

function json(plan: Plan): string {
  const message = messageOf(plan);
  const answer = {
    id: `chatcmpl-${plan.id}`,
    object: 'chat.completion',
    created: plan.createdAt,
    model: plan.model,
    choices: Array.from({ length: plan.choices }, (_, index) => ({
      index,
      message,
      logprobs: null,
      finish_reason: FINISH[plan.finish],
    })),
    ...(plan.usage ? { usage: usageOf(plan.usage) } : {}),
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

type Chunk = (index: number, delta: Json, finish?: string) => string;

function chunksOf(plan: Plan, ask: Ask): Chunk {
  const options = asObject(ask.body.stream_options);
  const head = `data: ${JSON.stringify({
    id: `chatcmpl-${plan.id}`,
    object: 'chat.completion.chunk',
    created: plan.createdAt,
    model: plan.model,
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  }).slice(0, -1)},"choices":`;
  const usage = options.include_usage === true ? ',"usage":null' : '';
  const veil = 'mock0veil';
  let count = 0;
  return (index, delta, finish) => {
    count += 1;
    const obfuscation =
      options.include_obfuscation === false ? '' : `,"obfuscation":"${veil.slice(count % veil.length)}"`;
    const choice = `[{"index":${index},"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${finish === undefined ? 'null' : `"${finish}"`}}]`;
    return `${head}${choice}${usage}${obfuscation}}\n\n`;
  };
}

function* callFrames(chunk: Chunk, choice: number, index: number, call: PlannedCall, isAlone: boolean) {
  const opening = { index, id: `call_${call.id}`, type: 'function', function: { name: call.name, arguments: '' } };
  const delta = isAlone
    ? { role: 'assistant', content: null, tool_calls: [opening], refusal: null }
    : { tool_calls: [opening] };
  yield { text: chunk(choice, delta), tokens: call.nameTokens };
  for (const piece of call.pieces)
    yield { text: chunk(choice, { tool_calls: [{ index, function: { arguments: piece } }] }), tokens: 1 };
}

function* choiceFrames(plan: Plan, chunk: Chunk, choice: number): Generator<Frame> {
  const isOneCall = plan.calls.length === 1 && plan.text === '';
  if (!isOneCall) {
    const content = plan.calls.length > 0 && plan.text === '' ? null : '';
    yield mark(chunk(choice, { role: 'assistant', content, refusal: null }));
  }
  for (const piece of plan.pieces)
    yield { text: chunk(choice, plan.refusal === undefined ? { content: piece } : { refusal: piece }), tokens: 1 };
  for (const [index, call] of plan.calls.entries()) yield* callFrames(chunk, choice, index, call, isOneCall);
  yield mark(chunk(choice, {}, FINISH[plan.finish]));
}

function* stream(plan: Plan, ask: Ask): Generator<Frame> {
  const chunk = chunksOf(plan, ask);
  for (let choice = 0; choice < plan.choices; choice += 1) yield* choiceFrames(plan, chunk, choice);
  const isAsked = asObject(ask.body.stream_options).include_usage === true;
  if ((isAsked || plan.tellsUnasked) && plan.usage) {
    const last = {
      id: `chatcmpl-${plan.id}`,
      object: 'chat.completion.chunk',
      created: plan.createdAt,
      model: plan.model,
      service_tier: 'default',
      system_fingerprint: FINGERPRINT,
      choices: [],
      usage: usageOf(plan.usage),
    };
    yield mark(`data: ${JSON.stringify(last)}\n\n`);
  }
  yield mark('data: [DONE]\n\n');
}

function breakOff(_plan: Plan, _ask: Ask, requestId: string): string {
  const error = refusalJson('openai', refusalOf('openai', 'server-error'), requestId);
  return `data: ${JSON.stringify(JSON.parse(error))}\n\n`;
}

export const chat: WireForm = { house: 'openai', read, json, stream, breakOff };
