import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestPlatform, testPlatform } from '../../../../test/harness/platform.ts';
import { provider } from './fixture.ts';

const KEY = 'sk-canary-0123456789abcdef';
let platform: TestPlatform;
let fake: Awaited<ReturnType<typeof provider>>;
let reader: string;
beforeAll(async () => {
  platform = await testPlatform({
    agents: [],
    role: 'api',
    environment: {
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      MISTRAL_API_KEY: 'of-the-environment',
      OLLAMA_URL: 'http://127.0.0.1:9',
    },
  });
  fake = await provider(KEY);
  const made = await platform.call<{ secret: string }>('POST', '/v1/keys', {
    name: 'reader',
    scopes: ['providers:read'],
    mode: 'live',
  });
  reader = made.body.secret;
});
beforeEach(() => {
  fake.answer = undefined;
});
afterAll(async () => {
  await fake.close();
  await platform.close();
});

const ownKey = () => ({ kind: 'openai', baseUrl: `${fake.url}/`, key: KEY });
const codeOf = (body: Record<string, unknown>) => body.code;

describe('provider keys of an organisation', () => {
  test('are shown with their last four and how they answered, never again with the key', async () => {
    const made = await platform.call('POST', '/v1/provider-keys', ownKey());
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      kind: 'openai',
      name: 'OpenAI',
      baseUrl: fake.url,
      keyLast4: 'cdef',
      models: ['gpt-a', 'gpt-b'],
      lastCheck: { outcome: 'ok', status: 200, models: 2 },
      revokedAt: null,
    });
    const shown = await platform.call('GET', `/v1/provider-keys/${made.body.id}`);
    expect(shown.body).toEqual(made.body);
    const page = await platform.call('GET', '/v1/provider-keys?limit=1');
    expect(page.body).toMatchObject({ data: [{ id: made.body.id }], nextCursor: null });
    const tested = await platform.call('POST', `/v1/provider-keys/${made.body.id}/test`);
    expect(tested.body).toMatchObject({ outcome: 'ok', models: 2 });
    for (const { body } of [made, shown, page, tested]) expect(JSON.stringify(body)).not.toContain(KEY);
  });

  test('that are refused are not stored, unless that is asked for', async () => {
    const wrong = { ...ownKey(), key: 'sk-wrong-key-0123456789' };
    const refused = await platform.call('POST', '/v1/provider-keys', wrong);
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      code: 'providers.check-failed',
      errors: [{ path: '/key', message: 'key-refused' }],
    });
    expect(JSON.stringify(refused.body)).not.toContain('sk-wrong');
    const forced = await platform.call('POST', '/v1/provider-keys', { ...wrong, force: true });
    expect(forced.body).toMatchObject({ lastCheck: { outcome: 'key-refused' } });
  });

  test('are revoked for ever, and the second time changes nothing', async () => {
    const { body } = await platform.call('POST', '/v1/provider-keys', ownKey());
    expect((await platform.call('DELETE', `/v1/provider-keys/${body.id}`)).status).toBe(204);
    expect((await platform.call('DELETE', `/v1/provider-keys/${body.id}`)).status).toBe(204);
    const tested = await platform.call('POST', `/v1/provider-keys/${body.id}/test`);
    expect([tested.status, codeOf(tested.body)]).toEqual([409, 'providers.key-revoked']);
  });

  test('of another organisation are missing', async () => {
    const { body } = await platform.call('POST', '/v1/provider-keys', ownKey());
    const other = await platform.organisation('Other');
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/test'],
      ['DELETE', ''],
    ] as const) {
      const answer = await platform.call(method, `/v1/provider-keys/${body.id}${path}`, undefined, { key: other.key });
      expect([answer.status, codeOf(answer.body)]).toEqual([404, 'providers.key-not-found']);
    }
    expect((await platform.call('GET', '/v1/provider-keys', undefined, { key: other.key })).body.data).toEqual([]);
  });

  test('need a key with the scope', async () => {
    expect((await platform.call('GET', '/v1/provider-keys', undefined, { key: 'none' })).status).toBe(401);
    expect((await platform.call('GET', '/v1/provider-keys', undefined, { key: reader })).status).toBe(200);
    expect((await platform.call('POST', '/v1/provider-keys', ownKey(), { key: reader })).status).toBe(403);
    expect((await platform.call('GET', '/v1/operator/providers', undefined, { key: reader })).status).toBe(403);
  });

  test('are made once for a repeated request', async () => {
    const headers = { 'idempotency-key': 'provider-key-1' };
    const first = await platform.call('POST', '/v1/provider-keys', ownKey(), { headers });
    const second = await platform.call('POST', '/v1/provider-keys', ownKey(), { headers });
    expect(second.body.id).toBe(first.body.id);
    const conflict = await platform.call('POST', '/v1/provider-keys', { ...ownKey(), name: 'x' }, { headers });
    expect(codeOf(conflict.body)).toBe('idempotency.conflict');
  });

  test.each([
    ['no key', { kind: 'openai' }, 'http.invalid-request'],
    ['an unknown kind', { ...{ kind: 'aws' }, key: KEY }, 'http.invalid-request'],
    ['a line end in the key', { kind: 'openai', key: `${KEY}\r\nx: y` }, 'http.invalid-request'],
    ['no address where there is no usual one', { kind: 'compatible', key: KEY }, 'providers.address-missing'],
    ['a private address', { kind: 'openai', key: KEY, baseUrl: 'http://10.1.2.3/v1' }, 'providers.address-refused'],
    [
      'the metadata service',
      { kind: 'openai', key: KEY, baseUrl: 'http://169.254.169.254' },
      'providers.address-refused',
    ],
    ['another scheme', { kind: 'openai', key: KEY, baseUrl: 'file:///etc/passwd' }, 'providers.address-refused'],
    [
      'a query in the address',
      { kind: 'openai', key: KEY, baseUrl: 'https://a.example/v1?x=' },
      'providers.address-refused',
    ],
  ])('with %s are refused, forced or not, and the key is not repeated', async (_, body, code) => {
    for (const force of [false, true]) {
      const answer = await platform.call('POST', '/v1/provider-keys', { ...body, force });
      expect([answer.status, codeOf(answer.body)]).toEqual([422, code]);
      expect(JSON.stringify(answer.body)).not.toContain('canary');
    }
  });
});

