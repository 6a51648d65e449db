/** How behaviour is chosen, and that what is counted is exact. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Behaviour, startMockProvider, wordTokens } from './index.ts';
import { observe, until } from './observe.ts';

const mock = await startMockProvider({ keys: ['key-a', 'key-b'] });
const CHAT = `${mock.url}/v1/chat/completions`;
const key = { authorization: 'Bearer key-a' };

afterEach(() => mock.reset());
afterAll(() => mock.close());

interface Chat {
  readonly model: string;
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

async function chat(more: object = {}, headers: Readonly<Record<string, string>> = key): Promise<Chat> {
  const body = { model: 'mock-chat', messages: [{ role: 'user', content: 'hi' }], ...more };
  const { text } = await observe(CHAT, body, headers).done;
  // Every caller asks for an answer that is a chat answer, or looks for what is missing in it.
  return JSON.parse(text) as Chat;
}

const spoken = async (...asked: Parameters<typeof chat>) => (await chat(...asked)).choices[0]?.message.content;
const words = (count: number): string => wordTokens(count).join('');

test.each([1, 2, 94, 95, 1_000, 20_000])('%i words are as many o200k tokens', (count) => {
  expect(encode(words(count)).length).toBe(count);
  expect(words(count)).toMatch(/^the( of|$)/);
});

test.each(['Grüße aus 漢字, 🦄!', '{"a":[1,2,3]}', '<|endoftext|>'])('usage of %j is its o200k count', async (text) => {
  mock.behave({ text });
  const answer = await chat();
  expect(answer.choices[0]?.message.content).toBe(text);
  expect(answer.usage?.completion_tokens).toBe(encode(text, { disallowedSpecial: new Set() }).length);
});

test.each([
  ['true', { prompt_tokens: 8, completion_tokens: 20 }],
  ['doubled', { prompt_tokens: 16, completion_tokens: 40 }],
  ['halved', { prompt_tokens: 4, completion_tokens: 10 }],
  ['omitted', undefined],
] as const)('usage %s is reported so', async (usage, expected) => {
  mock.behave({ usage, outputTokens: 20 });
  const answer = await chat();
  if (expected) expect(answer.usage).toMatchObject(expected);
  else expect(answer).not.toHaveProperty('usage');
  expect(mock.requests()[0]?.tokensDelivered).toBe(20);
});

test('a streamed answer without usage leaves it out although it was asked for', async () => {
  mock.behave({ usage: 'omitted' });
  const body = {
    model: 'm',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: 'hi' }],
  };
  const { text } = await observe(CHAT, body, key).done;
  expect(text).not.toContain('prompt_tokens');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('the model may answer as another', async () => {
  mock.behave({ answerModel: 'mock-other' });
  expect((await chat()).model).toBe('mock-other');
});

test('a behaviour is read from the name of the model, the prompt and a header; the later wins', async () => {
  const messages = [{ role: 'user', content: 'first @mock outputTokens=4 and more' }];
  const header = { ...key, 'x-mock-behave': '{"outputTokens":5}' };
  const named = await chat({ model: 'mock-chat?outputTokens=3' });
  expect(named).toMatchObject({ model: 'mock-chat', choices: [{ message: { content: words(3) } }] });
  expect(await spoken({ model: 'mock-chat?outputTokens=3', messages })).toBe(words(4));
  expect(await spoken({ model: 'mock-chat?outputTokens=3', messages }, header)).toBe(words(5));
});

test('tool calls fit into a directive', async () => {
  const toolCalls = [{ name: 'get_time', arguments: { zone: 'UTC' } }];
  const directive = new URLSearchParams({ toolCalls: JSON.stringify(toolCalls) });
  expect(await chat({ model: `mock-chat?${directive}` })).toMatchObject({
    choices: [{ message: { tool_calls: [{ function: { name: 'get_time', arguments: '{"zone":"UTC"}' } }] } }],
  });
});

test.each(['fault=unheard-of', 'outputTokns=3', 'delayMs=-1', 'toolCalls=no'])(
  'the directive %s is refused',
  async (directive) => {
    const { status, text } = await observe(CHAT, { model: `m?${directive}`, messages: [{}] }, key).done;
    expect(status).toBe(400);
    expect(text).toContain('mock provider: ');
  },
);

test('the script is followed in order, by wire, model and key, as often as told', async () => {
  mock.behave(
    { text: 'embeddings only', onWire: 'embeddings' },
    { text: 'key b', onKey: 'key-b', times: 'always' },
    { text: 'model x', onModel: 'x' },
    { text: 'twice', times: 2 },
    { text: 'last' },
  );
  const b = { authorization: 'Bearer key-b' };
  expect(await spoken({}, b)).toBe('key b');
  expect(await spoken()).toBe('twice');
  expect(await spoken({ model: 'x' })).toBe('model x');
  expect(await spoken({ model: 'x' })).toBe('twice');
  expect(await spoken()).toBe('last');
  expect(await spoken()).toBe(words(16));
  expect(await spoken({}, b)).toBe('key b');
});

test('a key that is not on the list, or none, is refused', async () => {
  const body = { model: 'm', messages: [{}] };
  expect((await observe(CHAT, body, { authorization: 'Bearer other' }).done).status).toBe(401);
  expect((await observe(CHAT, body, { authorization: '' }).done).status).toBe(401);
});

test.each([
  ['no JSON', '/v1/chat/completions', '{"model":', 400],
  ['a list', '/v1/chat/completions', '[]', 400],
  ['no model', '/v1/chat/completions', '{"messages":[{}]}', 400],
  ['no messages', '/v1/chat/completions', '{"model":"m"}', 400],
  ['no input', '/v1/responses', '{"model":"m"}', 400],
  ['no text', '/v1/embeddings', '{"model":"m","input":[]}', 400],
  ['an unknown address', '/v1/chats', '{}', 404],
  ['posting to the models', '/v1/models', '{}', 405],
])('%s is refused as the provider does', async (_name, target, body, status) => {
  const answer = await observe(`${mock.url}${target}`, body, key).done;
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toHaveProperty('error.message');
});

test('a prefix before the address of a wire is as good as /v1', async () => {
  const target = `${mock.url}/v1beta/openai/chat/completions`;
  const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  expect((await observe(target, body, key).done).status).toBe(200);
});

test('an answer in pieces is the same answer, byte for byte', async () => {
  const stream = async (behaviour: Behaviour): Promise<string> => {
    await mock.reset();
    mock.behave({ text: 'Grüße 漢字 🦄', ...behaviour });
    const body = { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] };
    const { text } = await observe(CHAT, body, key).done;
    expect(mock.requests()[0]?.sent).toBe(text);
    return text.replace(/mock\d{20}|"created":\d+/g, '');
  };
  const whole = await stream({});
  expect(await stream({ chunkBytes: 7 })).toBe(whole);
  expect(await stream({ tokensPerSecond: 1e6 })).toBe(whole);
});

test.each([
  ['before the headers', { delayMs: 200 }],
  ['before the first token', { firstTokenMs: 200 }],
  ['between tokens', { tokensPerSecond: 20, outputTokens: 5 }],
])('the wait %s is as long as told', async (_where, behaviour) => {
  mock.behave(behaviour);
  const startedAt = performance.now();
  await observe(CHAT, { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }, key).done;
  // A timer may fire a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThan(195);
});

test('requests are remembered with headers and body, the newest when there are too many', async () => {
  const small = await startMockProvider({ recordMax: 2 });
  for (const content of ['1', '2', '3'])
    await observe(`${small.url}/v1/chat/completions`, { model: 'm', messages: [{ role: 'user', content }] }).done;
  expect(small.requests()).toMatchObject([
    { body: { messages: [{ content: '2' }] }, outcome: 'complete' },
    { path: '/v1/chat/completions', headers: { authorization: 'Bearer mock' }, body: { messages: [{ content: '3' }] } },
  ]);
  await small.close();
});

describe('in a process of its own', () => {
  const main = path.join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main, '--key', 'key-a', '--while-input'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const asked = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  let url = '';
  const post = (target: string, body: unknown) => observe(`${url}${target}`, body, key).done;
  const asJson = async (target: string): Promise<unknown> => JSON.parse((await post(target, {})).text);

  beforeAll(async () => {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    ({ url } = JSON.parse(String(line)));
  });
  afterEach(() => post('/__mock/reset', {}));

  test('it takes script and questions over HTTP', async () => {
    expect((await post('/__mock/behave', [{ text: 'told so' }, { fault: 'overloaded' }])).status).toBe(200);
    expect((await post('/__mock/behave', { fault: 'unheard-of' })).status).toBe(400);
    expect((await post('/v1/chat/completions', asked)).text).toContain('told so');
    expect((await post('/v1/chat/completions', asked)).status).toBe(529);
    const counted = { requests: 2, byStatus: { 200: 1, 529: 1 }, openStreams: 0 };
    expect(await asJson('/__mock/stats')).toMatchObject(counted);
    expect(await asJson('/__mock/requests')).toMatchObject([{ body: asked }, { body: asked }]);
    await post('/__mock/reset', {});
    expect(await asJson('/__mock/stats')).toMatchObject({ requests: 0 });
  });

  test('it cuts what is open when it is told to refuse, and is back after the time told', async () => {
    await post('/__mock/behave', { fault: 'hang' });
    const hanging = post('/v1/chat/completions', asked);
    await until(async () => Number((await post('/__mock/stats', {})).text.match(/"requests":(\d)/)?.[1]) === 1);
    await post('/__mock/refuse', { ms: 50 });
    expect((await hanging).ending).toBe('broken');
    await until(async () => (await post('/v1/chat/completions', asked)).status === 200);
  });

  test('it ends with its input', async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
  });
});

test('a client that leaves in mid-stream is counted as such, with what it got', async () => {
  mock.behave({ tokensPerSecond: 50, outputTokens: 1000 });
  const leaving = observe(CHAT, { model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }, key);
  await until(() => (mock.requests()[0]?.tokensDelivered ?? 0) >= 2);
  leaving.leave();
  await until(() => mock.stats().cancelled === 1);
  expect(mock.requests()[0]).toMatchObject({ outcome: 'cancelled' });
  expect(mock.stats()).toMatchObject({ openStreams: 0, openStreamsMax: 1 });
});
