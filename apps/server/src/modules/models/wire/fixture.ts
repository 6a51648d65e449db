/** Answers and streams in the shapes that OpenAI and Anthropic document, checked against the types of their clients. */
import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import type { AnswerContext, JsonObject } from './types.ts';

export const context: AnswerContext = { id: 'call1', createdAtSeconds: 1_763_700_000, request: {} };

export const withRequest = (request: JsonObject): AnswerContext => ({ ...context, request });

const chatBase = {
  id: 'chatcmpl-B1',
  object: 'chat.completion',
  created: 1_763_700_000,
  model: 'gpt-5-mini-2025-08-07',
};

export const chatAnswer = {
  ...chatBase,
  object: 'chat.completion',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'Both cities ✓',
        refusal: null,
        annotations: [],
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
          { id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
        ],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    },
  ],
  usage: {
    prompt_tokens: 1200,
    completion_tokens: 80,
    total_tokens: 1280,
    prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 64, audio_tokens: 0 },
  },
} satisfies OpenAI.ChatCompletion;

type ChunkDelta = OpenAI.ChatCompletionChunk.Choice.Delta & { readonly reasoning_content?: string };

const chunk = (delta: ChunkDelta, finish: OpenAI.ChatCompletionChunk.Choice['finish_reason'] = null) =>
  ({
    ...chatBase,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    usage: null,
  }) satisfies OpenAI.ChatCompletionChunk;

const call = (index: number, part: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall.Function, id?: string) => ({
  tool_calls: [{ index, ...(id === undefined ? {} : { id, type: 'function' as const }), function: part }],
});

export const chatUsageChunk = {
  ...chatBase,
  object: 'chat.completion.chunk',
  choices: [],
  usage: chatAnswer.usage,
} satisfies OpenAI.ChatCompletionChunk;

export const chatChunks = [
  chunk({ role: 'assistant', content: '', refusal: null }),
  chunk({ reasoning_content: 'Two places' }),
  chunk({ reasoning_content: ' to ask.' }),
  chunk({ content: 'Both ' }),
  chunk({ content: 'cities ✓' }),
  chunk(call(0, { name: 'weather', arguments: '' }, 'call_a')),
  chunk(call(0, { arguments: '{"city":' })),
  chunk(call(0, { arguments: '"Köln"}' })),
  chunk(call(1, { name: 'weather', arguments: '' }, 'call_b')),
  chunk(call(1, { arguments: '{"city":"Oslo"}' })),
  chunk({}, 'tool_calls'),
] as const;

export const chatStream = (chunks: readonly object[] = [...chatChunks, chatUsageChunk]): string =>
  `${chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n\n`;

const messagesUsage = {
  cache_creation: null,
  inference_geo: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: null,
  input_tokens: 100,
  cache_creation_input_tokens: 76,
  cache_read_input_tokens: 1024,
  output_tokens: 80,
  output_tokens_details: { thinking_tokens: 64 },
} satisfies Anthropic.Usage;

const messageBase = {
  id: 'msg_01',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5',
  container: null,
  diagnostics: null,
  stop_details: null,
  stop_sequence: null,
} as const;

export const messagesAnswer = {
  ...messageBase,
  content: [
    { type: 'thinking', thinking: 'Two places to ask.', signature: 'c2ln' },
    { type: 'text', text: 'Both cities ✓', citations: null },
    { type: 'tool_use', id: 'toolu_a', name: 'weather', input: { city: 'Köln' }, caller: { type: 'direct' } },
    { type: 'tool_use', id: 'toolu_b', name: 'now', input: {}, caller: { type: 'direct' } },
  ],
  stop_reason: 'tool_use',
  usage: messagesUsage,
} satisfies Anthropic.Message;

const [thinking, text, first, second] = messagesAnswer.content;
const block = (
  index: number,
  content_block: Anthropic.ContentBlock,
  deltas: readonly Anthropic.RawContentBlockDelta[],
) => [
  { type: 'content_block_start', index, content_block } satisfies Anthropic.RawContentBlockStartEvent,
  ...deltas.map(
    (delta) => ({ type: 'content_block_delta', index, delta }) satisfies Anthropic.RawContentBlockDeltaEvent,
  ),
  { type: 'content_block_stop', index } satisfies Anthropic.RawContentBlockStopEvent,
];

export const messagesEvents = [
  {
    type: 'message_start',
    message: {
      ...messageBase,
      content: [],
      stop_reason: null,
      usage: { ...messagesUsage, output_tokens: 1, output_tokens_details: null },
    },
  } satisfies Anthropic.RawMessageStartEvent,
  ...block(0, { ...thinking, thinking: '', signature: '' } as Anthropic.ThinkingBlock, [
    { type: 'thinking_delta', thinking: 'Two places' },
    { type: 'thinking_delta', thinking: ' to ask.' },
    { type: 'signature_delta', signature: 'c2ln' },
  ]),
  { type: 'ping' },
  ...block(1, { ...text, text: '' } as Anthropic.TextBlock, [
    { type: 'text_delta', text: 'Both ' },
    { type: 'text_delta', text: 'cities ✓' },
  ]),
  ...block(2, { ...first, input: {} } as Anthropic.ToolUseBlock, [
    { type: 'input_json_delta', partial_json: '' },
    { type: 'input_json_delta', partial_json: '{"city":' },
    { type: 'input_json_delta', partial_json: '"Köln"}' },
  ]),
  ...block(3, second as Anthropic.ToolUseBlock, [{ type: 'input_json_delta', partial_json: '' }]),
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null, stop_details: null, container: null },
    usage: {
      input_tokens: null,
      cache_creation_input_tokens: null,
      cache_read_input_tokens: null,
      output_tokens: 80,
      output_tokens_details: { thinking_tokens: 64 },
      server_tool_use: null,
    },
  } satisfies Anthropic.RawMessageDeltaEvent,
  { type: 'message_stop' } satisfies Anthropic.RawMessageStopEvent,
] as const;

export const namedStream = (events: readonly { readonly type: string }[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

export const messagesStream = (): string => namedStream(messagesEvents);

export const usage = {
  input: 1200,
  output: 80,
  cached: 1024,
  cacheWrite: 0,
  cacheWriteLong: 0,
  reasoning: 64,
  images: 0,
  isCounted: false,
};

/** Numbers that look random and are the same in every run. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The bytes in pieces of random size, single bytes among them. */
export function cut(bytes: Uint8Array, random: (below: number) => number): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(random(3) === 0 ? 200 : 4);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}
