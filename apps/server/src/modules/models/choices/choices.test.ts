/** Lists of models as the operator sets them, and what organisations allow, seen through calls. */
import type { ModelChoice } from '@guildhall/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../../../../test/harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../../../../test/harness/platform.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { sql } from '../../../platform/db/index.ts';
import { createChoices } from './index.ts';

const CHOICES = '/v1/operator/model-choices';
const POLICY = '/v1/model-policy';
const FREE = { refuseDataRetention: false, mayFallBack: true };

let mock: MockProvider;
let platform: TestPlatform;
beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: [],
    environment: {
      EGRESS_ALLOW_PRIVATE: '127.0.0.0/8',
      OPENAI_API_KEY: 'sk-operator-openai',
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: 'sk-operator-anthropic',
      ANTHROPIC_BASE_URL: mock.url,
    },
  });
});
beforeEach(async () => {
  await mock.reset();
  await platform.call('PUT', POLICY, FREE);
});
afterAll(async () => {
  await platform.close();
  await mock.close();
});

const put = (name: string, ...models: readonly (readonly [model: string, weight: number])[]) =>
  platform.call('PUT', CHOICES, { name, models: models.map(([model, weight]) => ({ model, weight })) });
const ask = (model: string, url = platform.url, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, max_tokens: 50, messages: [{ role: 'user', content: 'Say something.' }] }),
  });
const answeredBy = async (model: string, url?: string) => (await ask(model, url)).headers.get('x-guildhall-model');
const listed = async (name: string): Promise<ModelChoice | undefined> => {
  const { body } = await platform.call<{ data: ModelChoice[] }>('GET', CHOICES);
  return body.data.find((one) => one.name === name);
};

describe('the lists that come with the program', () => {
  it('name models with a price alone, and stand behind every class and tier', async () => {
    const { metering } = platform.server.platform;
    const { body } = await platform.call<{ data: ModelChoice[] }>('GET', CHOICES);
    for (const { models } of body.data)
      for (const { model } of models) {
        const at = model.indexOf('/');
        expect([model, await metering.modelPrice(model.slice(0, at), model.slice(at + 1))]).not.toContain(undefined);
      }
    const names = body.data.map(({ name }) => name);
    for (const { id, modelClass } of (await metering.priceBook()).tiers)
      expect(names).toEqual(expect.arrayContaining([id, modelClass]));
  });

  it('answer by the first whose provider is set up', async () => {
    expect(await answeredBy('guildhall/small')).toBe('openai/gpt-5.4-mini');
    expect(await answeredBy('guildhall/largest')).toBe('openai/gpt-5.5');
  });
});

