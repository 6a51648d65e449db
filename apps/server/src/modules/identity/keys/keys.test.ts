/** Keys at the edge: from where they work, what ends them, and who is told. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { SCOPES } from '@guildhall/contract';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../platform/clock/index.ts';
import { createKeyring } from '../../../platform/crypto/index.ts';
import { createHttp } from '../../../platform/http/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import { silentLogger } from '../../../platform/telemetry/index.ts';
import { type Fixture, identityFixture, MASTER_KEY } from '../fixture.ts';
import type { OrganisationWithKey } from '../index.ts';
import { SIGNATURE_HEADER } from './scanner.ts';

const scanner = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyring = createKeyring({ masterKey: MASTER_KEY });
const DAY_MS = 86_400_000;

let fixture: Fixture;
let app: FastifyInstance;
let own: OrganisationWithKey;
let stopHearing: () => Promise<void>;

beforeAll(async () => {
  const pinned = scanner.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  fixture = await identityFixture(keyring, { leakScannerKeys: [pinned] });
  stopHearing = await fixture.identity.start();
  app = await createHttp({
    db: fixture.database.db,
    ids: createIds(systemClock),
    clock: systemClock,
    log: silentLogger,
    routes: fixture.identity.routes,
    fileMaxBytes: 1024,
    authenticate: fixture.identity.authenticate,
    limit: async () => ({ headers: {} }),
    observe: () => {},
  });
});
afterAll(async () => {
  await app.close();
  await stopHearing();
  await fixture.close();
});
beforeEach(async () => {
  own = await fixture.identity.createOrganisation({
    name: 'Own',
    actor: { type: 'system', id: 'test' },
    scopes: SCOPES,
  });
});

interface Sent {
  readonly key?: string;
  readonly body?: unknown;
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function request(method: 'GET' | 'POST' | 'DELETE', url: string, sent: Sent = {}) {
  const { key = own.secret, body, from = '127.0.0.1', headers = {} } = sent;
  const answer = await app.inject({
    method,
    url,
    remoteAddress: from,
    headers: { ...(key === '' ? {} : { authorization: `Bearer ${key}` }), ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body), headers: headersOf(key, headers) }),
  });
  const json = answer.body === '' ? undefined : answer.json();
  return { status: answer.statusCode, json, code: json?.code as string | undefined };
}

const headersOf = (key: string, headers: Readonly<Record<string, string>>) => ({
  ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
  'content-type': 'application/json',
  ...headers,
});

const make = async (more: object = {}, key = own.secret) => {
  const body = { name: 'ci', scopes: ['keys:read', 'keys:write'], mode: 'live', ...more };
  const { status, json } = await request('POST', '/v1/keys', { body, key });
  expect([status, json]).toEqual([201, expect.objectContaining({ secret: expect.any(String) })]);
  return json as { id: string; secret: string; allowedCidrs: string[] | null };
};
const auditOf = (id: string) =>
  fixture.asOwner<{ action: string; actor_type: string; actor_id: string; org_id: string }>(
    `select action, actor_type, actor_id, org_id from audit.event where target_id = $1 order by seq`,
    [id],
  );

/** An owner of the organisation, as sign-up would have made one. */
async function addOwner(email: string, memberId?: string): Promise<void> {
  const person = `usr_${Math.random().toString(36).slice(2)}`;
  await fixture.asOwner(
    `insert into identity.person (person_id, email, email_folded, name, verified_at) values ($1, $2, $2, 'Ada', now())`,
    [person, email],
  );
  await fixture.asOwner(
    `insert into identity.membership (id, org_id, person_id, role, created_by) values ($1, $2, $3, 'owner', 'test')`,
    [memberId ?? `mbr_${person}`, own.organisation.id, person],
  );
}

interface SealedMail {
  readonly id: string;
  readonly org_id: string;
  readonly sealed: Buffer;
}
async function mailsOf(keyId: string) {
  const rows = await fixture.asOwner<SealedMail>(
    `select id, org_id, sealed from platform.mail where id like '%' || $1 || '%' order by created_at, id`,
    [keyId],
  );
  return rows.map(({ id, org_id: orgId, sealed }) => {
    const place = { orgId, table: 'platform.mail', column: 'sealed', rowId: id };
    // Sealed by the queue, so it has that shape.
    return JSON.parse(keyring.decrypt(place, sealed).toString('utf8')) as { to: string; subject: string; text: string };
  });
}

