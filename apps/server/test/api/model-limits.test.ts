/** Limits of calls by API, as the official clients meet them. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

let mock: MockProvider;
let platform: TestPlatform;
let others: readonly string[];

beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: {
      OPENAI_API_KEY: 'sk-operator-1234567890',
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-operator-1234567890',
      ANTHROPIC_BASE_URL: `${mock.url}/v1`,
      LIMITS_SCALE: '1',
    },
  });
  const { metering } = platform.server.platform;
  const card = await metering.priceBook();
  // 10,000 tokens a minute, and ten calls at once.
  const small = { requestsPerMinute: 30, tokensPerDay: 200_000, concurrentRuns: 1 };
  await metering.publishPrices({ ...card, tiers: card.tiers.map((tier) => ({ ...tier, ...small })) });
  const servers = await Promise.all([1, 2, 3].map(() => platform.another('api')));
  others = servers.map(({ url }) => url ?? '');
});
afterAll(async () => {
  await platform.close();
  await mock.close();
});

const hello = [{ role: 'user' as const, content: 'Say something.' }];
const openaiAt = (key: string, url = platform.url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const chat = (key: string, more: { url?: string; max?: number; model?: string } = {}) =>
  openaiAt(key, more.url)
    .chat.completions.create({
      model: more.model ?? 'gpt-4o-mini',
      messages: hello,
      max_completion_tokens: more.max ?? 100,
    })
    .withResponse();
const failureOf = async (work: Promise<unknown>): Promise<APIError> => {
  const failed = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failed instanceof APIError)) throw new Error('was not refused');
  return failed;
};

test('an answer says how requests and tokens stand, in the words of the standard and of OpenAI', async () => {
  const { key } = await platform.organisation('Headers', 1_000_000_000n);
  const { response } = await chat(key);
  const told = Object.fromEntries(response.headers);
  expect(told).toMatchObject({
    'ratelimit-limit': '30',
    'ratelimit-remaining': '29',
    'ratelimit-policy': '30;w=60',
    'x-ratelimit-limit-requests': '30',
    'x-ratelimit-remaining-requests': '29',
    'x-ratelimit-reset-requests': '60s',
    'x-ratelimit-limit-tokens': '10000',
  });
  const used = 10_000 - Number(told['x-ratelimit-remaining-tokens']);
  expect(used).toBeGreaterThan(16);
  // What it used, not the hundred that it might have.
  expect(used).toBeLessThan(60);
});

test('four processes admit exactly the requests of a key, and refuse the rest in the language of each client', async () => {
  const { key } = await platform.organisation('Requests', 1_000_000_000n);
  const urls = [platform.url, ...others];
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, i) =>
      fetch(`${urls[i % 4]}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        // Refused for its model alone, so that nothing else can be the limit.
        body: JSON.stringify({ model: 'no-such-model', messages: hello }),
      }),
    ),
  );
  expect(answers.filter(({ status }) => status === 404)).toHaveLength(30);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(50);
  const refused = await failureOf(chat(key));
  expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
  expect(refused).toMatchObject({ status: 429, code: 'limits.exceeded', type: 'rate_limit_error' });
  expect(refused.headers?.get('retry-after')).toMatch(/^\d+$/);
  expect(refused.headers?.get('x-ratelimit-remaining-requests')).toBe('0');
  const anthropic = new Anthropic({ baseURL: platform.url, apiKey: key, maxRetries: 0 });
  await expect(
    anthropic.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 10, messages: hello }),
  ).rejects.toMatchObject({ status: 429, error: { type: 'error', error: { type: 'rate_limit_error' } } });
});

test('a key that asks for more tokens than a minute has is refused before any money is held', async () => {
  const { key } = await platform.organisation('Tokens', 100_000_000_000n);
  const streams = await openaiAt(key)
    .chat.completions.create({
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: 'Wait. @mock tokensPerSecond=8&outputTokens=16' }],
      max_completion_tokens: 9_000,
      stream: true,
    })
    .withResponse();
  const refused = await failureOf(chat(key, { max: 5_000 }));
  expect(refused).toMatchObject({ status: 429, code: 'limits.exceeded' });
  expect(refused.message).toContain('tokens per 60 seconds');
  expect(refused.headers?.get('x-ratelimit-limit-tokens')).toBe('10000');
  expect(refused.headers?.get('ratelimit-limit')).toBe('10000');
  expect(Number(refused.headers?.get('retry-after'))).toBeGreaterThan(0);
  for await (const _ of streams.data) expect(_).toBeDefined();
  // What the stream did not use is free again.
  expect((await chat(key, { max: 5_000 })).response.status).toBe(200);
  const balance = await platform.call<{ held: { nanos: string } }>('GET', '/v1/balance', undefined, { key });
  expect(balance.body.held.nanos).toBe('0');
});

test('no more calls are under way at once than the tier has room for, over all processes', async () => {
  const { key } = await platform.organisation('At once', 100_000_000_000n);
  const slow = { role: 'user' as const, content: 'Wait. @mock tokensPerSecond=8&outputTokens=16' };
  const open = (url: string) =>
    openaiAt(key, url).chat.completions.create({
      model: 'gpt-4o-mini',
      messages: [slow],
      max_completion_tokens: 50,
      stream: true,
    });
  const urls = [platform.url, ...others];
  const streams = await Promise.all(Array.from({ length: 10 }, (_, i) => open(urls[i % 4] ?? '')));
  const refused = await failureOf(chat(key, { url: others[1] ?? '' }));
  expect(refused).toMatchObject({ status: 429, code: 'models.calls-at-once' });
  expect(refused.headers?.get('retry-after')).toBe('1');
  for (const stream of streams) for await (const _ of stream) expect(_).toBeDefined();
  expect((await chat(key)).response.status).toBe(200);
});
