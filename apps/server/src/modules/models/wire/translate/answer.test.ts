/** Whole answers in the client's words. */
import { describe, expect, test } from 'vitest';
import { GuildhallError } from '../../../../platform/errors/index.ts';
import { chatAnswer, context, messagesAnswer, withRequest } from '../fixture.ts';
import { fromProvider, readAnswer, toProvider } from '../index.ts';
import type { JsonObject, Wire } from '../types.ts';

const json = (value: object): JsonObject => JSON.parse(JSON.stringify(value));
const from = (client: Wire, provider: Wire, answer: object, over = context): JsonObject =>
  json(fromProvider(client, provider, json(answer), over));

test('an answer of the same wire is not touched', () => {
  const answer = json({ ...chatAnswer, anything: [1] });
  expect(fromProvider('chat', 'chat', answer, context)).toBe(answer);
});

test.each<[what: string, wire: Wire, answer: object]>([
  ['other JSON', 'chat', { ok: true, result: {} }],
  ['an error', 'chat', { error: { message: 'no' } }],
  ['an error beside choices', 'chat', { choices: [], error: { message: 'no' } }],
  ['choices that are none', 'chat', { choices: ['x'] }],
  ['an error of Anthropic', 'messages', { type: 'error', error: { type: 'api_error', message: 'no' } }],
  ['another wire', 'messages', chatAnswer],
  ['no output', 'responses', { object: 'response' }],
  ['no data', 'embeddings', { object: 'list' }],
])('%s is no answer of its own wire', (_what, wire, answer) => {
  expect(() => fromProvider(wire, wire, json(answer), context)).toThrow(GuildhallError);
});

test('an answer of Anthropic as a chat completion', () => {
  expect(from('chat', 'messages', messagesAnswer)).toEqual({
    id: 'msg_01',
    object: 'chat.completion',
    created: context.createdAtSeconds,
    model: 'claude-sonnet-5',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Both cities ✓',
          refusal: null,
          reasoning_content: 'Two places to ask.',
          reasoning_details: [{ type: 'reasoning.text', text: 'Two places to ask.', signature: 'c2ln', index: 0 }],
          tool_calls: [
            { id: 'toolu_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
            { id: 'toolu_b', type: 'function', function: { name: 'now', arguments: '{}' } },
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
      prompt_tokens_details: { cached_tokens: 1024, cache_write_tokens: 76 },
      completion_tokens_details: { reasoning_tokens: 64 },
    },
  });
});

test('a chat completion as an answer of Anthropic', () => {
  expect(from('messages', 'chat', chatAnswer)).toMatchObject({
    id: 'msg_call1',
    type: 'message',
    role: 'assistant',
    model: 'gpt-5-mini-2025-08-07',
    stop_reason: 'tool_use',
    content: [
      { type: 'text', text: 'Both cities ✓' },
      { type: 'tool_use', id: 'call_a', name: 'weather', input: { city: 'Köln' } },
      { type: 'tool_use', id: 'call_b', name: 'weather', input: { city: 'Oslo' } },
    ],
    usage: { input_tokens: 176, cache_read_input_tokens: 1024, output_tokens: 80 },
  });
});

test('a chat completion as a Response repeats what was asked for', () => {
  const request = { model: 'x', input: 'hi', temperature: 0.2, metadata: { a: 'b' } };
  expect(from('responses', 'chat', chatAnswer, withRequest(request))).toMatchObject({
    id: 'resp_call1',
    object: 'response',
    status: 'completed',
    temperature: 0.2,
    metadata: { a: 'b' },
    output: [
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Both cities ✓' }] },
      { type: 'function_call', call_id: 'call_a', name: 'weather', arguments: '{"city":"Köln"}' },
      { type: 'function_call', call_id: 'call_b', name: 'weather', arguments: '{"city":"Oslo"}' },
    ],
    usage: {
      input_tokens: 1200,
      input_tokens_details: { cached_tokens: 1024 },
      output_tokens_details: { reasoning_tokens: 64 },
    },
  });
});

test("Anthropic's sealed thought comes back to it through a client of Responses", () => {
  const { output } = from('responses', 'messages', messagesAnswer);
  const results = ['toolu_a', 'toolu_b'].map((call_id) => ({ type: 'function_call_output', call_id, output: 'rain' }));
  const input = Array.isArray(output) ? [{ role: 'user', content: 'hi' }, ...output, ...results] : [];
  const sent = toProvider('responses', 'messages', json({ model: 'x', input, reasoning: { effort: 'low' } }), {
    model: 'claude-sonnet-4-5',
  });
  expect(json(sent)).toMatchObject({
    thinking: { type: 'enabled' },
    messages: [
      { role: 'user' },
      {
        role: 'assistant',
        content: [messagesAnswer.content[0], { type: 'text' }, { type: 'tool_use' }, { type: 'tool_use' }],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_a' },
          { type: 'tool_result', tool_use_id: 'toolu_b' },
        ],
      },
    ],
  });
});