describe('KEY-04: networks', () => {
  test('a bound key works from them, over IPv4 and IPv6, and from nowhere else, warm or cold', async () => {
    const { secret, allowedCidrs } = await make({ allowedCidrs: ['203.0.113.0/24', '2001:db8::/32'] });
    expect(allowedCidrs).toEqual(['203.0.113.0/24', '2001:db8::/32']);
    for (const _ of ['cold', 'warm']) {
      for (const from of ['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:1::1'])
        expect([from, (await request('GET', '/v1/keys', { key: secret, from })).status]).toEqual([from, 200]);
      for (const from of ['203.0.114.7', '::ffff:10.0.0.1', '2001:db9::1', '127.0.0.1', '::1']) {
        const { status, code, json } = await request('GET', '/v1/keys', { key: secret, from });
        expect([from, status, code]).toEqual([from, 403, 'auth.address-refused']);
        expect(JSON.stringify(json)).not.toContain('203.0.113');
      }
    }
  });

  test('what the client says of its own address counts for nothing', async () => {
    const { secret } = await make({ allowedCidrs: ['203.0.113.0/24'] });
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip']) {
      const headers = { [name]: name === 'forwarded' ? 'for=203.0.113.7' : '203.0.113.7' };
      const { status } = await request('GET', '/v1/keys', { key: secret, from: '198.51.100.1', headers });
      expect([name, status]).toEqual([name, 403]);
    }
  });

  test.each([
    [[]],
    [['203.0.113.7']],
    [['203.0.113.0/33']],
    [['203.0.113.0/-1']],
    [['2001:db8::/129']],
    [['::ffff:203.0.113.0/120']],
    [['0x7f.1/8']],
    [['everywhere']],
    [[null]],
    ['203.0.113.0/24'],
    [Array.from({ length: 51 }, (_, index) => `10.0.${index}.0/24`)],
  ])('are refused when they are %j', async (allowedCidrs) => {
    const body = { name: 'ci', scopes: ['keys:read'], mode: 'live', allowedCidrs };
    expect((await request('POST', '/v1/keys', { body })).status).toBe(422);
  });

  test('a bound key makes keys for parts of its networks alone, and rotates none that is freer', async () => {
    const from = '10.1.2.3';
    const bound = await make({ allowedCidrs: ['10.0.0.0/8'] });
    const post = (body: object, path = '/v1/keys') => request('POST', path, { key: bound.secret, from, body });
    const body = { name: 'ci', scopes: ['keys:read'], mode: 'live' };
    expect((await post(body)).json.allowedCidrs).toEqual(['10.0.0.0/8']);
    expect((await post({ ...body, allowedCidrs: ['10.1.0.0/16'] })).status).toBe(201);
    for (const allowedCidrs of [['0.0.0.0/0'], ['10.1.0.0/16', '11.0.0.0/16'], ['::/0']])
      expect((await post({ ...body, allowedCidrs })).code).toBe('keys.network-not-held');
    const free = await make();
    expect((await post({ overlapSeconds: 0 }, `/v1/keys/${free.id}/rotate`)).code).toBe('keys.network-not-held');
    const rotated = await post({ overlapSeconds: 0 }, `/v1/keys/${bound.id}/rotate`);
    expect(rotated.json.allowedCidrs).toEqual(['10.0.0.0/8']);
  });

  test('the application cannot move a key to other networks', async () => {
    const { id } = await make({ allowedCidrs: ['10.0.0.0/8'] });
    const client = await fixture.asApplication(own.organisation.id);
    await expect(client.query('update identity.api_key set allowed_cidrs = null where id = $1', [id])).rejects.toThrow(
      'permission denied',
    );
    await client.end();
  });
});

