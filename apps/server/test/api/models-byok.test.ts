/** The customer's own provider keys through HTTP: stored or brought with a request, used for their owner alone, charged the platform fee alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Server } from '../../src/serve.ts';
import { createGatewayWorld, type GatewayWorld, OPERATOR_KEY } from './models-fixture.ts';

/** The base price of the tier `byok`: $0.002 a call. */
const FEE = 2_000_000n;
const OWN = 'sk-own-abcdefghijklmnop';
const hello = [{ role: 'user' as const, content: 'Say something.' }];

let world: GatewayWorld;
let second: Server;
let other: { readonly orgId: string; readonly key: string };
beforeAll(async () => {
  world = await createGatewayWorld();
  second = await world.platform.another('api');
  other = await world.platform.organisation('Other');
}, 60_000);
afterAll(() => world.close(), 60_000);

const keyShown = (): string | undefined => {
  const { headers } = world.lastRequest();
  return headers['x-api-key'] ?? headers.authorization?.replace('Bearer ', '');
};
const store = async (kind: string, key = OWN) => {
  const body = { kind, baseUrl: `${world.mock.url}/v1`, key };
  const made = await world.platform.call<{ id: string }>('POST', '/v1/provider-keys', body);
  expect(made.status).toBe(201);
  return made.body.id;
};
const revoke = (id: string) => world.platform.call('DELETE', `/v1/provider-keys/${id}`);
const chat = (model: string, clients: Pick<GatewayWorld, 'openai'> = world) =>
  clients.openai.chat.completions.create({ model, messages: hello, max_tokens: 40 });

describe('a stored key', () => {
  it.each(['openai', 'anthropic', 'google'])(
    'of %s is used in the place of the operator’s, for the platform fee alone',
    async (kind) => {
      const id = await store(kind);
      const before = await world.spent();
      await chat(`${kind}/matrix`);
      expect(keyShown()).toBe(OWN);
      await chat(`${kind}/a-model-without-a-price`);
      const stream = await world.openai.chat.completions.create({
        model: `${kind}/matrix`,
        messages: hello,
        stream: true,
        max_tokens: 40,
      });
      for await (const _ of stream);
      expect(keyShown()).toBe(OWN);
      expect((await world.spent()) - before).toBe(3n * FEE);
      const call = await world.newest();
      expect(call).toMatchObject({
        own_key: true,
        channel_id: id,
        cost_nanos: FEE.toString(),
        provider_cost_nanos: '0',
      });
      expect(Number(call.output_tokens)).toBe(16);
      const { body } = await world.platform.call<{ data: object[] }>('GET', '/v1/usage?groupBy=model');
      expect(JSON.stringify(body)).toContain(`${kind}/matrix`);
      await revoke(id);
      await chat(`${kind}/matrix`);
      expect(keyShown()).toBe(OPERATOR_KEY);
      expect(await world.findings()).toEqual([]);
    },
  );

  it('may be asked what has no price here', async () => {
    const id = await store('openai');
    const priced = world.openai.responses.create({
      model: 'openai/matrix',
      input: 'hi',
      tools: [{ type: 'web_search' }],
    });
    expect((await priced).status).toBe('completed');
    await revoke(id);
    const refused = world.openai.responses.create({
      model: 'openai/matrix',
      input: 'hi',
      tools: [{ type: 'web_search' }],
    });
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'models.own-key-only' });
  });

  it('that the provider refuses is a clear answer that costs nothing, and the operator’s is not used instead', async () => {
    const id = await store('openai');
    world.mock.behave({ fault: 'unauthorised', onKey: OWN, times: 'always' });
    const before = [await world.spent(), world.mock.stats().requests] as const;
    const refused = await chat('openai/matrix').catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 403, code: 'models.own-key-refused' });
    expect(String(refused)).not.toContain(OWN);
    expect(await world.spent()).toBe(before[0]);
    expect(
      world.mock
        .requests()
        .slice(before[1])
        .every(({ headers }) => !headers.authorization?.includes(OPERATOR_KEY)),
    ).toBe(true);
    expect((await world.newest()).attempts).toMatchObject([{ outcome: 'models.own-key-refused' }]);
    await world.mock.reset();
    await revoke(id);
  });

  it('is used by no other organisation', async () => {
    const id = await store('google');
    const theirs = world.clients(other.key);
    await chat('google/matrix', theirs);
    expect(keyShown()).toBe(OPERATOR_KEY);
    expect((await world.platform.call('GET', `/v1/provider-keys/${id}`, undefined, { key: other.key })).status).toBe(
      404,
    );
    expect((await world.platform.call('DELETE', `/v1/provider-keys/${id}`, undefined, { key: other.key })).status).toBe(
      404,
    );
    await chat('google/matrix');
    expect(keyShown()).toBe(OWN);
    await revoke(id);
  });

  it('once revoked is used no more at once, in another process too', async () => {
    const id = await store('openai');
    const call = async (): Promise<string | undefined> => {
      const response = await fetch(`${second.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${world.platform.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'openai/matrix', messages: hello, max_tokens: 5 }),
      });
      await response.text();
      return keyShown();
    };
    await expect.poll(call, { timeout: 1_000 }).toBe(OWN);
    await revoke(id);
    await expect.poll(call, { timeout: 1_000 }).toBe(OPERATOR_KEY);
    expect(await world.rows('select id from models.provider_key where id = $1 and sealed is not null', [id])).toEqual(
      [],
    );
  });
});

describe('a key that comes with a request', () => {
  const bring = (baseUrl?: string) =>
    world.clients(world.platform.key, {
      'x-provider-key': 'sk-brought-0123456789',
      ...(baseUrl === undefined ? {} : { 'x-provider-base-url': baseUrl }),
    });

  it('is used at its own address for the platform fee, and stored nowhere', async () => {
    const before = await world.spent();
    await chat('compatible/anything', bring(`${world.mock.url}/v1`));
    expect(keyShown()).toBe('sk-brought-0123456789');
    await chat('anything', bring(`${world.mock.url}/v1`));
    expect((await world.spent()) - before).toBe(2n * FEE);
    const message = await bring(`${world.mock.url}/v1`).anthropic.messages.create({
      model: 'anthropic/x',
      max_tokens: 9,
      messages: hello,
    });
    expect(message.type).toBe('message');
    expect(keyShown()).toBe('sk-brought-0123456789');
  });

  it.each(['http://10.0.0.1/v1', 'http://169.254.169.254/v1', 'http://[::1]/v1', 'ftp://example.com'])(
    'is not sent to %s',
    async (baseUrl) => {
      const requests = world.mock.stats().requests;
      const before = await world.spent();
      const refused = await chat('compatible/anything', bring(baseUrl)).catch((error: unknown) => error);
      expect([(refused as { status: number }).status, (refused as { code: string }).code]).toEqual([
        422,
        'providers.address-refused',
      ]);
      expect(world.mock.stats().requests).toBe(requests);
      expect(await world.spent()).toBe(before);
    },
  );

  it('goes without an address to the provider that the model names, and to nobody where it names none', async () => {
    await expect(chat('matrix', bring())).rejects.toMatchObject({ status: 422, code: 'providers.request-key-unfit' });
  });
});
