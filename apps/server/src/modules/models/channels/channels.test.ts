import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEgress } from '../../../platform/egress/index.ts';
import { ACTOR, eventually, type Ground, ground, ORG, provider } from './fixture.ts';
import type { Channels } from './index.ts';
import { noteKeyUse } from './store.ts';

const KEY = 'sk-canary-0123456789abcdef';
let g: Ground;
let fake: Awaited<ReturnType<typeof provider>>;
let one: Channels;
let other: Channels;

beforeAll(async () => {
  g = await ground({ OPENAI_API_KEY: 'sk-of-the-environment', ANTHROPIC_API_KEY: 'of-the-environment' });
  fake = await provider(KEY);
  one = await g.process();
  other = await g.process();
});
afterAll(async () => {
  await fake.close();
  await g.close();
});

const addKey = async (orgId = ORG) => {
  const store = await g.service.prepareKey({
    kind: 'compatible',
    baseUrl: fake.url,
    key: KEY,
    weight: 1,
    priority: 1,
    force: false,
  });
  return g.db.tenant(orgId, (tx) => store(tx, { ...ACTOR, orgId }));
};

const own = async (channels: Channels, orgId: string) =>
  (await channels.candidates({ orgId })).filter((channel) => channel.ownerOrgId !== undefined);

test('channels of the settings have ids that stay, the address of the operator, and their key only when asked', async () => {
  const [channel] = await one.candidates({ orgId: ORG, kind: 'anthropic' });
  expect(channel).toMatchObject({
    id: 'prv_env_anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    isTrustedAddress: true,
    ownerOrgId: undefined,
  });
  expect(await channel?.secret()).toBe('of-the-environment');
  expect(JSON.stringify(channel)).not.toContain('of-the-environment');
});

test('an own key is seen by every process at once, before the operator’s channels, and by no other organisation', async () => {
  expect(await own(other, ORG)).toEqual([]);
  const { record } = await addKey();
  await eventually(async () => (await own(other, ORG)).length === 1);
  const all = await other.candidates({ orgId: ORG });
  expect(all[0]).toMatchObject({ id: record.id, ownerOrgId: ORG, isTrustedAddress: false, baseUrl: fake.url });
  expect(await all[0]?.secret()).toBe(KEY);
  expect(await own(other, 'org_b')).toEqual([]);
});

test('what is warm costs no round trip', async () => {
  await one.candidates({ orgId: ORG });
  const before = g.queries();
  for (let i = 0; i < 100; i += 1) await one.candidates({ orgId: ORG });
  expect(g.queries()).toBe(before);
});

test('a revoked key is gone from every process at once, and from the database', async () => {
  const { record } = await addKey('org_c');
  await eventually(async () => (await own(one, 'org_c')).length === 1 && (await own(other, 'org_c')).length === 1);
  await g.db.tenant('org_c', (tx) => g.service.revokeKey(tx, { ...ACTOR, orgId: 'org_c' }, record.id));
  const revokedAt = performance.now();
  await eventually(async () => (await own(one, 'org_c')).length === 0 && (await own(other, 'org_c')).length === 0);
  expect(performance.now() - revokedAt).toBeLessThan(1_000);
  expect(await g.asOwner('select sealed from models.provider_key where id = $1', [record.id])).toEqual([
    { sealed: null },
  ]);
  await expect(
    g.asOwner(`update models.provider_key set sealed = '\\x00', revoked_at = null where id = $1`, [record.id]),
  ).rejects.toThrow('stays revoked');
});

test('the use of a key is written down', async () => {
  const { record } = await addKey('org_d');
  const other2 = await g.process();
  const [channel] = await own(other2, 'org_d');
  await channel?.secret();
  await eventually(
    async () =>
      (await g.asOwner('select last_used_at from models.provider_key where id = $1', [record.id]))[0]?.last_used_at !==
      null,
  );
});

test('AUD-01: whoever opens a key leaves one row in the audit trail a day, however often and in however many processes', async () => {
  const { record } = await addKey('org_use');
  const use = () =>
    g.database.db.system((tx) =>
      noteKeyUse(tx, [record.id, 'pvk_gone'], [g.deps.ids.make('aud'), g.deps.ids.make('aud')]),
    );
  const rows = () =>
    g.asOwner(
      `select actor_type, actor_id, target_type from audit.event where target_id = $1 and action = 'provider-key.use'`,
      [record.id],
    );
  const row = { actor_type: 'system', actor_id: 'models', target_type: 'provider-key' };
  await Promise.all(Array.from({ length: 10 }, use));
  expect(await rows()).toEqual([row]);
  // As if all of it had been yesterday.
  const age = (interval: string) =>
    g.asOwner(
      `update models.provider_key set last_used_at = date_trunc('day', last_used_at at time zone 'UTC') at time zone 'UTC' - $2::interval where id = $1`,
      [record.id, interval],
    );
  await age('1 second');
  await Promise.all(Array.from({ length: 10 }, use));
  expect(await rows()).toEqual([row, row]);
}, 20_000);