describe('providers of the operator', () => {
  const body = () => ({
    kind: 'compatible',
    name: 'Own models',
    baseUrl: fake.url,
    key: KEY,
    weight: 3,
    priority: 0,
    regions: ['me-central-1'],
    retainsData: false,
    requestsPerMinute: 60,
  });

  test('are added, listed beside those of the settings, changed and deleted', async () => {
    const made = await platform.call('POST', '/v1/operator/providers', body());
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      source: 'stored',
      keyLast4: 'cdef',
      requestsPerMinute: 60,
      tokensPerMinute: null,
    });
    const path = `/v1/operator/providers/${made.body.id}`;
    const list = await platform.call<{ data: { id: string; source: string }[] }>('GET', '/v1/operator/providers');
    expect(list.body.data.map((one) => one.id)).toEqual(['prv_env_mistral', 'prv_env_ollama', made.body.id]);
    const changed = await platform.call('PUT', path, { weight: 5, requestsPerMinute: null, enabled: false });
    expect(changed.body).toMatchObject({
      weight: 5,
      requestsPerMinute: null,
      enabled: false,
      name: 'Own models',
      regions: ['me-central-1'],
    });
    const { channels } = platform.server.platform.models;
    const offered = async () =>
      (await channels.candidates({ orgId: platform.orgId })).map(({ id }) => id).filter((id) => id.startsWith('prv'));
    expect(await offered()).not.toContain(made.body.id);
    await platform.call('PUT', path, { enabled: true });
    expect((await offered())[0]).toBe(made.body.id);
    expect((await platform.call('POST', `${path}/test`)).body).toMatchObject({ outcome: 'ok' });
    expect((await platform.call('DELETE', path)).status).toBe(204);
    expect((await platform.call('GET', path)).status).toBe(404);
    expect(await offered()).not.toContain(made.body.id);
  });

  test('are not sent a key at another address by someone who does not know it', async () => {
    const made = await platform.call('POST', '/v1/operator/providers', body());
    const path = `/v1/operator/providers/${made.body.id}`;
    const thief = await provider('anything');
    const refused = await platform.call('PUT', path, { baseUrl: thief.url, force: true });
    expect([refused.status, codeOf(refused.body)]).toEqual([422, 'providers.key-missing']);
    expect(thief.asked).toEqual([]);
    await thief.close();
  });

  test('of the settings cannot be changed here', async () => {
    for (const [method, path, sent] of [
      ['PUT', '', { weight: 2 }],
      ['DELETE', '', undefined],
      ['POST', '/test', undefined],
    ] as const) {
      const answer = await platform.call(method, `/v1/operator/providers/prv_env_mistral${path}`, sent);
      expect([answer.status, codeOf(answer.body)]).toEqual([409, 'providers.from-settings']);
    }
    const shown = await platform.call('GET', '/v1/operator/providers/prv_env_mistral');
    expect(JSON.stringify(shown.body)).not.toContain('of-the-environment');
  });

  test('need a key where their kind needs one', async () => {
    const { key: _, ...keyless } = { ...body(), kind: 'openai' };
    expect(codeOf((await platform.call('POST', '/v1/operator/providers', keyless)).body)).toBe('providers.key-missing');
  });
});