describe('KEY-05: under load', () => {
  const AT_ONCE = 4;

  /** Keeps asking with the key that is current; the result stops it and tells every status there was. */
  function load(current: () => string) {
    const statuses: number[] = [];
    let isOver = false;
    const worker = async (): Promise<void> => {
      while (!isOver) {
        statuses.push((await request('GET', '/v1/keys?limit=1', { key: current() })).status);
        // Refusals are answered from memory: without this, timers would never get their turn.
        await new Promise(setImmediate);
      }
    };
    const workers = Array.from({ length: AT_ONCE }, worker);
    return {
      statuses,
      stop: async () => {
        isOver = true;
        await Promise.all(workers);
      },
    };
  }

  test('a rotation with overlap fails no request', async () => {
    let current = await make();
    const { statuses, stop } = load(() => current.secret);
    for (let round = 0; round < 5; round += 1) {
      const asked = statuses.length;
      await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(asked + 20);
      const body = { overlapSeconds: 60 };
      current = (await request('POST', `/v1/keys/${current.id}/rotate`, { key: own.secret, body })).json;
    }
    await stop();
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(statuses.length).toBeGreaterThan(100);
  });

  test('a revoked key works in no process a second later', async () => {
    const { id, secret } = await make();
    const other = fixture.another();
    const stop = await other.start();
    await other.authenticate(secret);
    const { statuses, stop: stopLoad } = load(() => secret);
    await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(20);
    expect((await request('DELETE', `/v1/keys/${id}`)).status).toBe(204);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = statuses.length;
    await expect(other.authenticate(secret)).rejects.toThrow();
    await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    await stopLoad();
    // Those that were under way at the second's end had begun before it.
    expect(statuses.slice(before + AT_ONCE).filter((status) => status !== 401)).toEqual([]);
    await stop();
  });
});

describe('KEY-07: a key found in the open', () => {
  const signed = (body: unknown, by = scanner.privateKey) => ({
    [SIGNATURE_HEADER]: sign('sha256', Buffer.from(JSON.stringify(body)), by).toString('base64'),
    'github-public-key-identifier': 'any',
  });

  test('reported by a scanner it is revoked at once, its people are mailed, and the audit trail says so', async () => {
    await addOwner('owner@example.com');
    const { id, secret } = await make();
    const body = [
      { token: secret, type: 'guildhall_live', url: 'https://github.com/a/b/blob/c/.env', source: 'content' },
      { token: `gld_live_${'a'.repeat(36)}`, type: 'guildhall_live', url: null, source: 'content' },
    ];
    const answer = await request('POST', '/v1/keys/leaked', { key: '', body, headers: signed(body) });
    expect(answer.json).toMatchObject([
      { token_type: 'guildhall_live', label: 'true_positive' },
      { label: 'false_positive' },
    ]);
    await expect.poll(async () => (await request('GET', '/v1/keys', { key: secret })).status).toBe(401);
    expect(await mailsOf(id)).toMatchObject([{ to: 'owner@example.com', subject: expect.stringContaining('revoked') }]);
    expect(JSON.stringify(await mailsOf(id))).not.toContain(secret);
    expect((await auditOf(id)).at(-1)).toMatchObject({
      action: 'key.leak',
      actor_type: 'system',
      actor_id: 'secret-scanner',
    });
  });

  test('reported twice, or by ten at once, it is one change and one mail', async () => {
    await addOwner('once@example.com');
    const { id, secret } = await make();
    const body = [{ token: secret }];
    const report = () => request('POST', '/v1/keys/leaked', { key: '', body, headers: signed(body) });
    await Promise.all(Array.from({ length: 10 }, report));
    expect((await report()).json).toMatchObject([{ label: 'true_positive' }]);
    expect(await mailsOf(id)).toHaveLength(1);
    expect((await auditOf(id)).map(({ action }) => action)).toEqual(['key.create', 'key.leak']);
  });

  test('is ended by whoever has a key, without telling its organisation which', async () => {
    const stranger = await fixture.identity.createOrganisation({ name: 'S', actor: { type: 'system', id: 'test' } });
    const [one, two] = [await make(), await make()];
    await request('POST', '/v1/keys/leaked', { key: stranger.secret, body: [{ token: one.secret }] });
    await request('POST', '/v1/keys/leaked', { key: own.secret, body: [{ token: two.secret }] });
    expect((await auditOf(one.id)).at(-1)).toMatchObject({ actor_type: 'system', actor_id: 'leak-report' });
    expect((await auditOf(two.id)).at(-1)).toMatchObject({ actor_type: 'key', actor_id: own.key.id });
  });

  test('reported by nobody, or with a signature that is not of a pinned key, it stays', async () => {
    const { secret } = await make();
    const body = [{ token: secret }];
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const sent of [
      { key: '', body },
      { key: '', body, headers: signed(body, stranger.privateKey) },
      { key: '', body, headers: signed([{ token: 'x' }]) },
      // A bad signature is not made good by a key beside it.
      { key: own.secret, body, headers: { [SIGNATURE_HEADER]: 'AAAA' } },
    ])
      expect(await request('POST', '/v1/keys/leaked', sent)).toMatchObject({
        status: 401,
        code: 'keys.report-unproven',
      });
    expect((await request('POST', '/v1/keys/leaked', { key: `gld_live_${'a'.repeat(36)}`, body })).status).toBe(401);
    expect((await request('GET', '/v1/keys', { key: secret })).status).toBe(200);
  });

  test('KEY-06: a test key ends test keys and no live one', async () => {
    const tester = await make({ mode: 'test' });
    const [live, other] = [await make(), await make({ mode: 'test' })];
    const body = [{ token: live.secret }, { token: other.secret }];
    const { json } = await request('POST', '/v1/keys/leaked', { key: tester.secret, body });
    expect(json.map(({ label }: { label: string }) => label)).toEqual(['false_positive', 'true_positive']);
    expect((await request('GET', '/v1/keys', { key: live.secret })).status).toBe(200);
  });
});

