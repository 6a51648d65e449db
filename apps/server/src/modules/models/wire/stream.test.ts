/** Streams: cut anywhere, passed on, read and translated, as the official clients see them. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { GuildhallError } from '../../../platform/errors/index.ts';
import {
  chatAnswer,
  chatChunks,
  chatStream,
  chatUsageChunk,
  context,
  createRandom,
  cut,
  messagesStream,
  namedStream,
  usage,
  withRequest,
} from './fixture.ts';
import { createStreamReader, createStreamTranslation, errorEvent } from './index.ts';
import type { AnswerContext, StreamTranslation, Wire } from './types.ts';

function translate(stream: StreamTranslation, pieces: readonly Uint8Array[]): string {
  const parts = pieces.map((piece) => Buffer.from(stream.push(piece)));
  return Buffer.concat([...parts, stream.end()]).toString('utf8');
}

const PROVIDERS: Readonly<Record<string, string>> = { chat: chatStream(), messages: messagesStream() };
const streamOf = (wire: Wire): Buffer => Buffer.from(PROVIDERS[wire] ?? '');

function whole(client: Wire, provider: Wire, over: AnswerContext = context): string {
  return translate(createStreamTranslation(client, provider, over), [streamOf(provider)]);
}

const asked = withRequest({ stream_options: { include_usage: true } });
/** A server that answers whatever is asked with these bytes. */
const serving = (body: string) => async (): Promise<Response> =>
  new Response(body, { headers: { 'content-type': 'text/event-stream' } });
const openai = (body: string): OpenAI => new OpenAI({ apiKey: 'none', fetch: serving(body), maxRetries: 0 });
const anthropic = (body: string): Anthropic => new Anthropic({ apiKey: 'none', fetch: serving(body), maxRetries: 0 });

const question = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };

describe('passing through', () => {
  test('a client that asked for the usage gets every byte, however the stream is cut', () => {
    const random = createRandom(7);
    for (let round = 0; round < 50; round += 1) {
      const stream = createStreamTranslation('chat', 'chat', asked);
      expect(translate(stream, cut(streamOf('chat'), random))).toBe(chatStream());
      expect(stream.reading).toMatchObject({ usage, isComplete: true, finishReason: 'tool_calls', error: undefined });
    }
  });

  test('the chunk with the usage that only we asked for is left out, and nothing else', () => {
    expect(whole('chat', 'chat')).toBe(chatStream(chatChunks));
  });

  test('usage beside a choice stays where it is', () => {
    const text = chatStream([...chatChunks.slice(0, -1), { ...chatChunks.at(-1), usage: chatAnswer.usage }]);
    const stream = createStreamTranslation('chat', 'chat', context);
    expect(translate(stream, [Buffer.from(text)])).toBe(text);
    expect(stream.reading.usage).toEqual(usage);
  });

  test('half an event is never given out, so that an error may follow', () => {
    const stream = createStreamTranslation('messages', 'messages', context);
    const out = translate(stream, [streamOf('messages').subarray(0, 2000)]);
    expect(out.endsWith('\n\n')).toBe(true);
    expect(messagesStream().startsWith(out)).toBe(true);
    expect(stream.reading.isComplete).toBe(false);
  });

  test('a last event without its blank line still counts', () => {
    const stream = createStreamTranslation('chat', 'chat', asked);
    expect(translate(stream, [Buffer.from(chatStream().trimEnd())])).toBe(chatStream());
    expect(stream.reading.isComplete).toBe(true);
  });

  test('an error event of the provider is read and kept from the client', () => {
    const stream = createStreamTranslation('messages', 'messages', context);
    const fault = namedStream([
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } as { type: string },
    ]);
    expect(translate(stream, [Buffer.from(`event: ping\ndata: {"type":"ping"}\n\n${fault}`)])).toBe(
      'event: ping\ndata: {"type":"ping"}\n\n',
    );
    expect(stream.reading.error).toMatchObject({ code: 'overloaded_error', status: 529, isRetryable: true });
  });
});

