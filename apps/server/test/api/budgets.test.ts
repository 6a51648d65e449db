/** Budgets as customers meet them: refusals in their client's language, events, mails, and the rotation of keys. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSmtpSink } from '../../src/platform/mail/test-support/smtp-sink.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { mailsTo, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';

let mock: MockProvider;
let smtp: Awaited<ReturnType<typeof startSmtpSink>>;
let platform: TestPlatform;

beforeAll(async () => {
  [mock, smtp] = await Promise.all([startMockProvider(), startSmtpSink()]);
  platform = await testPlatform({
    agents: asAgents(keeper),
    environment: {
      OPENAI_API_KEY: 'sk-operator-1234567890',
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-operator-1234567890',
      ANTHROPIC_BASE_URL: `${mock.url}/v1`,
      SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      OPERATOR_EMAIL: 'operator@example.com',
    },
  });
});
afterAll(async () => {
  await platform.close();
  await Promise.all([mock.close(), smtp.close()]);
});

const usd = (nanos: string) => ({ nanos, currency: 'USD' });
interface BudgetView {
  readonly id: string;
  readonly resetsAt: string;
  readonly scope: object;
  readonly spent: { readonly nanos: string };
}
const hello = [{ role: 'user' as const, content: 'Say something.' }];
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test('a refusal says which budget, how much is left of it, what was needed and when it starts over, in the language of each client', async () => {
  const { orgId, key } = await platform.organisation('Refused', 1_000_000_000n);
  const put = await platform.call<BudgetView>(
    'PUT',
    '/v1/budgets',
    { scope: { type: 'organisation' }, period: 'day', limit: usd('7'), hard: true },
    { key },
  );
  const named = {
    budgetId: put.body.id,
    budgetScope: { type: 'organisation', id: orgId },
    budgetPeriod: 'day',
    resetsAt: put.body.resetsAt,
    available: usd('7'),
    required: { nanos: expect.stringMatching(/^\d{2,}$/), currency: 'USD' },
  };
  const sentence = `The daily budget ${put.body.id} of organisation ${orgId} has $0.000000007 left, and up to $`;
  const run = await platform.call('POST', '/v1/agents/keeper/runs', { input: {} }, { key });
  expect(run).toMatchObject({ status: 402, body: { code: 'budget.limit-exceeded', ...named } });
  expect(run.body.detail).toContain(sentence);
  const openai = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: key, maxRetries: 0 });
  const chat = await failureOf(openai.chat.completions.create({ model: 'gpt-4o-mini', messages: hello }));
  expect(chat).toMatchObject({ status: 402, code: 'models.budget-exceeded', type: 'insufficient_quota', error: named });
  expect(String(chat)).toContain(sentence);
  const anthropic = new Anthropic({ baseURL: platform.url, apiKey: key, maxRetries: 0 });
  const message = await failureOf(
    anthropic.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: hello }),
  );
  expect(message).toMatchObject({
    status: 402,
    error: { type: 'error', error: { type: 'billing_error', message: expect.stringContaining(sentence), ...named } },
  });
});

test('a threshold reaches the webhooks of the organisation and the mailbox of the operator, once', async () => {
  const { orgId, key } = await platform.organisation('Told', 1_000_000_000n);
  const endpoint = await platform.call<{ id: string }>(
    'POST',
    '/v1/webhook-endpoints',
    { url: 'https://example.com/hook', events: ['budget.*'] },
    { key },
  );
  const budget = { scope: { type: 'organisation' }, period: 'total', limit: usd('60000000'), hard: true };
  const alertAt = [usd('50000000'), usd('1000000')];
  const put = await platform.call<BudgetView>('PUT', '/v1/budgets', { ...budget, alertAt }, { key });
  expect(put.body).toMatchObject({ alertAt: [usd('1000000'), usd('50000000')] });
  const run = await platform.call<{ status: string }>('POST', '/v1/agents/keeper/runs?wait=30', { input: {} }, { key });
  expect(run.body.status).toBe('succeeded');
  const deliveries = async () =>
    (
      await platform.call<{ data: { eventType: string }[] }>(
        'GET',
        `/v1/webhook-endpoints/${endpoint.body.id}/deliveries`,
        undefined,
        { key },
      )
    ).body.data.map(({ eventType }) => eventType);
  // $0.0475 of $0.06: half of it, and the first of the two amounts.
  await expect.poll(deliveries, { timeout: 10_000 }).toEqual(['budget.threshold.v1', 'budget.threshold.v1']);
  await expect.poll(() => smtp.mails.length, { timeout: 15_000 }).toBe(2);
  const mails = smtp.mails.map(({ source }) => source.replaceAll('=\r\n', '')).join('\n');
  expect(mails).toContain(`of organisation ${orgId} has reached 50 %.`);
  expect(mails).toContain(`of organisation ${orgId} has reached $0.001.`);
  expect(mails).toContain(put.body.id);
});

test('a threshold is mailed to the owners of the organisation in their language', async () => {
  const ada = await signUpPerson(platform, { organisation: 'Ada & Co' });
  await ada.call('PUT', '/v1/me', { locale: 'ar' });
  await platform.call('POST', '/v1/operator/credits', {
    organisationId: ada.orgId,
    amount: usd('1000000000'),
    reason: 'test',
  });
  const scope = { type: 'organisation' };
  await ada.call('PUT', '/v1/budgets', { scope, period: 'total', limit: usd('90000000'), hard: true });
  const run = await ada.call<{ status: string }>('POST', '/v1/agents/keeper/runs?wait=30', { input: {} });
  expect(run.body.status).toBe('succeeded');
  const told = async () => (await mailsTo(platform, ada.email)).filter(({ subject }) => subject.includes('50 %'));
  await expect
    .poll(told, { timeout: 15_000 })
    .toMatchObject([{ subject: expect.stringContaining('ميزانية Ada & Co') }]);
});

test('a budget of a key follows its rotation', async () => {
  const { key } = await platform.organisation('Rotated', 1_000_000_000n);
  const keys = await platform.call<{ data: { id: string }[] }>('GET', '/v1/keys', undefined, { key });
  const keyId = keys.body.data[0]?.id ?? '';
  const scope = { type: 'key', id: keyId };
  await platform.call('PUT', '/v1/budgets', { scope, period: 'month', limit: usd('60000000'), hard: true }, { key });
  const start = (by: string) => platform.call('POST', '/v1/agents/keeper/runs?wait=30', { input: {} }, { key: by });
  expect((await start(key)).status).toBe(200);
  const rotated = await platform.call<{ id: string; secret: string }>(
    'POST',
    `/v1/keys/${keyId}/rotate`,
    { overlapSeconds: 3600 },
    { key },
  );
  const successor = { type: 'key', id: rotated.body.id };
  for (const by of [key, rotated.body.secret]) {
    expect(await start(by)).toMatchObject({
      status: 402,
      body: { budgetScope: successor, available: usd(expect.stringMatching(/^12[45]\d{5}$/)) },
    });
    const chat = await platform.call(
      'POST',
      '/v1/chat/completions',
      { model: 'gpt-4o-mini', messages: hello },
      { key: by },
    );
    expect(chat.status).toBe(200);
  }
  const { body } = await platform.call<{ data: BudgetView[] }>('GET', '/v1/budgets', undefined, { key });
  expect(body.data).toMatchObject([{ scope: successor }]);
  expect(BigInt(body.data[0]?.spent.nanos ?? 0)).toBeGreaterThan(47_500_000n);
});
