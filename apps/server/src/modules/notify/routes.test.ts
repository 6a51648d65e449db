import { defineAgent } from '@guildhall/agent-sdk';
import type { Scope, WebhookDelivery, WebhookEndpoint } from '@guildhall/contract';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAgents, type TestPlatform, testPlatform } from '../../../test/harness/platform.ts';
import { type Receiver, receiver, status } from './fixture.ts';

const BASE = '/v1/webhook-endpoints';
const longAgo = { from: '2001-01-01T00:00:00Z', to: '2001-01-02T00:00:00Z' };
const farAhead = { from: '2999-01-01T00:00:00Z', to: '2999-01-02T00:00:00Z' };

const agent = defineAgent({
  id: 'nothing',
  version: '1.0.0',
  title: 'Nothing',
  summary: 'Does nothing.',
  description: 'Does nothing.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 5_000, stepsMax: 2 },
  input: z.strictObject({}),
  output: z.strictObject({}),
  examples: [{ title: 'Nothing', input: {} }],
  run: async () => ({}),
});

type Made = WebhookEndpoint & { secret: string | null };
interface Listed<T> {
  data: T[];
  nextCursor: string | null;
}

let platform: TestPlatform;
let hook: Receiver;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(agent), environment: { EGRESS_ALLOW_PRIVATE: '127.0.0.1/32' } });
});
afterAll(() => platform.close());
beforeEach(async () => {
  hook = await receiver();
});
afterEach(() => hook.close());

const create = async (
  body: Record<string, unknown> = {},
  more: { key?: string; headers?: Record<string, string> } = {},
) => platform.call<Made>('POST', BASE, { url: hook.url, events: ['*'], description: 'Test', ...body }, more);
const deliveries = async (id: string, query = '') =>
  (await platform.call<Listed<WebhookDelivery>>('GET', `${BASE}/${id}/deliveries${query}`)).body;
const runOnce = (key = platform.key) =>
  platform.call('POST', '/v1/agents/nothing/runs?wait=10', { input: {} }, { key });
const limitedKey = async (...scopes: Scope[]) =>
  (await platform.call<{ secret: string }>('POST', '/v1/keys', { name: 'limited', scopes, mode: 'live' })).body.secret;

/** Looks again each time the receiver has heard something, and at the end of a patient moment. */
async function settled(id: string, n: number): Promise<WebhookDelivery[]> {
  return expect
    .poll(async () => (await deliveries(id)).data.filter((row) => row.status === 'delivered'), { timeout: 5_000 })
    .toHaveLength(n)
    .then(async () => (await deliveries(id)).data);
}

async function audited(targetId: string): Promise<string[]> {
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query('select action from audit.event where target_id = $1 order by seq', [targetId]);
  await owner.end();
  return rows.map((row) => row.action);
}