describe('reading', () => {
  test.each([
    ['line ends of Windows', chatStream().replaceAll('\n', '\r\n')],
    ['bare carriage returns', chatStream().replaceAll('\n', '\r')],
    [
      'comments and fields that are not known',
      `: hello\n\n${chatStream().replaceAll('data:', ': note\nid: 3\nretry: 5\ndata:')}`,
    ],
    ['no blank after the colon', chatStream().replaceAll('data: ', 'data:')],
    ['a byte order mark', `\ufeff${chatStream([...chatChunks.slice(1), chatUsageChunk])}`],
    ['data over several lines', chatStream().replaceAll('"choices"', '\ndata: "choices"')],
  ])('%s change nothing, however they are cut', (_what, text) => {
    const random = createRandom(11);
    for (let round = 0; round < 20; round += 1) {
      const reader = createStreamReader('chat');
      for (const piece of cut(Buffer.from(text), random)) reader.push(piece);
      reader.end();
      expect(reader.reading).toMatchObject({ usage, isComplete: true, hasContent: true, error: undefined });
      expect(reader.reading.text).toBe('Two places to ask.Both cities ✓weather{"city":"Köln"}weather{"city":"Oslo"}');
    }
  });

  test('a message stream tells input at its start and the rest at its end', () => {
    const reader = createStreamReader('messages');
    reader.push(streamOf('messages').subarray(0, 2500));
    expect(reader.reading.usage).toBeUndefined();
    expect(reader.reading.startUsage).toMatchObject({ input: 1200, output: 1 });
    reader.push(streamOf('messages').subarray(2500));
    expect(reader.reading.usage).toEqual({ ...usage, cacheWrite: 76 });
    expect(reader.reading.text).toBe('Two places to ask.Both cities ✓weather{"city":"Köln"}now');
  });

  test('content in parts is delivered too', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'so' },
    ];
    const reader = createStreamReader('chat');
    reader.push(Buffer.from(chatStream([{ choices: [{ index: 0, delta: { content } }] }])));
    expect(reader.reading).toMatchObject({ text: 'hmso', hasContent: true });
  });

  test('an event that is no JSON is an error, and the stream is not complete', () => {
    const reader = createStreamReader('chat');
    reader.push(Buffer.from('data: {"choices":[{"del\n\ndata: [DONE]\n\n'));
    expect(reader.reading).toMatchObject({ isComplete: false, error: { code: 'unreadable_event' } });
  });

  test('an event without end is refused before it fills the memory', () => {
    const reader = createStreamReader('chat');
    const piece = Buffer.alloc(4 * 1024 * 1024, 97);
    expect(() => {
      for (let round = 0; round < 10; round += 1) reader.push(piece);
    }).toThrow(GuildhallError);
  });
});