describe('KEY-09: as time goes by', () => {
  test('people of a key hear of its end 14 days and 3 days before, once each, and never of one that was rotated', async () => {
    await addOwner('reminded@example.com');
    const expiresAt = new Date(Date.now() + 30 * DAY_MS).toISOString();
    const [kept, rotated, revoked] = [await make({ expiresAt }), await make({ expiresAt }), await make({ expiresAt })];
    await request('POST', `/v1/keys/${rotated.id}/rotate`, { body: { overlapSeconds: 604_800 } });
    await request('DELETE', `/v1/keys/${revoked.id}`);
    const hear = async () => {
      await Promise.all([fixture.identity.remindOfKeys(), fixture.another().remindOfKeys()]);
      await fixture.identity.remindOfKeys();
      return (await mailsOf(kept.id)).length;
    };
    expect(await hear()).toBe(0);
    await fixture.advance(15 * DAY_MS);
    expect(await hear()).toBe(0);
    await fixture.advance(1.5 * DAY_MS);
    expect(await hear()).toBe(1);
    await fixture.advance(10 * DAY_MS);
    expect(await hear()).toBe(1);
    await fixture.advance(1 * DAY_MS);
    expect(await hear()).toBe(2);
    await fixture.advance(10 * DAY_MS);
    expect(await hear()).toBe(2);
    const mails = await mailsOf(kept.id);
    expect(mails.map(({ to }) => to)).toEqual(['reminded@example.com', 'reminded@example.com']);
    expect(mails[0]?.text).toContain(expiresAt);
    expect([await mailsOf(rotated.id), await mailsOf(revoked.id)]).toEqual([[], []]);
    expect((await auditOf(kept.id)).map(({ action }) => action)).toEqual(['key.create', 'key.remind', 'key.remind']);
  });

  test('a key that was not used for 90 days is flagged until it is used or ends', async () => {
    const { id, secret } = await make();
    const isUnused = async () => (await request('GET', `/v1/keys/${id}`)).json.isUnused;
    await fixture.advance(89 * DAY_MS);
    expect(await isUnused()).toBe(false);
    await fixture.advance(2 * DAY_MS);
    expect(await isUnused()).toBe(true);
    await fixture.identity.authenticate(secret);
    await fixture.identity.flushUsed();
    expect(await isUnused()).toBe(false);
    await fixture.advance(91 * DAY_MS);
    expect(await isUnused()).toBe(true);
    await request('DELETE', `/v1/keys/${id}`);
    expect(await isUnused()).toBe(false);
  });
});
