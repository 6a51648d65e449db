/** Access and refresh tokens, through the interface alone. */
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { decodeJwt, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuildhallError } from '../../src/platform/errors/index.ts';
import { type Client, createClient, mailsTo, signUpPerson } from '../harness/people.ts';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { forgeries } from './forged-tokens.ts';

interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  readonly organisationId: string | null;
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

let platform: TestPlatform;
let two: TestPlatform;
let owner: pg.Client;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents() });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const port = await freePort();
  two = await testPlatform({
    agents: asAgents(),
    environment: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` },
  });
}, 60_000);
afterAll(async () => {
  await owner.end();
  await platform.close();
  await two.close();
});

/** Somebody who is signed in at one process, and the doors of another one on the same database. */
async function inTwoProcesses() {
  const { identity } = (await two.another('worker')).platform;
  const stop = await identity.start();
  const status = async ({ accessToken }: Pair): Promise<number> => {
    try {
      await identity.authenticate(accessToken);
      return 200;
    } catch (error) {
      if (error instanceof GuildhallError) return error.spec.status;
      throw error;
    }
  };
  return { ada: await signUpPerson(two), status, stop };
}

const codeOf = ({ status, body }: Pick<Reply<{ code?: unknown }>, 'status' | 'body'>): unknown[] => [status, body.code];

async function tokensOf(person: Client): Promise<Pair> {
  const answer = await person.call<Pair>('POST', '/v1/auth/tokens');
  expect(answer.status).toBe(201);
  return answer.body;
}

const refresh = (refreshToken: string, where = platform) =>
  createClient(where).call<Pair & { code?: string }>('POST', '/v1/auth/tokens/refresh', { refreshToken });

const withToken = (token: string, path = '/v1/keys', more: { organisation?: string } = {}) =>
  createClient(platform).call('GET', path, undefined, {
    headers: { authorization: `Bearer ${token}` },
    ...(more.organisation === undefined ? {} : { organisation: more.organisation }),
  });

/** Moves what the database knows of an exchange into the past, as if that time had gone by. */
const letPass = (sessionId: string, seconds: number) =>
  owner.query(
    `update identity.token_session set rotated_at = rotated_at - make_interval(secs => $2),
            answered_at = answered_at - make_interval(secs => $2) where session_id = $1`,
    [sessionId, seconds],
  );

const actionsOf = async (personId: string): Promise<string[]> =>
  (await owner.query('select action from audit.event where org_id = $1 order by seq', [personId])).rows.map(
    ({ action }) => action,
  );

describe('access tokens', () => {
  it('AUTH-05: say for five minutes who it is, in which session and for which organisation, and anybody can check that', async () => {
    const ada = await signUpPerson(platform);
    const { accessToken, sessionId, organisationId } = await tokensOf(ada);
    const set = (await createClient(platform).call<{ keys: JWK[] }>('GET', '/.well-known/jwks.json')).body;
    const { kid, alg, typ } = decodeProtectedHeader(accessToken);
    expect([alg, typ]).toEqual(['EdDSA', 'at+jwt']);
    const jwk = set.keys.find((one) => one.kid === kid) ?? {};
    expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    const { payload } = await jwtVerify(accessToken, await importJWK(jwk));
    expect(payload).toMatchObject({
      iss: platform.url,
      aud: `${platform.url}/v1`,
      sub: ada.personId,
      sid: sessionId,
      org: ada.orgId,
    });
    expect(organisationId).toBe(ada.orgId);
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300);
    expect(Number(payload.nbf)).toBeLessThanOrEqual(Number(payload.iat));
    // Nothing about the person that others need not know.
    expect(Object.keys(payload).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'org', 'sid', 'sub']);
  });

  it('are taken where a key is, with the rights of the role, and without what a cookie needs', async () => {
    const ada = await signUpPerson(platform);
    const { accessToken } = await tokensOf(ada);
    expect((await withToken(accessToken)).status).toBe(200);
    expect((await withToken(accessToken, '/v1/me')).body).toMatchObject({
      id: ada.personId,
      organisationId: ada.orgId,
      role: 'owner',
    });
    const body = JSON.stringify({ name: 'Changed' });
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
    expect((await fetch(`${platform.url}/v1/me`, { method: 'PUT', headers, body })).status).toBe(200);
  });

  it('are for one organisation: another one that is named is missing, also when the person is in it', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const { accessToken } = await tokensOf(ada);
    expect((await withToken(accessToken, '/v1/keys', { organisation: ada.orgId })).status).toBe(200);
    expect(codeOf(await withToken(accessToken, '/v1/keys', { organisation: eve.orgId }))).toEqual([
      404,
      'sessions.organisation-not-found',
    ]);
    const nobody = await signUpPerson(platform, { organisation: null });
    const alone = await tokensOf(nobody);
    expect(decodeJwt(alone.accessToken)).not.toHaveProperty('org');
    expect((await withToken(alone.accessToken, '/v1/me')).body).toMatchObject({ organisationId: null, scopes: [] });
    expect(codeOf(await withToken(alone.accessToken))).toEqual([403, 'auth.missing-scope']);
  });

  it('AUTH-05: forged ones, over a hundred kinds, are refused alike; genuine ones are all taken', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const { accessToken: genuine } = await tokensOf(ada);
    const foreign = await tokensOf(eve);
    const { rows } = await owner.query<{ id: string; sealed: Buffer; public_key: string }>(
      'select id, sealed, public_key from identity.signing_key',
    );
    const [{ id, sealed, public_key: x } = { id: '', sealed: Buffer.alloc(0), public_key: '' }] = rows;
    expect(sealed.includes(Buffer.from(x))).toBe(false);
    const place = { orgId: '', table: 'identity.signing_key', column: 'sealed', rowId: id };
    const d = platform.server.foundation.keyring.decrypt(place, sealed).toString();
    const all = forgeries({
      genuine,
      key: createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' }),
      kid: id,
      issuer: platform.url,
      now: Math.floor(Date.now() / 1_000),
      other: { personId: eve.personId, sessionId: foreign.sessionId, orgId: eve.orgId },
    });
    expect(all.length).toBeGreaterThanOrEqual(100);
    const taken: string[] = [];
    for (const { name, token } of all) {
      expect(token, name).not.toBe(genuine);
      for (const path of ['/v1/me', '/v1/keys']) {
        const answer = await withToken(token, path);
        if (answer.status !== 401) taken.push(`${name}: ${answer.status}`);
      }
    }
    expect(taken).toEqual([]);
    for (let i = 0; i < 20; i += 1) {
      expect((await withToken((await tokensOf(ada)).accessToken)).status).toBe(200);
      expect((await withToken(genuine)).status).toBe(200);
    }
  });

  it('SES-03: stop within a second in every process when their session ends, or the one that it was made from', async () => {
    const { ada, status, stop } = await inTwoProcesses();
    const [first, second] = [await tokensOf(ada), await tokensOf(ada)];
    expect([await status(first), await status(second)]).toEqual([200, 200]);
    const headers = { authorization: `Bearer ${first.accessToken}` };
    expect((await createClient(two).call('POST', '/v1/auth/sign-out', undefined, { headers })).status).toBe(204);
    await expect.poll(() => status(first), { timeout: 5_000 }).toBe(401);
    expect(await status(second)).toBe(200);
    expect((await ada.call('POST', '/v1/auth/sign-out')).status).toBe(204);
    await expect.poll(() => status(second), { timeout: 5_000 }).toBe(401);
    expect(codeOf(await refresh(second.refreshToken, two))).toEqual([401, 'tokens.invalid-refresh']);
    await stop();
  });

  it('SES-03: stop when the membership ends, and the person goes on elsewhere', async () => {
    const ada = await signUpPerson(platform);
    const { accessToken } = await tokensOf(ada);
    expect((await withToken(accessToken)).status).toBe(200);
    // An organisation keeps an owner.
    const heir = await signUpPerson(platform);
    await owner.query(
      `insert into identity.membership (id, org_id, person_id, role, created_by) values ($1, $2, $3, 'owner', 'test')`,
      [`mbr_${'0'.repeat(26)}`, ada.orgId, heir.personId],
    );
    await owner.query('update identity.membership set ended_at = now() where id = $1', [ada.memberId]);
    await expect.poll(async () => (await withToken(accessToken)).status, { timeout: 5_000 }).toBe(401);
    expect((await ada.call('GET', '/v1/me')).status).toBe(200);
  });

  it('are not got from a session in which no factor was shown for ten minutes, and carry its freshness on', async () => {
    const ada = await signUpPerson(platform);
    const me = (await ada.call('GET', '/v1/me')).body;
    await owner.query(`update identity.session set authenticated_at = now() - interval '9 minutes' where id = $1`, [
      me.sessionId,
    ]);
    await expect.poll(async () => (await ada.call('GET', '/v1/me')).status).toBe(200);
    const made = await tokensOf(ada);
    const { rows } = await owner.query(
      `select extract(epoch from now() - authenticated_at) as age from identity.session where id = $1`,
      [made.sessionId],
    );
    expect(Number(rows[0]?.age)).toBeGreaterThan(500);
    await owner.query(`update identity.session set authenticated_at = now() - interval '11 minutes' where id = $1`, [
      me.sessionId,
    ]);
    await expect
      .poll(async () => codeOf(await ada.call('POST', '/v1/auth/tokens')), { timeout: 5_000 })
      .toEqual([401, 'auth.step-up-required']);
  });
});

describe('refresh tokens', () => {
  it('are exchanged for new ones, and lie in the database as hashes alone', async () => {
    const ada = await signUpPerson(platform);
    const first = await tokensOf(ada);
    const second = (await refresh(first.refreshToken)).body;
    expect(second).toMatchObject({ sessionId: first.sessionId, organisationId: ada.orgId });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await withToken(second.accessToken)).status).toBe(200);
    expect((await refresh(second.refreshToken)).status).toBe(200);
    const stored = await owner.query('select t::text as text from identity.refresh_token t');
    for (const { text } of stored.rows) expect(text).not.toContain(first.refreshToken);
    expect(await actionsOf(ada.personId)).toEqual(expect.arrayContaining(['token.issue', 'token.refresh']));
  });

  it('AUTH-07: one that comes again ends the session, both tokens are refused, and the owner is told by mail and audit', async () => {
    const ada = await signUpPerson(platform);
    const first = await tokensOf(ada);
    const second = (await refresh(first.refreshToken)).body;
    const third = (await refresh(second.refreshToken)).body;
    expect(codeOf(await refresh(first.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
    expect(codeOf(await refresh(third.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
    await expect.poll(async () => (await withToken(third.accessToken)).status, { timeout: 5_000 }).toBe(401);
    expect((await mailsTo(platform, ada.email)).at(-1)?.text).toMatch(/refresh token/);
    expect((await actionsOf(ada.personId)).filter((one) => one === 'token.reuse')).toHaveLength(1);
    // The browser that they were made from is another matter.
    expect((await ada.call('GET', '/v1/me')).status).toBe(200);
  });

  it('AUTH-07: of twenty exchanges at once exactly one wins, and its tokens are good', async () => {
    const ada = await signUpPerson(platform);
    const { refreshToken } = await tokensOf(ada);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(
      new Set(['tokens.already-refreshed']),
    );
    expect((await refresh(winners[0]?.body.refreshToken ?? '')).status).toBe(200);
  });

  it('AUTH-07: a lost answer locks nobody out: within a minute the token gives others, and those of the lost answer are void', async () => {
    const ada = await signUpPerson(platform);
    const first = await tokensOf(ada);
    const lost = (await refresh(first.refreshToken)).body;
    const soon = await refresh(first.refreshToken);
    expect(codeOf(soon)).toEqual([409, 'tokens.already-refreshed']);
    expect(soon.headers.get('retry-after')).toBe('5');
    await letPass(first.sessionId, 6);
    const again = await refresh(first.refreshToken);
    expect(again.status).toBe(200);
    // Whoever comes with the lost one has found it: either they or the owner are a thief.
    expect(codeOf(await refresh(lost.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
    expect(codeOf(await refresh(again.body.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
  });

  it('AUTH-07: after that minute, or once its successor was used, a token that comes again is a theft', async () => {
    for (const [isUsed, seconds] of [
      [false, 61],
      [true, 6],
    ] as const) {
      const ada = await signUpPerson(platform);
      const first = await tokensOf(ada);
      const second = (await refresh(first.refreshToken)).body;
      if (isUsed) expect((await refresh(second.refreshToken)).status).toBe(200);
      await letPass(first.sessionId, seconds);
      expect(codeOf(await refresh(first.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
      expect(await actionsOf(ada.personId)).toContain('token.reuse');
    }
  });

  it('end with their session at last, however often they are exchanged', async () => {
    const ada = await signUpPerson(platform);
    const first = await tokensOf(ada);
    const second = (await refresh(first.refreshToken)).body;
    const age = (hours: number) =>
      owner.query(`update identity.session set created_at = created_at - make_interval(hours => $2) where id = $1`, [
        first.sessionId,
        hours,
      ]);
    await age(23);
    const third = (await refresh(second.refreshToken)).body;
    expect(third.sessionId).toBe(first.sessionId);
    await age(1);
    expect(codeOf(await refresh(third.refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
  });

  it('what was never one is refused alike', async () => {
    for (const refreshToken of ['x', 'a'.repeat(43), "' or true--", '\u202e'])
      expect(codeOf(await refresh(refreshToken))).toEqual([401, 'tokens.invalid-refresh']);
    expect((await createClient(platform).call('POST', '/v1/auth/tokens/refresh', {})).status).toBe(422);
  });
});

describe('signing keys', () => {
  it('are changed with an overlap: the new one is shown before it signs, and tokens of the old one stay good', async () => {
    const ada = await signUpPerson(platform);
    const before = await tokensOf(ada);
    const kidOf = ({ accessToken }: Pair) => decodeProtectedHeader(accessToken).kid;
    const { id } = await platform.server.platform.identity.tokens.rotate(false);
    const shown = async () =>
      (await createClient(platform).call<{ keys: JWK[] }>('GET', '/.well-known/jwks.json')).body.keys.map(
        ({ kid }) => kid,
      );
    expect(await shown()).toEqual([id, kidOf(before)]);
    expect(kidOf(await tokensOf(ada))).toBe(kidOf(before));
    await owner.query(`update identity.signing_key set signs_from = now() - interval '1 second' where id = $1`, [id]);
    await owner.query(`select pg_notify('guildhall_signing_keys', '')`);
    await expect.poll(async () => kidOf(await tokensOf(ada)), { timeout: 5_000 }).toBe(id);
    expect((await withToken(before.accessToken)).status).toBe(200);
    await owner.query(`update identity.signing_key set signs_from = signs_from - interval '61 minutes'`);
    await owner.query(`select pg_notify('guildhall_signing_keys', '')`);
    await expect.poll(shown, { timeout: 5_000 }).toEqual([id]);
    expect((await withToken(before.accessToken)).status).toBe(401);
  });

  it('changed at once, after a theft, void every other token in every process; refresh tokens go on', async () => {
    const { ada, status, stop } = await inTwoProcesses();
    const before = await tokensOf(ada);
    expect(await status(before)).toBe(200);
    const { id } = await two.server.platform.identity.tokens.rotate(true);
    await expect.poll(() => status(before), { timeout: 5_000 }).toBe(401);
    const after = (await refresh(before.refreshToken, two)).body;
    expect(decodeProtectedHeader(after.accessToken).kid).toBe(id);
    expect(await status(after)).toBe(200);
    await stop();
  });
});