describe('endpoints', () => {
  it('are made with a secret that is shown once, listed without it, changed and deleted, each with an audit row', async () => {
    const headers = { 'idempotency-key': 'make-endpoint-1' };
    const made = await create({}, { headers });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: expect.stringMatching(/^whk_[0-9a-z]{26}$/),
      url: hook.url,
      events: ['*'],
      description: 'Test',
      enabled: true,
      disabledReason: null,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const again = await create({}, { headers });
    expect(again.body).toEqual({ ...made.body, secret: null });

    const { secret: _, ...shown } = made.body;
    const { id } = shown;
    expect((await platform.call('GET', `${BASE}/${id}`)).body).toEqual(shown);
    expect((await platform.call<Listed<Made>>('GET', BASE)).body.data).toContainEqual(shown);

    const changed = await platform.call<Made>('PUT', `${BASE}/${id}`, { events: ['run.failed.v1'], enabled: false });
    expect(changed).toMatchObject({
      status: 200,
      body: { id, url: hook.url, events: ['run.failed.v1'], enabled: false, disabledReason: 'owner' },
    });
    const rotated = await platform.call<Made>('POST', `${BASE}/${id}/rotate`, { overlapSeconds: 60 });
    expect(rotated.status).toBe(200);
    expect(rotated.body.secret).not.toBe(made.body.secret);
    expect((await platform.call('DELETE', `${BASE}/${id}`)).status).toBe(204);
    expect((await platform.call('GET', `${BASE}/${id}`)).status).toBe(404);
    expect(await audited(id)).toEqual(
      ['create', 'update', 'rotate', 'delete'].map((verb) => `webhook-endpoint.${verb}`),
    );
  });

  it.each([
    'http://10.0.0.1/hook',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://0x7f.1/',
    'https://user:password@example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'not a url',
  ])('an address that must not be called is refused by name of the field: %s', async (url) => {
    const answer = await create({ url });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'webhooks.url-refused', errors: [{ path: '/url', message: expect.any(String) }] },
    });
  });

  it('an address is judged when it is changed, too', async () => {
    const { body } = await create();
    const answer = await platform.call('PUT', `${BASE}/${body.id}`, { url: 'http://10.0.0.1/' });
    expect(answer).toMatchObject({ status: 422, body: { code: 'webhooks.url-refused' } });
  });

  it('unknown events are refused by their places', async () => {
    const answer = await create({ events: ['run.failed.v1', 'run.exploded.v1', 'job.*'] });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'webhooks.unknown-event', errors: [{ path: '/events/1' }, { path: '/events/2' }] },
    });
  });

  it.each([
    ['no url', { url: undefined }],
    ['no events', { events: [] }],
    ['an event named twice', { events: ['*', '*'] }],
    ['an unknown member', { secret: 'mine' }],
    ['a wrong type', { description: 7 }],
  ])('a malformed body is refused: %s', async (_, body) => {
    expect((await create(body)).body).toMatchObject({ status: 422, code: 'http.invalid-request' });
  });

  it('a change that changes nothing is refused', async () => {
    const { body } = await create();
    expect((await platform.call('PUT', `${BASE}/${body.id}`, {})).status).toBe(422);
  });

  it('reading needs webhooks:read, changing webhooks:write, and both need a key', async () => {
    const { body } = await create();
    const reader = await limitedKey('webhooks:read');
    const stranger = await limitedKey('runs:read');
    expect((await platform.call('GET', `${BASE}/${body.id}`, undefined, { key: reader })).status).toBe(200);
    expect((await create({}, { key: reader })).status).toBe(403);
    expect((await platform.call('DELETE', `${BASE}/${body.id}`, undefined, { key: reader })).status).toBe(403);
    expect((await platform.call('GET', BASE, undefined, { key: stranger })).status).toBe(403);
    expect((await platform.call('GET', BASE, undefined, { key: 'gld_live_no' })).status).toBe(401);
  });

  it('those of another organisation answer exactly as missing ones, on every route', async () => {
    const { body } = await create();
    const other = await platform.organisation('Other');
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['PUT', '', { enabled: false }],
      ['DELETE', ''],
      ['GET', '/deliveries'],
      ['POST', '/replay', { failed: true }],
      ['POST', '/rotate', { overlapSeconds: 0 }],
    ];
    for (const [method, path, payload] of routes) {
      const [foreign, missing] = await Promise.all(
        [body.id, 'whk_00000000000000000000000000'].map((id) =>
          platform.call(method, `${BASE}/${id}${path}`, payload, { key: other.key }),
        ),
      );
      expect(foreign?.status).toBe(404);
      expect({ ...foreign?.body, requestId: '' }).toEqual({ ...missing?.body, requestId: '' });
    }
    expect((await platform.call<Listed<Made>>('GET', BASE, undefined, { key: other.key })).body.data).toEqual([]);
  });

  it('come in pages, newest first, and no more than fifty', async () => {
    const { key } = await platform.organisation('Many');
    const made: string[] = [];
    for (let i = 0; i < 50; i += 1) made.push((await create({}, { key })).body.id);
    const first = await platform.call<Listed<Made>>('GET', `${BASE}?limit=30`, undefined, { key });
    const cursor = first.body.nextCursor;
    const second = await platform.call<Listed<Made>>('GET', `${BASE}?limit=30&cursor=${cursor}`, undefined, { key });
    expect([...first.body.data, ...second.body.data].map((row) => row.id)).toEqual(made.toReversed());
    expect(second.body.nextCursor).toBeNull();
    expect((await create({}, { key })).body).toMatchObject({ status: 409, code: 'webhooks.too-many-endpoints' });
  });
});

