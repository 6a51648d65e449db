/** The official openai client, unmodified, against the mock. */
import OpenAI from 'openai';
import { afterAll, afterEach, expect, test } from 'vitest';
import { startMockProvider, vectorOf, wordTokens } from './index.ts';

const mock = await startMockProvider();
const client = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'sk-mock', maxRetries: 0 });
const hi = [{ role: 'user' as const, content: 'hi' }];
const words = (count: number): string => wordTokens(count).join('');
const weather = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
    required: ['city', 'days'],
  },
};
const chatTool = { type: 'function' as const, function: weather };
const twoCalls = [
  { name: 'get_weather', arguments: { city: 'Köln' } },
  { name: 'get_time', arguments: { zone: 'Europe/Berlin' } },
];

afterEach(() => mock.reset());
afterAll(() => mock.close());

test('a chat answer has text, usage and the mark of the mock', async () => {
  const { data, response } = await client.chat.completions.create({ model: 'mock-chat', messages: hi }).withResponse();
  expect(data.choices).toMatchObject([
    { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: words(16) } },
  ]);
  expect(data.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 16, total_tokens: 24 });
  expect(response.headers.get('x-mock-provider')).toBe('1');
  expect(response.headers.get('x-request-id')).toMatch(/^req_/);
});

test('a chat stream adds up to the same text, and ends with usage when it is asked for', async () => {
  const stream = client.chat.completions.stream({
    model: 'mock-chat',
    messages: hi,
    stream_options: { include_usage: true },
  });
  const answer = await stream.finalChatCompletion();
  expect(answer.choices[0]?.message.content).toBe(words(16));
  expect(answer.usage).toMatchObject({ prompt_tokens: 8, completion_tokens: 16 });
});

test('usage stands in the last chunk alone, is null before it, and is absent when not asked for', async () => {
  const chunks = async (includeUsage: boolean) =>
    Array.fromAsync(
      await client.chat.completions.create({
        model: 'mock-chat',
        messages: hi,
        stream: true,
        ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
      }),
    );
  const asked = await chunks(true);
  expect(asked.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 24 } });
  expect(asked.slice(0, -1).every((chunk) => chunk.usage === null && chunk.choices.length === 1)).toBe(true);
  const unasked = await chunks(false);
  expect(unasked.some((chunk) => 'usage' in chunk)).toBe(false);
  expect(unasked.at(-1)?.choices[0]?.finish_reason).toBe('stop');
});

test('several choices are several answers, and all are counted', async () => {
  const answer = await client.chat.completions.create({ model: 'mock-chat', messages: hi, n: 3 });
  expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
  expect(answer.usage?.completion_tokens).toBe(48);
  const streamed = client.chat.completions.stream({ model: 'mock-chat', messages: hi, n: 3 });
  expect((await streamed.finalChatCompletion()).choices.map((choice) => choice.message.content)).toEqual(
    Array(3).fill(words(16)),
  );
});

test("the request's maximum cuts the answer", async () => {
  const answer = await client.chat.completions.create({ model: 'mock-chat', messages: hi, max_completion_tokens: 5 });
  expect(answer).toMatchObject({
    choices: [{ finish_reason: 'length', message: { content: words(5) } }],
    usage: { completion_tokens: 5 },
  });
});

test('scripted tool calls arrive in one body', async () => {
  mock.behave({ toolCalls: twoCalls });
  const answer = await client.chat.completions.create({ model: 'mock-chat', messages: hi, tools: [chatTool] });
  const [choice] = answer.choices;
  expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  expect(choice?.message.tool_calls).toMatchObject([
    { type: 'function', function: { name: 'get_weather', arguments: '{"city":"Köln"}' } },
    { type: 'function', function: { name: 'get_time', arguments: '{"zone":"Europe/Berlin"}' } },
  ]);
  expect(new Set(choice?.message.tool_calls?.map((call) => call.id)).size).toBe(2);
});

test.each([1, 2])('%i streamed tool calls are put together from their parts', async (count) => {
  mock.behave({ toolCalls: twoCalls.slice(0, count) });
  const stream = client.chat.completions.stream({ model: 'mock-chat', messages: hi, tools: [chatTool] });
  const { choices } = await stream.finalChatCompletion();
  expect(choices[0]?.finish_reason).toBe('tool_calls');
  expect(
    choices[0]?.message.tool_calls?.map((call) => (call.type === 'function' ? call.function.arguments : '')),
  ).toEqual(['{"city":"Köln"}', '{"zone":"Europe/Berlin"}'].slice(0, count));
});

