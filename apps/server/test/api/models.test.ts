/** The gateway as the official clients see it, with the books looked at after each call. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

let mock: MockProvider;
let platform: TestPlatform;
let openai: OpenAI;
let anthropic: Anthropic;

const PROVIDER_KEY = 'sk-operator-canary-1234567890';

beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: {
      OPENAI_API_KEY: PROVIDER_KEY,
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: PROVIDER_KEY,
      ANTHROPIC_BASE_URL: `${mock.url}/v1`,
    },
  });
  openai = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: platform.url, apiKey: platform.key, maxRetries: 0 });
});
afterAll(async () => {
  await platform.close();
  await mock.close();
});

interface Balance {
  readonly available: { nanos: string };
  readonly held: { nanos: string };
  readonly spent: { nanos: string };
}
const spent = async (): Promise<bigint> => {
  const { body } = await platform.call<Balance>('GET', '/v1/balance');
  expect(body.held.nanos).toBe('0');
  return BigInt(body.spent.nanos);
};
const findings = async () => {
  const { ledger, metering, models } = platform.server.platform;
  return ledger.verify({
    usageByRun: (orgId) => metering.usageByRun(orgId),
    usageDifferences: (orgId) => metering.differences(orgId),
    runHistory: (orgId) => models.history(orgId),
  });
};
/** What the price list says a call costs, computed apart from the platform: gpt-4o-mini is $0.15 and $0.60 a million. */
const priceOf = (input: number, output: number): bigint => {
  const provider = (BigInt(input) * 150_000_000n + BigInt(output) * 600_000_000n + 999_999n) / 1_000_000n;
  return (provider * 11_400n + 9_999n) / 10_000n;
};
const hello = [{ role: 'user' as const, content: 'Say something.' }];

describe('a call by the client of OpenAI', () => {
  it('answers, and costs to the nano what the price list says of its usage', async () => {
    const before = await spent();
    const { data, response } = await openai.chat.completions
      .create({ model: 'gpt-4o-mini', messages: hello })
      .withResponse();
    expect(data.choices[0]?.message.content?.split(' ')).toHaveLength(16);
    const { prompt_tokens: input = 0, completion_tokens: output = 0 } = data.usage ?? {};
    const cost = priceOf(input, output);
    expect((await spent()) - before).toBe(cost);
    expect(response.headers.get('x-guildhall-cost-nanos')).toBe(cost.toString());
    expect(await findings()).toEqual([]);
  });

  it('streams, and the money is settled before the stream ends', async () => {
    const before = await spent();
    const stream = await openai.chat.completions.create({
      model: 'openai/gpt-4o-mini',
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text.trim().split(' ')).toHaveLength(16);
    expect((await spent()) - before).toBe(priceOf(usage?.prompt_tokens ?? 0, usage?.completion_tokens ?? 0));
    expect(await findings()).toEqual([]);
  });

  it('gets the errors its classes know, with nothing charged', async () => {
    const before = await spent();
    const call = (model: string, key = platform.key) =>
      new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: key, maxRetries: 0 }).chat.completions.create({
        model,
        messages: hello,
      });
    await expect(call('no-such-model')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(call('gpt-4o-mini', 'wrong')).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    mock.behave({ fault: 'bad-request' });
    await expect(call('gpt-4o-mini')).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    expect(await spent()).toBe(before);
    expect(await findings()).toEqual([]);
  });

  it('makes embeddings and lists models with prices', async () => {
    const made = await openai.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
    expect(made.data).toHaveLength(2);
    const models = await openai.models.list();
    const mini = models.data.find((model) => model.id === 'openai/gpt-4o-mini');
    expect(mini).toMatchObject({ pricing: { input: { nanos: '171000000' }, output: { nanos: '684000000' } } });
  });
});

describe('a call by the client of Anthropic', () => {
  it('answers and streams from a provider that speaks its own language', async () => {
    const before = await spent();
    const message = await anthropic.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: hello });
    expect(message.content[0]).toMatchObject({ type: 'text' });
    const stream = anthropic.messages.stream({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: hello });
    const final = await stream.finalMessage();
    expect(final.stop_reason).toBe('end_turn');
    expect(await spent()).toBeGreaterThan(before);
    expect(await findings()).toEqual([]);
  });

  it('is refused in its own form when the money does not cover it', async () => {
    const poor = await platform.organisation('Poor', 10n);
    const client = new Anthropic({ baseURL: platform.url, apiKey: poor.key, maxRetries: 0 });
    const refused = await client.messages
      .create({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: hello })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 402, error: { type: 'error', error: { type: 'billing_error' } } });
  });
});
