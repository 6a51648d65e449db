import { apiKey, newApiKey, newOrganisation, SCOPES } from '@guildhall/contract';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock/index.ts';
import { createHttp } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { type Fixture, identityFixture } from './fixture.ts';
import type { OrganisationWithKey } from './index.ts';

let fixture: Fixture;
let app: FastifyInstance;
let operator: OrganisationWithKey;
const logged: string[] = [];

// One database for all: each test works in an organisation of its own.
beforeAll(async () => {
  fixture = await identityFixture();
  const write = (...parts: unknown[]) => logged.push(JSON.stringify(parts));
  app = await createHttp({
    db: fixture.database.db,
    ids: createIds(systemClock),
    clock: systemClock,
    // Only these three are used at the edge.
    log: { info: write, warn: write, error: write } as never,
    routes: fixture.identity.routes,
    fileMaxBytes: 1024,
    authenticate: fixture.identity.authenticate,
    limit: async () => ({ headers: {} }),
    observe: () => {},
  });
});
afterAll(async () => {
  await app.close();
  await fixture.close();
});

beforeEach(async () => {
  operator = await fixture.identity.createOrganisation({
    name: 'Default',
    actor: { type: 'system', id: 'start' },
    scopes: SCOPES,
    trial: true,
  });
  logged.length = 0;
});

const body = { name: 'ci', scopes: ['runs:read'], mode: 'live' };

async function request(
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  options: { key?: string | undefined; body?: object; idempotencyKey?: string } = {},
) {
  const { key = operator.secret } = options;
  const sent: InjectOptions = {
    method,
    url,
    headers: {
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...(options.idempotencyKey ? { 'idempotency-key': options.idempotencyKey } : {}),
    },
    ...(options.body ? { payload: options.body } : {}),
  };
  const answer = await app.inject(sent);
  return { status: answer.statusCode, json: answer.body === '' ? undefined : answer.json() };
}

const minted = async (input: object = body) => (await request('POST', '/v1/keys', { body: input })).json;

test('a key is created in the shape of the contract and works at once', async () => {
  const { status, json } = await request('POST', '/v1/keys', { body });
  expect(status).toBe(201);
  expect(newApiKey.strict().parse(json)).toMatchObject({ ...body, expiresAt: null, lastUsedAt: null, revokedAt: null });
  expect((await fixture.identity.authenticate(json.secret)).keyId).toBe(json.id);
});

test('a list shows keys without their secrets', async () => {
  const { secret, ...made } = await minted();
  const { status, json } = await request('GET', '/v1/keys');
  expect(status).toBe(200);
  expect(json.data.map((key: unknown) => apiKey.strict().parse(key))[0]).toEqual(made);
  expect(JSON.stringify(json)).not.toContain(secret);
  expect(await request('GET', `/v1/keys/${made.id}`)).toEqual({ status: 200, json: made });
});

test('a replay of a creation makes no second key and shows no secret', async () => {
  const first = await request('POST', '/v1/keys', { body, idempotencyKey: 'once' });
  const again = await request('POST', '/v1/keys', { body, idempotencyKey: 'once' });
  expect(again).toEqual({ status: 201, json: { ...first.json, secret: null } });
  expect((await request('GET', '/v1/keys')).json.data).toHaveLength(2);
  const other = await request('POST', '/v1/keys', { body: { ...body, name: 'other' }, idempotencyKey: 'once' });
  expect(other).toMatchObject({ status: 422, json: { code: 'idempotency.conflict' } });
});

test('a revoked key is refused, and revoking it again succeeds', async () => {
  const { id, secret } = await minted({ ...body, scopes: ['keys:read'] });
  expect((await request('GET', '/v1/keys', { key: secret })).status).toBe(200);
  expect((await request('DELETE', `/v1/keys/${id}`)).status).toBe(204);
  expect(await request('GET', '/v1/keys', { key: secret })).toMatchObject({
    status: 401,
    json: { code: 'auth.invalid-key' },
  });
  expect((await request('DELETE', `/v1/keys/${id}`)).status).toBe(204);
});

test('a rotation gives a new key beside the old one; its replay shows no secret', async () => {
  const old = await minted();
  const rotate = () =>
    request('POST', `/v1/keys/${old.id}/rotate`, { body: { overlapSeconds: 600 }, idempotencyKey: 'roll' });
  const { status, json } = await rotate();
  expect(status).toBe(201);
  expect(newApiKey.strict().parse(json).id).not.toBe(old.id);
  expect((await fixture.identity.authenticate(json.secret)).keyId).toBe(json.id);
  expect((await fixture.identity.authenticate(old.secret)).keyId).toBe(old.id);
  expect((await rotate()).json).toEqual({ ...json, secret: null });
});