describe('deliveries', () => {
  it('a run tells of its start and its end, signed, and the log shows both', async () => {
    const { body } = await create({ events: ['run.*'] });
    const run = await runOnce();
    const log = await settled(body.id, 2);
    expect(log.map((row) => row.eventType).toSorted()).toEqual(['run.started.v1', 'run.succeeded.v1']);
    expect(log[0]).toMatchObject({
      status: 'delivered',
      attempts: 1,
      responseStatus: 200,
      error: null,
      nextAttemptAt: null,
    });
    for (const one of hook.received) {
      const payload = new Webhook(body.secret ?? '').verify(one.body, one.headers as Record<string, string>);
      expect(payload).toMatchObject({ timestamp: expect.any(String), data: { runId: run.body.id, mode: 'live' } });
    }
    expect(new Set(hook.received.map((one) => one.headers['webhook-id']))).toEqual(
      new Set(log.map((row) => row.eventId)),
    );
  });

  it('one is sent again under its own id; those of a span, and all that failed, as well', async () => {
    const { body } = await create({ events: ['run.succeeded.v1'] });
    await runOnce();
    const [first] = await settled(body.id, 1);
    const replay = (chosen: unknown) => platform.call('POST', `${BASE}/${body.id}/replay`, chosen);
    expect(await replay({ deliveryId: first?.id })).toMatchObject({ status: 202, body: { replayed: 1 } });
    await hook.got(2);
    await settled(body.id, 1);
    const from = first?.createdAt;
    const to = new Date(Date.parse(from ?? '') + 1_000).toISOString();
    expect((await replay({ from, to })).body).toEqual({ replayed: 1 });
    await hook.got(3);
    await settled(body.id, 1);
    expect((await replay(longAgo)).body).toEqual({ replayed: 0 });
    expect((await replay(farAhead)).body).toEqual({ replayed: 0 });
    expect((await replay({ failed: true })).body).toEqual({ replayed: 0 });
    expect(new Set(hook.received.map((one) => one.headers['webhook-id']))).toEqual(new Set([first?.eventId]));
    expect((await deliveries(body.id)).data[0]).toMatchObject({ status: 'delivered', attempts: 3 });
  });

  it('disabling ends what is pending; it can be replayed once the endpoint is on again', async () => {
    hook.answer = status(500);
    const { body } = await create({ events: ['run.succeeded.v1'] });
    await runOnce();
    await expect.poll(async () => (await deliveries(body.id)).data[0]?.attempts, { timeout: 5_000 }).toBe(1);
    expect((await deliveries(body.id)).data[0]).toMatchObject({
      status: 'pending',
      error: 'status-500',
      responseStatus: 500,
    });
    await platform.call('PUT', `${BASE}/${body.id}`, { enabled: false });
    expect((await deliveries(body.id, '?status=failed')).data).toMatchObject([{ error: 'endpoint-disabled' }]);
    const replay = () => platform.call('POST', `${BASE}/${body.id}/replay`, { failed: true });
    expect((await replay()).body).toMatchObject({ status: 409, code: 'webhooks.disabled' });
    hook.answer = status(200);
    await platform.call('PUT', `${BASE}/${body.id}`, { enabled: true });
    expect((await replay()).body).toEqual({ replayed: 1 });
    await settled(body.id, 1);
  });

  it('an unknown delivery, an empty span and a mixed choice are refused', async () => {
    const { body } = await create();
    const replay = (chosen: unknown) => platform.call('POST', `${BASE}/${body.id}/replay`, chosen);
    expect((await replay({ deliveryId: 'whd_no' })).body).toMatchObject({
      status: 404,
      code: 'webhooks.delivery-not-found',
    });
    expect((await replay({ from: longAgo.to, to: longAgo.from })).status).toBe(422);
    expect((await replay({ failed: true, deliveryId: 'whd_no' })).status).toBe(422);
    expect((await replay({ failed: false })).status).toBe(422);
  });
});

describe('the mode of an endpoint', () => {
  const testKey = async () =>
    (
      await platform.call<{ secret: string }>('POST', '/v1/keys', {
        name: 'test',
        mode: 'test',
        scopes: ['webhooks:read', 'webhooks:write', 'runs:read', 'runs:write'],
      })
    ).body.secret;

  it('is that of its key, and for keys of the other mode it is missing', async () => {
    const test = await testKey();
    for (const [own, foreign] of [
      [test, platform.key],
      [platform.key, test],
    ] as const) {
      const { id } = (await create({}, { key: own })).body;
      const ask = async (method: string, path = '', body?: unknown) => {
        const answer = await platform.call(method, `${BASE}/${id}${path}`, body, { key: foreign });
        return [answer.status, answer.body.code];
      };
      const missing = [404, 'webhooks.not-found'];
      expect(await ask('GET')).toEqual(missing);
      expect(await ask('PUT', '', { enabled: false })).toEqual(missing);
      expect(await ask('DELETE')).toEqual(missing);
      expect(await ask('POST', '/rotate', { overlapSeconds: 0 })).toEqual(missing);
      expect(await ask('GET', '/deliveries')).toEqual(missing);
      expect(await ask('POST', '/replay', { failed: true })).toEqual(missing);
      const list = async (key: string) =>
        (await platform.call<Listed<WebhookEndpoint>>('GET', `${BASE}?limit=100`, undefined, { key })).body.data;
      expect((await list(foreign)).map((row) => row.id)).not.toContain(id);
      expect((await list(own)).map((row) => row.id)).toContain(id);
      expect((await platform.call('GET', `${BASE}/${id}`, undefined, { key: own })).body).toMatchObject({
        enabled: true,
      });
    }
  });

  it('decides which runs it hears of', async () => {
    const test = await testKey();
    const [forLive, forTest] = [await create(), await create({}, { key: test })];
    await runOnce(test);
    await runOnce();
    const heard = async (id: string, key: string) =>
      (await platform.call<Listed<WebhookDelivery>>('GET', `${BASE}/${id}/deliveries`, undefined, { key })).body.data;
    await hook.got(4);
    expect(hook.received.map((one) => JSON.parse(one.body).data.mode).toSorted()).toEqual([
      'live',
      'live',
      'test',
      'test',
    ]);
    expect(await heard(forLive.body.id, platform.key)).toHaveLength(2);
    expect(await heard(forTest.body.id, test)).toHaveLength(2);
  });
});

describe('a server', () => {
  it('that stops does not wait for receivers that hang', async () => {
    const other = await testPlatform({
      agents: asAgents(agent),
      environment: { EGRESS_ALLOW_PRIVATE: '127.0.0.1/32' },
    });
    hook.answer = () => {};
    await other.call('POST', BASE, { url: hook.url, events: ['*'], description: '' });
    await other.call('POST', '/v1/agents/nothing/runs?wait=10', { input: {} });
    await hook.got(1);
    const before = performance.now();
    await other.close();
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});