describe('the official clients understand translated streams', () => {
  test('chat from Anthropic: text, thought, calls, usage', async () => {
    const stream = openai(whole('chat', 'messages', asked)).chat.completions.stream({ ...question, stream: true });
    const { choices, usage: told } = await stream.finalChatCompletion();
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'Both cities ✓',
        tool_calls: [
          { id: 'toolu_a', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
          { id: 'toolu_b', function: { name: 'now', arguments: '{}' } },
        ],
      },
    });
    expect(told).toMatchObject({
      prompt_tokens: 1200,
      completion_tokens: 80,
      prompt_tokens_details: { cached_tokens: 1024 },
    });
  });

  test('a chat client that did not ask for usage gets none', () => {
    expect(whole('chat', 'messages')).not.toContain('"usage"');
  });

  test('messages from chat: thought, text, calls, usage without what the cache gave', async () => {
    const stream = anthropic(whole('messages', 'chat')).messages.stream({ ...question, max_tokens: 9 });
    expect(await stream.finalMessage()).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'Two places to ask.' },
        { type: 'text', text: 'Both cities ✓' },
        { type: 'tool_use', id: 'call_a', name: 'weather', input: { city: 'Köln' } },
        { type: 'tool_use', id: 'call_b', name: 'weather', input: { city: 'Oslo' } },
      ],
      usage: { input_tokens: 176, cache_read_input_tokens: 1024, output_tokens: 80 },
    });
  });

  test.each(['chat', 'messages'] as const)('responses from %s: thought, text, calls, usage', async (provider) => {
    const stream = openai(whole('responses', provider)).responses.stream({ model: 'm', input: 'hi' });
    const response = await stream.finalResponse();
    expect(response).toMatchObject({ status: 'completed', output_text: 'Both cities ✓' });
    expect(response.output.map((item) => item.type)).toEqual([
      'reasoning',
      'message',
      'function_call',
      'function_call',
    ]);
    expect(response.output[2]).toMatchObject({ name: 'weather', arguments: '{"city":"Köln"}', status: 'completed' });
    expect(response.usage).toMatchObject({ input_tokens: 1200, output_tokens: 80, total_tokens: 1280 });
  });

  test.each(['chat', 'messages'] as const)('events of responses from %s are numbered without a gap', (provider) => {
    const numbers = [...whole('responses', provider).matchAll(/"sequence_number":(\d+)/g)].map((match) =>
      Number(match[1]),
    );
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  const calls = (...tool_calls: readonly object[]): object => ({ choices: [{ index: 0, delta: { tool_calls } }] });
  const finished = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
  const named = (id: string, text: string): object => ({ id, function: { name: 'f', arguments: text } });
  test.each([
    ['that are not numbered', [calls(named('a', '{"x":1}')), calls(named('b', '{"x":2}'))]],
    ['in one chunk', [calls(named('a', '{"x":1}'), named('b', '{"x":2}'))]],
    [
      'whose pieces are mixed',
      [
        calls({ index: 0, ...named('a', '{"x"') }),
        calls({ index: 1, ...named('b', '{"x"') }),
        calls({ index: 0, function: { arguments: ':1}' } }),
        calls({ index: 1, function: { arguments: ':2}' } }),
      ],
    ],
  ])('calls %s are kept apart', async (_what, chunks) => {
    const bytes = Buffer.from(chatStream([...chunks, finished]));
    const toMessages = translate(createStreamTranslation('messages', 'chat', context), [bytes]);
    const message = await anthropic(toMessages)
      .messages.stream({ ...question, max_tokens: 9 })
      .finalMessage();
    expect(message).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { id: 'a', input: { x: 1 } },
        { id: 'b', input: { x: 2 } },
      ],
    });
    const toResponses = translate(createStreamTranslation('responses', 'chat', context), [bytes]);
    const response = await openai(toResponses).responses.stream({ model: 'm', input: 'hi' }).finalResponse();
    expect(response.output).toMatchObject([
      { call_id: 'a', arguments: '{"x":1}' },
      { call_id: 'b', arguments: '{"x":2}' },
    ]);
  });

  test('a refusal is told in every wire', async () => {
    const refused = Buffer.from(chatStream([{ choices: [{ index: 0, delta: { refusal: 'No.' } }] }, finished]));
    const toMessages = translate(createStreamTranslation('messages', 'chat', context), [refused]);
    expect(
      await anthropic(toMessages)
        .messages.stream({ ...question, max_tokens: 9 })
        .finalMessage(),
    ).toMatchObject({
      stop_reason: 'refusal',
      content: [{ type: 'text', text: 'No.' }],
    });
    const filtered = Buffer.from(
      chatStream([{ choices: [{ index: 0, delta: { refusal: 'No.' }, finish_reason: 'content_filter' }] }]),
    );
    const toResponses = translate(createStreamTranslation('responses', 'chat', context), [filtered]);
    expect(await openai(toResponses).responses.stream({ model: 'm', input: 'hi' }).finalResponse()).toMatchObject({
      status: 'completed',
      output: [{ content: [{ type: 'refusal', refusal: 'No.' }] }],
    });
    const stopped = {
      type: 'message_delta',
      delta: { stop_reason: 'refusal', stop_details: { explanation: 'Not that.' } },
      usage: {},
    };
    const toChat = translate(createStreamTranslation('chat', 'messages', context), [
      Buffer.from(namedStream([stopped, { type: 'message_stop' }])),
    ]);
    expect(toChat).toContain('"refusal":"Not that."');
    expect(toChat).toContain('"finish_reason":"content_filter"');
  });

  test("Anthropic's blocks follow one another, each closed before the next", () => {
    const order = [...whole('messages', 'chat').matchAll(/"type":"content_block_(start|stop)","index":(\d)/g)];
    expect(order.map(([, what, index]) => `${what} ${index}`)).toEqual(
      [0, 1, 2, 3].flatMap((index) => [`start ${index}`, `stop ${index}`]),
    );
  });

  test('every item of a Response is closed before the next begins', () => {
    const order = [...whole('responses', 'chat').matchAll(/event: response\.output_item\.(added|done)/g)];
    expect(order.map(([, what]) => what)).toEqual([0, 1, 2, 3].flatMap(() => ['added', 'done']));
  });

  test('a provider that leaves [DONE] out still gets its stream closed', () => {
    const stream = createStreamTranslation('messages', 'chat', context);
    const text = chatStream().replace('data: [DONE]\n\n', '');
    expect(translate(stream, [Buffer.from(text)])).toContain('event: message_stop');
  });

  test('a stream that fails after its last word is not closed as if it were whole', () => {
    const fault = 'data: {"error":{"message":"broken","type":"server_error"}}\n\ndata: [DONE]\n\n';
    const stream = createStreamTranslation('messages', 'chat', context);
    const out = translate(stream, [Buffer.from(chatStream(chatChunks).replace('data: [DONE]\n\n', fault))]);
    expect(out).not.toContain('message_stop');
    expect(stream.reading).toMatchObject({ isComplete: false, error: { message: 'broken' } });
  });

  test('a stream that is cut is not closed as if it were whole', () => {
    for (const [client, provider] of [
      ['chat', 'messages'],
      ['messages', 'chat'],
      ['responses', 'chat'],
    ] as const) {
      const stream = createStreamTranslation(client, provider, context);
      const out = translate(stream, [streamOf(provider).subarray(0, 1500)]);
      expect(out).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
      expect(stream.reading.isComplete).toBe(false);
    }
  });

  test.each([
    ['chat', 'messages'],
    ['messages', 'chat'],
    ['responses', 'chat'],
    ['responses', 'messages'],
  ] as const)('%s from %s comes out the same however the stream is cut', (client, provider) => {
    const random = createRandom(3);
    const expected = whole(client, provider);
    for (let round = 0; round < 30; round += 1) {
      const stream = createStreamTranslation(client, provider, context);
      expect(translate(stream, cut(streamOf(provider), random))).toBe(expected);
    }
  });
});

test.each(['chat', 'responses'] as const)(
  'an error event ends a stream of %s in the client of OpenAI',
  async (wire) => {
    const problem = {
      type: '/docs',
      title: 't',
      status: 502,
      code: 'models.stream-cut',
      detail: 'It broke.',
      errors: [],
      requestId: 'req_1',
      charged: { nanos: '5', currency: 'USD' as const },
    };
    const client = openai(errorEvent(wire, problem));
    const stream =
      wire === 'chat'
        ? await client.chat.completions.create({ ...question, stream: true })
        : await client.responses.create({ model: 'm', input: 'hi', stream: true });
    await expect(Array.fromAsync<unknown>(stream)).rejects.toMatchObject({
      code: 'models.stream-cut',
      error: { requestId: 'req_1' },
    });
  },
);