const completion = (message: object, finish: string): object => ({ choices: [{ message, finish_reason: finish }] });
const said = (members: object): object => ({ ...messagesAnswer, content: [{ type: 'text', text: 'so' }], ...members });

describe('why an answer ended', () => {
  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['constructor', 'stop'],
  ])('%s of Anthropic is %s of chat', (stop, finish) => {
    expect(from('chat', 'messages', said({ stop_reason: stop }))).toMatchObject({
      choices: [{ finish_reason: finish }],
    });
  });

  test.each([
    ['stop', {}, 'end_turn'],
    ['stop', { tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] }, 'tool_use'],
    ['stop', { refusal: 'No.' }, 'refusal'],
    ['length', {}, 'max_tokens'],
    ['content_filter', {}, 'refusal'],
  ])('%s of chat with %j is %s of Anthropic', (finish, more, stop) => {
    expect(from('messages', 'chat', completion({ content: 'so', ...more }, finish))).toMatchObject({
      stop_reason: stop,
    });
  });

  test.each([
    ['length', { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }],
    ['content_filter', { status: 'incomplete', incomplete_details: { reason: 'content_filter' } }],
    ['stop', { status: 'completed', incomplete_details: null }],
  ])('%s of chat in a Response', (finish, members) => {
    expect(from('responses', 'chat', completion({ content: 'so' }, finish))).toMatchObject(members);
  });

  test("Anthropic's refusal is told in words", () => {
    const refused = said({
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', category: 'bio', explanation: 'Not that.' },
    });
    expect(from('chat', 'messages', refused)).toMatchObject({ choices: [{ message: { refusal: 'Not that.' } }] });
    expect(from('responses', 'messages', refused)).toMatchObject({
      output: [
        {
          content: [
            { type: 'output_text', text: 'so' },
            { type: 'refusal', refusal: 'Not that.' },
          ],
        },
      ],
    });
  });
});

test('arguments that are no JSON object reach the client as the model wrote them', () => {
  const answer = completion({ tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"a":' } }] }, 'tool_calls');
  expect(from('messages', 'chat', answer)).toMatchObject({ content: [{ type: 'tool_use', input: '{"a":' }] });
});

test('content in parts, as Mistral sends it, keeps thought and text apart', () => {
  const content = [
    { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
    { type: 'text', text: 'so' },
  ];
  expect(from('messages', 'chat', completion({ content }, 'stop'))).toMatchObject({
    content: [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'so' },
    ],
  });
});

test.each([
  ['chat', chatAnswer, 'Both cities ✓weather{"city":"Köln"}weather{"city":"Oslo"}', 'tool_calls'],
  ['messages', messagesAnswer, 'Two places to ask.Both cities ✓weather{"city":"Köln"}now{}', 'tool_use'],
  [
    'responses',
    from('responses', 'chat', chatAnswer),
    'Both cities ✓weather{"city":"Köln"}weather{"city":"Oslo"}',
    'completed',
  ],
  ['embeddings', { data: [] }, '', undefined],
] as const)('what an answer of %s delivered can be counted', (wire, answer, text, finishReason) => {
  expect(readAnswer(wire, json(answer))).toMatchObject({ text, finishReason });
});

test('usage that the provider left out is what we counted', () => {
  const usage = {
    input: 5,
    output: 3,
    cached: 0,
    cacheWrite: 0,
    cacheWriteLong: 0,
    reasoning: 0,
    images: 0,
    isCounted: true,
  };
  expect(from('messages', 'chat', completion({ content: 'so' }, 'stop'), { ...context, usage })).toMatchObject({
    usage: { input_tokens: 5, output_tokens: 3 },
  });
});

test.each([
  ['chat', 'messages', { content: 'text' }],
  ['messages', 'chat', { choices: [] }],
  ['responses', 'chat', {}],
] as const)('%s: what is no answer of %s is refused', (client, provider, answer) => {
  expect(() => from(client, provider, answer)).toThrow(GuildhallError);
});

test('an answer that is nested beyond reason is refused', () => {
  const answer = JSON.parse(`{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`);
  expect(() => fromProvider('chat', 'chat', answer, context)).toThrow(GuildhallError);
});