test('a demanded tool is called with what its schema allows, and after its result comes text', async () => {
  const ask = { model: 'mock-chat', tools: [chatTool], tool_choice: 'required' as const };
  const answer = await client.chat.completions.create({ ...ask, messages: hi });
  const message = answer.choices[0]?.message;
  const [call] = message?.tool_calls ?? [];
  expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ city: 'mock', days: 2 });
  const next = await client.chat.completions.create({
    ...ask,
    messages: [...hi, { role: 'assistant', content: null }, { role: 'tool', tool_call_id: 'x', content: 'rain' }],
  });
  expect(next.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: words(16) } });
});

test('a demanded shape is answered in that shape, on both wires', async () => {
  const schema = {
    type: 'object',
    properties: { kind: { enum: ['a', 'b'] }, tags: { type: 'array', items: { $ref: '#/$defs/tag' } } },
    $defs: { tag: { type: 'string' } },
  };
  const answer = await client.chat.completions.create({
    model: 'mock-chat',
    messages: hi,
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
  });
  const shape = { kind: 'a', tags: ['mock'] };
  expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual(shape);
  const response = await client.responses.create({
    model: 'mock-chat',
    input: 'hi',
    text: { format: { type: 'json_schema', name: 'x', schema } },
  });
  expect(JSON.parse(response.output_text)).toEqual(shape);
});

test('images, cached and reasoning tokens are reported', async () => {
  mock.behave({ reasoningTokens: 7, cachedTokens: 5 });
  const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA==' } };
  const answer = await client.chat.completions.create({
    model: 'mock-reasoning',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }, image] }],
  });
  expect(answer.usage).toMatchObject({
    prompt_tokens: 773,
    completion_tokens: 23,
    prompt_tokens_details: { cached_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 7 },
  });
});

test('a response has items, text and usage', async () => {
  mock.behave({ reasoningTokens: 4, cachedTokens: 2 });
  const answer = await client.responses.create({ model: 'mock-chat', input: 'hi', reasoning: { summary: 'auto' } });
  expect(answer).toMatchObject({
    status: 'completed',
    output_text: words(16),
    output: [{ type: 'reasoning', summary: [{ text: words(4) }] }, { type: 'message' }],
    usage: {
      input_tokens: 8,
      output_tokens: 20,
      input_tokens_details: { cached_tokens: 2 },
      output_tokens_details: { reasoning_tokens: 4 },
    },
  });
});

test('a streamed response is numbered without a gap and ends as the same response', async () => {
  mock.behave({ reasoningTokens: 4, text: 'So it is.', toolCalls: twoCalls });
  const stream = client.responses.stream({ model: 'mock-chat', input: 'hi', reasoning: { summary: 'auto' } });
  const numbers: number[] = [];
  stream.on('event', (event) => numbers.push(event.sequence_number));
  const answer = await stream.finalResponse();
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(answer.output.map((item) => item.type)).toEqual(['reasoning', 'message', 'function_call', 'function_call']);
  expect(answer.output_text).toBe('So it is.');
  expect(answer.output.flatMap((item) => (item.type === 'function_call' ? [item.arguments] : []))).toEqual([
    '{"city":"Köln"}',
    '{"zone":"Europe/Berlin"}',
  ]);
  expect(answer.usage?.output_tokens).toBe(mock.requests()[0]?.tokensDelivered);
});

test('a response cut by its maximum is incomplete, streamed or not', async () => {
  const ask = { model: 'mock-chat', input: 'hi', max_output_tokens: 3 };
  const cut = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output_text: words(3) };
  expect(await client.responses.create(ask)).toMatchObject(cut);
  expect(await client.responses.stream(ask).finalResponse()).toMatchObject(cut);
});