test.each([
  ['row of the same organisation', 'org_e', 'org_e'],
  ['organisation', 'org_f', 'org_h'],
])('a sealed key that is moved to another %s cannot be read', async (_, from, to) => {
  const source = await addKey(from);
  const target = await addKey(to);
  await g.asOwner(
    'update models.provider_key a set sealed = b.sealed from models.provider_key b where a.id = $1 and b.id = $2',
    [target.record.id, source.record.id],
  );
  const fresh = await g.process();
  const moved = (await own(fresh, to)).find((channel) => channel.id === target.record.id);
  await expect(moved?.secret()).rejects.toMatchObject({ spec: { code: 'crypto.unreadable' } });
});

test('a key whose address was changed in the database cannot be read, so it is sent nowhere', async () => {
  const { record } = await addKey('org_i');
  await g.asOwner(`update models.provider_key set base_url = 'https://thief.example/v1' where id = $1`, [record.id]);
  const [channel] = await own(await g.process(), 'org_i');
  expect(channel?.baseUrl).toBe('https://thief.example/v1');
  await expect(channel?.secret()).rejects.toMatchObject({ spec: { code: 'crypto.unreadable' } });
});

test('a key of a request is used for that request alone and stored nowhere', async () => {
  const channels = await one.candidates({ orgId: ORG, kind: 'openai', requestKey: { key: 'sk-of-this-request' } });
  expect(channels).toHaveLength(1);
  expect(channels[0]).toMatchObject({ id: 'prv_request', kind: 'openai', ownerOrgId: ORG, isTrustedAddress: false });
  expect(await channels[0]?.secret()).toBe('sk-of-this-request');
  expect((await one.candidates({ orgId: ORG, kind: 'openai' })).map((c) => c.id)).toEqual(['prv_env_openai']);
});

test.each([
  [
    'a line end in the key',
    { kind: 'openai', requestKey: { key: 'sk-12345678\r\nx: y' } },
    'providers.request-key-unfit',
  ],
  ['no kind and no address', { requestKey: { key: 'sk-12345678' } }, 'providers.request-key-unfit'],
  [
    'a kind without an address',
    { kind: 'compatible', requestKey: { key: 'sk-12345678' } },
    'providers.address-missing',
  ],
  [
    'a private address',
    { requestKey: { key: 'sk-12345678', baseUrl: 'http://10.0.0.1/v1' } },
    'providers.address-refused',
  ],
  [
    'an address of the metadata service',
    { kind: 'openai', requestKey: { key: 'sk-12345678', baseUrl: 'http://169.254.169.254/v1' } },
    'providers.address-refused',
  ],
  [
    'a user name in the address',
    { kind: 'openai', requestKey: { key: 'sk-12345678', baseUrl: 'https://a@b.example/v1' } },
    'providers.address-refused',
  ],
] as const)('a request with %s is refused', async (_, wanted, code) => {
  await expect(one.candidates({ orgId: ORG, ...wanted })).rejects.toMatchObject({ spec: { code } });
});

test('what a channel offers is asked for in the background, shown by kind of wire, and not asked twice', async () => {
  await addKey('org_g');
  const asking = await g.process();
  const offered = async () => (await asking.models('org_g')).find((one_) => one_.channel.ownerOrgId === 'org_g');
  const before = fake.asked.length;
  expect(await offered()).toMatchObject({ names: [], isKnown: false });
  await eventually(async () => (await offered())?.isKnown === true);
  expect((await offered())?.names).toEqual(['gpt-a', 'gpt-b']);
  expect(fake.asked.length).toBe(before + 1);
});

test('an Ollama that comes is found although its address is private, and one that is not there is no error', async () => {
  const guarded = createEgress({ allowPrivateCidrs: [], clock: g.deps.clock });
  const environmentProviders = { ...g.deps.environmentProviders, ollama: { url: undefined } };
  const unreachable = {
    ...guarded,
    request: () => guarded.request('http://127.0.0.1:9/', { trustedOrigin: 'http://127.0.0.1:9' }),
  };
  const silent = await g.process({ environmentProviders, egress: unreachable });
  expect(await silent.candidates({ orgId: ORG, kind: 'ollama' })).toEqual([]);
  const ollama = await provider('');
  ollama.answer = (response) => response.end(JSON.stringify({ data: [{ id: 'llama3:8b' }] }));
  const here = new URL(ollama.url).origin;
  const moved: typeof guarded = {
    ...guarded,
    request: (url, request = {}) => {
      expect(request.trustedOrigin).toBe('http://127.0.0.1:11434');
      return guarded.request(url.replace('http://127.0.0.1:11434', here), { ...request, trustedOrigin: here });
    },
  };
  const there = await g.process({
    environmentProviders: {
      ...environmentProviders,
      openai: { ...environmentProviders.openai, apiKey: undefined },
      anthropic: { ...environmentProviders.anthropic, apiKey: undefined },
    },
    egress: moved,
  });
  await eventually(async () => (await there.candidates({ orgId: ORG, kind: 'ollama' })).length === 1);
  expect((await there.models(ORG)).find((one_) => one_.channel.kind === 'ollama')).toMatchObject({
    channel: { id: 'prv_found_ollama', isTrustedAddress: true, retainsData: false },
    names: ['llama3:8b'],
    isKnown: true,
  });
  await ollama.close();
  await guarded.close();
});
