/** The official Anthropic client, unmodified, against the mock. */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, expect, test } from 'vitest';
import { startMockProvider, wordTokens } from './index.ts';

const mock = await startMockProvider();
const client = new Anthropic({ baseURL: mock.url, apiKey: 'sk-ant-mock', maxRetries: 0 });
const words = (count: number): string => wordTokens(count).join('');
const hi = { model: 'mock-claude', max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] };
const tool = {
  name: 'get_weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};
const twoCalls = [
  { name: 'get_weather', arguments: { city: 'Köln' } },
  { name: 'get_time', arguments: { zone: 'Europe/Berlin' } },
];

afterEach(() => mock.reset());
afterAll(() => mock.close());

test('a message has text, usage and the mark of the mock', async () => {
  const { data, response } = await client.messages.create(hi).withResponse();
  expect(data).toMatchObject({
    type: 'message',
    role: 'assistant',
    model: 'mock-claude',
    stop_reason: 'end_turn',
    content: [{ type: 'text', text: words(16) }],
    usage: { input_tokens: 8, output_tokens: 16, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  });
  expect(response.headers.get('x-mock-provider')).toBe('1');
  expect(response.headers.get('request-id')).toMatch(/^req_/);
});

test('a stream goes from message_start over a ping to message_stop, and adds up to the same message', async () => {
  const stream = client.messages.stream(hi);
  const types: string[] = [];
  stream.on('streamEvent', (event) => types.push(event.type));
  const message = await stream.finalMessage();
  expect(message).toMatchObject({ stop_reason: 'end_turn', content: [{ text: words(16) }] });
  expect(message.usage).toMatchObject({ input_tokens: 8, output_tokens: 16 });
  expect(types).toEqual([
    'message_start',
    'content_block_start',
    ...Array(16).fill('content_block_delta'),
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  expect(mock.requests()[0]?.sent.match(/^event: .*/gm)?.[2]).toBe('event: ping');
});

test('thinking comes first, with its signature, and counts as output', async () => {
  mock.behave({ reasoningTokens: 6, times: 2 });
  const expected = {
    content: [{ type: 'thinking', thinking: words(6), signature: expect.stringMatching(/^[\w=]+$/) }, { type: 'text' }],
    usage: { output_tokens: 22, output_tokens_details: { thinking_tokens: 6 } },
  };
  expect(await client.messages.create(hi)).toMatchObject(expected);
  expect(await client.messages.stream(hi).finalMessage()).toMatchObject(expected);
});

test('what was cached stands beside the input tokens, not in them', async () => {
  mock.behave({ inputTokens: 1000, cachedTokens: 600, cacheWriteTokens: 300, times: 2 });
  const usage = {
    input_tokens: 100,
    cache_read_input_tokens: 600,
    cache_creation_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 0 },
  };
  expect((await client.messages.create(hi)).usage).toMatchObject(usage);
  expect((await client.messages.stream(hi).finalMessage()).usage).toMatchObject(usage);
});

test('tool calls are made in one body and in a stream, several at once', async () => {
  mock.behave({ toolCalls: twoCalls, text: 'Let me see.', times: 2 });
  const expected = {
    stop_reason: 'tool_use',
    content: [
      { type: 'text', text: 'Let me see.' },
      { type: 'tool_use', name: 'get_weather', input: { city: 'Köln' } },
      { type: 'tool_use', name: 'get_time', input: { zone: 'Europe/Berlin' } },
    ],
  };
  const whole = await client.messages.create({ ...hi, tools: [tool] });
  const streamed = await client.messages.stream({ ...hi, tools: [tool] }).finalMessage();
  expect(whole).toMatchObject(expected);
  expect(streamed).toMatchObject(expected);
  expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
});

test('a client that wants one tool at a time gets one', async () => {
  mock.behave({ toolCalls: twoCalls });
  const answer = await client.messages.create({
    ...hi,
    tools: [tool],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  });
  expect(answer.content).toMatchObject([{ type: 'tool_use', name: 'get_weather' }]);
});

test('a demanded tool is called with what its schema allows, and after its result comes text', async () => {
  const ask = { ...hi, tools: [tool], tool_choice: { type: 'tool' as const, name: 'get_weather' } };
  const answer = await client.messages.create(ask);
  expect(answer.content).toMatchObject([{ type: 'tool_use', input: { city: 'mock' } }]);
  const next = await client.messages.create({
    ...ask,
    messages: [
      ...hi.messages,
      { role: 'assistant', content: answer.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'rain' }] },
    ],
  });
  expect(next.content).toMatchObject([{ type: 'text', text: words(16) }]);
});

test('a demanded shape is answered in that shape', async () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } } };
  const answer = await client.messages.create({ ...hi, output_config: { format: { type: 'json_schema', schema } } });
  expect(answer.content).toMatchObject([{ text: '{"city":"mock"}' }]);
});