test.each([
  ['no body', undefined],
  ['an empty name', { ...body, name: ' ' }],
  ['an unknown scope', { ...body, scopes: ['everything'] }],
  ['no scope', { ...body, scopes: [] }],
  ['a scope twice', { ...body, scopes: ['runs:read', 'runs:read'] }],
  ['an unknown mode', { ...body, mode: 'prod' }],
  ['an expiry that is no instant', { ...body, expiresAt: 'tomorrow' }],
  ['an expiry in the past', { ...body, expiresAt: '2020-01-01T00:00:00.000Z' }],
  ['a field of another place', { ...body, orgId: 'org_x' }],
  ['a role', { ...body, role: 'owner' }],
])('creating a key with %s is refused', async (_what, wrong) => {
  const { status } = await request('POST', '/v1/keys', wrong ? { body: wrong } : {});
  expect(status).toBe(422);
  expect((await request('GET', '/v1/keys')).json.data).toHaveLength(1);
});

test.each([-1, 604_801, 1.5, '60'])('a rotation with an overlap of %s is refused', async (overlapSeconds) => {
  const { id } = await minted();
  expect((await request('POST', `/v1/keys/${id}/rotate`, { body: { overlapSeconds } })).status).toBe(422);
});

test('every route of identity refuses a caller without a key, and one without the scope', async () => {
  const { secret } = await minted({ ...body, scopes: ['agents:read'] });
  const routes = fixture.identity.routes.filter(
    // Directories speak a language of their own.
    ({ scope, path }) => scope !== 'public' && scope !== 'person' && !path.startsWith('/scim/'),
  );
  expect(routes.length).toBeGreaterThanOrEqual(6);
  for (const { method, path } of routes) {
    const url = path.replace('{id}', operator.key.id);
    // None of these routes takes another method.
    const verb = method as 'GET' | 'POST' | 'DELETE';
    expect(await request(verb, url, { key: '' })).toMatchObject({ status: 401, json: { code: 'auth.missing-key' } });
    expect(await request(verb, url, { key: secret })).toMatchObject({
      status: 403,
      json: { code: 'auth.missing-scope' },
    });
  }
});

test('another organisation’s key answers exactly as a missing one', async () => {
  const foreign = await fixture.organisation('Foreign');
  const attempts = [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/rotate'],
  ] as const;
  for (const [method, suffix] of attempts) {
    const options = method === 'POST' ? { body: { overlapSeconds: 0 } } : {};
    const [known, missing] = await Promise.all(
      [foreign.key.id, 'key_00000000000000000000000000'].map((id) =>
        request(method, `/v1/keys/${id}${suffix}`, options),
      ),
    );
    expect(known?.status).toBe(404);
    expect({ ...known?.json, requestId: '' }).toEqual({ ...missing?.json, requestId: '' });
  }
});

test('a key cannot climb: neither by new scopes, nor from test to live, nor by rotating a stronger key', async () => {
  const weak = await minted({ ...body, scopes: ['keys:write', 'keys:read'] });
  const probe = await minted({ ...body, mode: 'test', scopes: ['keys:write'] });
  const climb = (key: string, input: object) => request('POST', '/v1/keys', { key, body: input });
  expect(await climb(weak.secret, { ...body, scopes: ['operator'] })).toMatchObject({
    status: 403,
    json: { code: 'keys.scope-not-held' },
  });
  expect(await climb(probe.secret, { ...body, scopes: ['keys:write'] })).toMatchObject({
    status: 403,
    json: { code: 'keys.live-from-test' },
  });
  const rotation = { key: weak.secret, body: { overlapSeconds: 0 } };
  expect(await request('POST', `/v1/keys/${operator.key.id}/rotate`, rotation)).toMatchObject({ status: 403 });
});

test('a key in a URL is refused, and stands in no log', async () => {
  const answer = await request('GET', `/v1/keys?key=${operator.secret}`);
  expect(answer).toMatchObject({ status: 400, json: { code: 'auth.key-in-url' } });
  expect(JSON.stringify([answer, logged])).not.toContain(operator.secret.slice(9));
});

test('an operator makes an organisation whose first key works; its replay shows no secret', async () => {
  const create = () =>
    request('POST', '/v1/operator/organisations', { body: { name: 'Acme' }, idempotencyKey: 'acme' });
  const { status, json } = await create();
  expect(status).toBe(201);
  expect(newOrganisation.strict().parse(json).name).toBe('Acme');
  expect(await fixture.identity.authenticate(json.key.secret)).toMatchObject({ orgId: json.id, mode: 'live' });
  expect((await create()).json).toEqual({ ...json, key: { ...json.key, secret: null } });
  expect(fixture.opened.slice(-2)).toEqual([operator.organisation.id, json.id]);
  const first = await request('GET', '/v1/keys', { key: json.key.secret });
  expect(first.json.data.map(({ id }: { id: string }) => id)).toEqual([json.key.id]);
});

test('a test key cannot make organisations even with the scope operator', async () => {
  const { secret } = await minted({ ...body, mode: 'test', scopes: ['operator'] });
  const answer = await request('POST', '/v1/operator/organisations', { key: secret, body: { name: 'Acme' } });
  expect(answer).toMatchObject({ status: 403, json: { code: 'auth.test-key-refused' } });
});