test('refusals are told from text', async () => {
  mock.behave({ refusal: 'No.', times: 2 });
  const answer = await client.chat.completions.create({ model: 'mock-chat', messages: hi });
  expect(answer.choices[0]?.message).toMatchObject({ content: null, refusal: 'No.' });
  const response = await client.responses.stream({ model: 'mock-chat', input: 'hi' }).finalResponse();
  expect(response.output).toMatchObject([{ content: [{ type: 'refusal', refusal: 'No.' }] }]);
});

test.each([['float'], ['base64'], [undefined]] as const)(
  'embeddings as %s are the vectors of their texts',
  async (format) => {
    const answer = await client.embeddings.create({
      model: 'mock-embedding',
      input: ['hi', 'hello world', 'hi'],
      dimensions: 8,
      ...(format ? { encoding_format: format } : {}),
    });
    const vectors = answer.data.map((one) => {
      // The client decodes base64 only when it asked for it by itself.
      const raw: unknown = one.embedding;
      return typeof raw === 'string' ? [...new Float32Array(new Uint8Array(Buffer.from(raw, 'base64')).buffer)] : raw;
    });
    expect(vectors).toEqual(['hi', 'hello world', 'hi'].map((text) => [...vectorOf(text, 8)]));
    expect(vectors[0]).not.toEqual(vectors[1]);
    expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  },
);

test('a vector has the length one and 1,536 dimensions, unless told otherwise', () => {
  const vector = vectorOf('any');
  expect(vector.length).toBe(1536);
  expect(vector.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
});

test('the models it lists say that they are mocks', async () => {
  const models = await Array.fromAsync(client.models.list());
  expect(models.length).toBeGreaterThan(2);
  expect(models.every((model) => model.id.startsWith('mock-') && model.owned_by === 'mock-provider')).toBe(true);
  expect((await client.models.retrieve('mock-mini')).id).toBe('mock-mini');
  await expect(client.models.retrieve('gpt-5')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
});

test.each([
  ['bad-request', OpenAI.BadRequestError, 'invalid_value'],
  ['context-length', OpenAI.BadRequestError, 'context_length_exceeded'],
  ['unauthorised', OpenAI.AuthenticationError, 'invalid_api_key'],
  ['forbidden', OpenAI.PermissionDeniedError, 'unsupported_country_region_territory'],
  ['not-found', OpenAI.NotFoundError, 'model_not_found'],
  ['rate-limited', OpenAI.RateLimitError, 'rate_limit_exceeded'],
  ['spend-limit', OpenAI.RateLimitError, 'insufficient_quota'],
  ['server-error', OpenAI.InternalServerError, null],
  ['unavailable', OpenAI.InternalServerError, null],
  ['overloaded', OpenAI.InternalServerError, null],
] as const)('%s is the error class and code that the client knows', async (fault, kind, code) => {
  mock.behave({ fault });
  const failed = client.chat.completions.create({ model: 'mock-chat', messages: hi });
  await expect(failed).rejects.toBeInstanceOf(kind);
  await expect(failed).rejects.toMatchObject({ code });
});

test('the client retries after the time it is told, and then succeeds', async () => {
  mock.behave({ fault: 'rate-limited', retryAfterSeconds: 0.01 });
  const patient = client.withOptions({ maxRetries: 1 });
  await patient.chat.completions.create({ model: 'mock-chat', messages: hi });
  expect(mock.requests().map((request) => request.status)).toEqual([429, 200]);
});

test.each(['error-event', 'cut'] as const)(
  'a stream with %s in the middle fails after the text before it',
  async (fault) => {
    mock.behave({ fault, afterTokens: 4 });
    let text = '';
    const read = async (): Promise<void> => {
      const stream = await client.chat.completions.create({ model: 'mock-chat', messages: hi, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toThrow();
    expect(text).toBe(words(4));
  },
);

test('a streamed response with an error event fails after the text before it', async () => {
  mock.behave({ fault: 'error-event', afterTokens: 4 });
  let text = '';
  const read = async (): Promise<void> => {
    const stream = await client.responses.create({ model: 'mock-chat', input: 'hi', stream: true });
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
  };
  await expect(read()).rejects.toThrow('The server had an error');
  expect(text).toBe(words(4));
  expect(
    mock
      .requests()[0]
      ?.sent.match(/^event: .*/gm)
      ?.slice(-2),
  ).toEqual(['event: error', 'event: response.failed']);
});