test('the maximum cuts the message, and a refusal is its own end', async () => {
  const cut = { stop_reason: 'max_tokens', content: [{ text: words(3) }], usage: { output_tokens: 3 } };
  expect(await client.messages.create({ ...hi, max_tokens: 3 })).toMatchObject(cut);
  expect(await client.messages.stream({ ...hi, max_tokens: 3 }).finalMessage()).toMatchObject(cut);
  mock.behave({ refusal: 'No.' });
  expect((await client.messages.create(hi)).stop_reason).toBe('refusal');
});

test('the list of models comes page by page and says that they are mocks', async () => {
  const models = await Array.fromAsync(client.models.list({ limit: 2 }));
  expect(models.length).toBeGreaterThan(2);
  expect(models.every((model) => model.id.startsWith('mock-') && model.display_name?.endsWith('(mock)'))).toBe(true);
  await expect(client.models.retrieve('claude')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
});

test.each([
  ['bad-request', 400, 'invalid_request_error', null],
  ['context-length', 400, 'invalid_request_error', null],
  ['unauthorised', 401, 'authentication_error', null],
  ['forbidden', 403, 'permission_error', null],
  ['not-found', 404, 'not_found_error', null],
  ['too-large', 413, 'request_too_large', null],
  ['rate-limited', 429, 'rate_limit_error', null],
  ['spend-limit', 429, 'rate_limit_error', 'enforced_spend_limit_reached'],
  ['server-error', 500, 'api_error', null],
  ['overloaded', 529, 'overloaded_error', null],
] as const)('%s is the status, type and code that the client knows', async (fault, status, type, errorCode) => {
  mock.behave({ fault });
  await expect(client.messages.create(hi)).rejects.toMatchObject({ status, type, errorCode });
});

test('a request without version, key or maximum is refused as Anthropic refuses it', async () => {
  const ask = async (headers: Record<string, string>, body: unknown) => {
    const answer = await fetch(`${mock.url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  const type = 'error';
  expect(await ask({ 'x-api-key': 'k' }, hi)).toMatchObject({ status: 400, body: { type } });
  expect(await ask({ 'anthropic-version': '2023-06-01' }, hi)).toMatchObject({ status: 401, body: { type } });
  const { max_tokens: _cut, ...endless } = hi;
  expect(await ask({ 'x-api-key': 'k', 'anthropic-version': '2023-06-01' }, endless)).toMatchObject({
    status: 400,
    body: { type, error: { type: 'invalid_request_error', message: 'max_tokens: Field required' } },
  });
});

test.each(['error-event', 'cut'] as const)(
  'a stream with %s in the middle fails after the text before it',
  async (fault) => {
    mock.behave({ fault, afterTokens: 4 });
    const stream = client.messages.stream(hi);
    let text = '';
    stream.on('text', (delta) => {
      text += delta;
    });
    await expect(stream.finalMessage()).rejects.toThrow();
    expect(text).toBe(words(4));
  },
);