describe('a list of the operator', () => {
  it('is used by the next call, by every other process within 5 s, and can be taken back', async () => {
    const other = await platform.another('api');
    expect(await answeredBy('guildhall/standard', other.url)).toBe('openai/gpt-5.4-mini');
    expect(await put('medium', ['openai/gpt-4.1-mini', 1])).toMatchObject({
      status: 200,
      body: { source: 'operator' },
    });
    expect(await answeredBy('guildhall/standard')).toBe('openai/gpt-4.1-mini');
    await expect
      .poll(() => answeredBy('guildhall/standard', other.url), { timeout: 6_000, interval: 500 })
      .toBe('openai/gpt-4.1-mini');
    expect(await put('standard', ['openai/gpt-4.1', 1])).toMatchObject({ status: 200 });
    expect(await answeredBy('guildhall/standard')).toBe('openai/gpt-4.1');
    expect(await answeredBy('guildhall/medium')).toBe('openai/gpt-4.1-mini');
    for (const name of ['standard', 'medium'])
      expect(await platform.call('PUT', CHOICES, { name, models: null })).toMatchObject({ status: 200 });
    expect(await listed('standard')).toMatchObject({ source: 'class' });
    expect(await answeredBy('guildhall/standard')).toBe('openai/gpt-5.4-mini');
  }, 20_000);

  it('is drawn from by weight; those not drawn keep their order', async () => {
    await put('large', ['openai/gpt-5.4', 1], ['openai/gpt-5.2', 3], ['openai/gpt-5.5', 0]);
    const { metering } = platform.server.platform;
    const draw = (random: number) =>
      createChoices({ db: platform.db, clock: systemClock, metering, random: () => random }).forName('guildhall/large');
    expect(await draw(0.24)).toEqual(['openai/gpt-5.4', 'openai/gpt-5.2', 'openai/gpt-5.5']);
    expect(await draw(0.26)).toEqual(['openai/gpt-5.2', 'openai/gpt-5.4', 'openai/gpt-5.5']);
    expect(await draw(0.999)).toEqual(['openai/gpt-5.2', 'openai/gpt-5.4', 'openai/gpt-5.5']);
  });

  it('goes on with the next model when the first cannot answer', async () => {
    await put('large', ['openai/gpt-5.4', 1], ['anthropic/claude-sonnet-4-5', 0]);
    mock.behave({ fault: 'not-found', onModel: 'gpt-5.4' });
    expect(await answeredBy('guildhall/large')).toBe('anthropic/claude-sonnet-4-5');
  });

  it.each([
    ['a provider that is unknown', 'small', 'nobody/gpt', '/models/0/model', 'begins with no provider'],
    ['a model without a price', 'small', 'openai/gpt-99', '/models/0/model', 'has no price'],
    ['all models of a provider', 'small', 'ollama/*', '/models/0/model', 'has no price'],
    ['an embedding model', 'small', 'openai/text-embedding-3-small', '/models/0/model', 'makes embeddings'],
    ['a name that is no class and no tier', 'colossal', 'openai/gpt-5.4', '/name', 'is none of'],
  ])('is refused with %s', async (_, name, model, path, message) => {
    const refused = await put(name, [model, 1]);
    expect(refused).toMatchObject({ status: 422, body: { code: 'models.choice-unfit' } });
    expect(refused.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it.each([
    ['without a weight above 0', [{ model: 'openai/gpt-5.4', weight: 0 }]],
    ['with a model named twice', Array(2).fill({ model: 'openai/gpt-5.4', weight: 1 })],
    ['with a share below 0', [{ model: 'openai/gpt-5.4', weight: -1 }]],
    ['of nothing', []],
  ])('is refused %s', async (_, models) => {
    expect((await platform.call('PUT', CHOICES, { name: 'small', models })).status).toBe(422);
  });

  it('is set by the operator alone, with a live key, and each change has an audit row', async () => {
    const keyOf = async (scopes: string[], mode: string) =>
      (await platform.call<{ secret: string }>('POST', '/v1/keys', { name: 'k', scopes, mode })).body.secret;
    const body = { name: 'small', models: [{ model: 'openai/gpt-5.4', weight: 1 }] };
    for (const key of [await keyOf(['models:use', 'providers:write'], 'live'), await keyOf(['operator'], 'test')])
      expect((await platform.call('PUT', CHOICES, body, { key })).status).toBe(403);
    await put('small', ['openai/gpt-5.4-mini', 1]);
    const rows = await platform.db.tenant(platform.orgId, (tx) =>
      sql<{ action: string; data: object }>`
        select action, data from audit.event where target_type = 'model-choice' and target_id = 'small' order by seq desc limit 1`.execute(
        tx,
      ),
    );
    expect(rows.rows).toMatchObject([{ action: 'model-choice.set', data: { models: 'openai/gpt-5.4-mini=1' } }]);
    await platform.call('PUT', CHOICES, { name: 'small', models: null });
  });
});

describe('the policy of an organisation', () => {
  const set = (policy: object) => platform.call('PUT', POLICY, { ...FREE, ...policy });
  const refusalOf = async (model: string, headers?: Record<string, string>) => {
    const before = mock.requests().length;
    const answer = await ask(model, platform.url, headers);
    const { error } = (await answer.json()) as { error?: { code?: string; message?: string } };
    expect(mock.requests()).toHaveLength(before);
    expect((await platform.call<{ held: object }>('GET', '/v1/balance')).body.held).toMatchObject({ nanos: '0' });
    return { status: answer.status, code: error?.code, message: error?.message };
  };
  const REFUSED = { status: 403, code: 'models.policy-refuses' };

  it('allows everything until it is set, and is shown as it was set', async () => {
    const fresh = await platform.organisation('Fresh');
    expect((await platform.call('GET', POLICY, undefined, { key: fresh.key })).body).toEqual(FREE);
    const policy = { ...FREE, regions: ['eu'], allowedModels: ['openai/*'] };
    expect(await platform.call('PUT', POLICY, policy)).toMatchObject({ status: 200, body: policy });
    expect((await platform.call('GET', POLICY)).body).toEqual(policy);
    expect((await platform.call('GET', POLICY, undefined, { key: fresh.key })).body).toEqual(FREE);
  });

  it('refuses models that it does not name, by whatever name they are asked for, and does not list them', async () => {
    await set({ allowedModels: ['openai/gpt-4.1-mini'] });
    expect(await refusalOf('openai/gpt-5.4')).toMatchObject(REFUSED);
    expect(await refusalOf('guildhall/largest')).toMatchObject(REFUSED);
    expect((await ask('gpt-4.1-mini')).status).toBe(200);
    expect((await ask('gpt-4.1-mini-2025-04-14')).status).toBe(200);
    const { body } = await platform.call<{ data: { id: string }[] }>('GET', '/v1/models');
    expect(body.data.map(({ id }) => id)).toEqual(['openai/gpt-4.1-mini']);
  });

  it('asks only accounts that work in its regions and keep nothing', async () => {
    await set({ regions: ['eu'] });
    expect(await refusalOf('gpt-5.4')).toMatchObject({ ...REFUSED, message: expect.stringContaining('eu') });
    await set({ refuseDataRetention: true });
    expect(await refusalOf('gpt-5.4')).toMatchObject({ ...REFUSED, message: expect.stringContaining('keep prompts') });
    const added = await platform.call<{ id: string }>('POST', '/v1/operator/providers', {
      kind: 'openai',
      key: 'sk-operator-europe',
      baseUrl: `${mock.url}/v1`,
      regions: ['eu'],
      retainsData: false,
    });
    expect(added.status).toBe(201);
    await set({ regions: ['eu', 'ch'], refuseDataRetention: true });
    await mock.reset();
    expect((await ask('gpt-5.4')).status).toBe(200);
    expect(mock.requests().map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-operator-europe']);
    await platform.call('DELETE', `/v1/operator/providers/${added.body.id}`);
  });

  it('holds for a key that a request brings, not for one that the organisation stored', async () => {
    await set({ refuseDataRetention: true });
    const brought = { 'x-provider-key': 'sk-brought-by-request', 'x-provider-base-url': `${mock.url}/v1` };
    expect(await refusalOf('openai/gpt-5.4', brought)).toMatchObject(REFUSED);
    const kept = { kind: 'openai', key: 'sk-own-account-1', baseUrl: `${mock.url}/v1` };
    const stored = await platform.call<{ id: string }>('POST', '/v1/provider-keys', kept);
    expect((await ask('openai/gpt-5.4')).status).toBe(200);
    await platform.call('DELETE', `/v1/provider-keys/${stored.body.id}`);
  });

  it('without fallback lets the first model of a list alone answer', async () => {
    await put('large', ['openai/gpt-5.4', 1], ['anthropic/claude-sonnet-4-5', 0]);
    await set({ mayFallBack: false });
    mock.behave({ fault: 'not-found', onModel: 'gpt-5.4' });
    expect((await ask('guildhall/large')).status).toBe(404);
  });

  it('is changed by keys with providers:write alone, and each change has an audit row', async () => {
    const made = await platform.call<{ secret: string }>('POST', '/v1/keys', {
      name: 'k',
      scopes: ['providers:read', 'models:use'],
      mode: 'live',
    });
    expect((await platform.call('PUT', POLICY, FREE, { key: made.body.secret })).status).toBe(403);
    expect((await platform.call('PUT', POLICY, { ...FREE, region: 'eu' })).status).toBe(422);
    await set({ regions: ['us'] });
    const rows = await platform.db.tenant(platform.orgId, (tx) =>
      sql<{
        data: object;
      }>`select data from audit.event where action = 'model-policy.set' order by seq desc limit 1`.execute(tx),
    );
    expect(rows.rows).toMatchObject([{ data: { regions: 'us', mayFallBack: 'true' } }]);
  });
});
