/** Signing up, in and out, through the interface alone. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { asOwner } from './members-fixture.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper) });
});
afterAll(() => platform.close());

const BUDGET = {
  scope: { type: 'organisation' },
  period: 'day',
  limit: { nanos: '1000000000', currency: 'USD' },
  hard: false,
};
const PASSWORD = 'four words never said before';
const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body?.code];

it('no account comes with the program', async () => {
  const fresh = await testPlatform({ agents: asAgents() });
  try {
    expect(await asOwner(fresh, 'select person_id from identity.person')).toEqual([]);
    expect(await asOwner(fresh, 'select id from identity.membership')).toEqual([]);
  } finally {
    await fresh.close();
  }
});

describe('sign-up', () => {
  it('mails a link, and its use makes the person owner of the organisation they named, with trial credit and no key; what they do stands under their membership', async () => {
    const ada = await signUpPerson(platform, { name: 'Ada', organisation: 'Ada & Co' });
    const me = await ada.call('GET', '/v1/me');
    expect(me.body).toMatchObject({
      email: ada.email,
      name: 'Ada',
      isVerified: true,
      isOperator: false,
      role: 'owner',
      organisationId: ada.orgId,
      memberships: [{ id: ada.memberId, organisation: { id: ada.orgId, name: 'Ada & Co' }, role: 'owner' }],
    });
    expect((await ada.call('GET', '/v1/keys')).body).toEqual({ data: [], nextCursor: null });
    const run = await ada.call('POST', '/v1/agents/keeper/runs?wait=10', { input: { say: 'hello' } });
    expect([run.status, run.body.status]).toEqual([200, 'succeeded']);
    expect((await ada.call('PUT', '/v1/budgets', BUDGET)).status).toBe(200);
    const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
    await owner.connect();
    const { rows } = await owner.query(
      'select actor_type, actor_id from audit.event where org_id = $1 and action = $2',
      [ada.orgId, 'budget.put'],
    );
    await owner.end();
    expect(rows).toEqual([{ actor_type: 'member', actor_id: ada.memberId }]);
  });

  it('AUTH-01: who has not verified the address may sign in, and neither run nor spend', async () => {
    const eve = await signUpPerson(platform, { name: 'Eve', isVerified: false });
    expect((await eve.call('GET', '/v1/me')).body).toMatchObject({ isVerified: false, memberships: [], scopes: [] });
    for (const [method, path, body] of [
      ['POST', '/v1/agents/keeper/runs', { input: {} }],
      ['POST', '/v1/chat/completions', { model: 'guildhall/small', messages: [] }],
      ['GET', '/v1/balance', undefined],
      ['PUT', '/v1/me', { name: 'X' }],
    ] as const) {
      const answer = await eve.call(method, path, body);
      const problem = (answer.body.error ?? answer.body) as { code: string };
      expect([path, answer.status, problem.code]).toEqual([path, 403, 'auth.not-verified']);
    }
    expect((await eve.call('POST', '/v1/auth/sign-out')).status).toBe(204);
  });

  it('a link works once, and being fetched by a scanner does not use it up', async () => {
    const client = createClient(platform);
    const email = 'scanned@example.com';
    await client.call('POST', '/v1/auth/sign-up', { email, password: PASSWORD, name: 'Scanned' });
    const [mail] = await mailsTo(platform, email);
    const url = /https?:\S+/.exec(mail?.text ?? '')?.[0] ?? '';
    expect(new URL(url).hash).toMatch(/^#token=[\w-]{43}$/);
    await fetch(url);
    const token = await lastLink(platform, email);
    expect((await client.call('POST', '/v1/auth/verify', { token })).status).toBe(200);
    expect(codeOf(await client.call('POST', '/v1/auth/verify', { token }))).toEqual([410, 'people.invalid-link']);
  });

  it('another link takes the place of the first one', async () => {
    const client = createClient(platform);
    const email = 'twice@example.com';
    await client.call('POST', '/v1/auth/sign-up', { email, password: PASSWORD, name: 'Twice' });
    const first = await lastLink(platform, email);
    expect((await client.call('POST', '/v1/auth/verification', { email: 'TWICE@example.com' })).status).toBe(202);
    const second = await lastLink(platform, email);
    expect(second).not.toBe(first);
    expect(codeOf(await client.call('POST', '/v1/auth/verify', { token: first }))).toEqual([
      410,
      'people.invalid-link',
    ]);
    expect((await client.call('POST', '/v1/auth/verify', { token: second })).status).toBe(200);
  });
});

describe('what people write', () => {
  it.each(['Ada', 'آدا لوفليس', '李雷', 'Zoë 🦊', "O'Hara-Smith", 'x'.repeat(100)])(
    'the name %s is kept as it is',
    async (name) => {
      const one = await signUpPerson(platform, { name, organisation: name });
      const { body } = await one.call<{ name: string; memberships: { organisation: { name: string } }[] }>(
        'GET',
        '/v1/me',
      );
      expect([body.name, body.memberships[0]?.organisation.name]).toEqual([name, name]);
    },
  );

  it.each([
    ['ten thousand letters', { name: 'x'.repeat(10_000) }],
    ['spaces alone', { name: '   ' }],
    ['a turned direction', { name: 'Ada \u202egro.live' }],
    ['a line break', { name: 'Ada\nBcc: eve@example.com' }],
    ['an organisation of ten thousand letters', { organisation: 'x'.repeat(10_000) }],
    ['an address of ten thousand letters', { email: `${'x'.repeat(10_000)}@example.com` }],
    ['a password of ten thousand letters', { password: 'x'.repeat(10_000) }],
  ])('%s: refused with 422, by the name of the member', async (_what, wrong) => {
    const body = { email: 'long@example.com', password: PASSWORD, name: 'Long', ...wrong };
    const answer = await createClient(platform).call('POST', '/v1/auth/sign-up', body);
    expect(codeOf(answer)).toEqual([422, 'http.invalid-request']);
    expect(answer.body.errors).toEqual([expect.objectContaining({ path: `/${Object.keys(wrong)[0]}` })]);
  });

  it('addresses with plus signs are people of their own, and a domain in another script is one with its ASCII form', async () => {
    const [one, two] = [
      await signUpPerson(platform, { email: 'plus+1@example.com' }),
      await signUpPerson(platform, { email: 'plus+2@example.com' }),
    ];
    expect(one.personId).not.toBe(two.personId);
    const { personId, password } = await signUpPerson(platform, { email: 'ada@bücher.example' });
    for (const email of [
      'ada@bücher.example',
      'ADA@BÜCHER.example',
      'ada@xn--bcher-kva.example',
      ' ada@xn--BCHER-kva.Example ',
    ]) {
      const { body } = await createClient(platform).call('POST', '/v1/auth/sign-in', { email, password });
      expect([email, body.personId]).toEqual([email, personId]);
    }
  });
});

describe('an address that has an account', () => {
  it('is signed up for as any other, its owner is told by mail, and nobody else gets in by it', async () => {
    const ada = await signUpPerson(platform);
    const stranger = createClient(platform);
    const body = { email: ada.email.toUpperCase(), password: PASSWORD, name: 'Not Ada' };
    const [known, unknown] = [
      await stranger.call('POST', '/v1/auth/sign-up', body),
      await stranger.call('POST', '/v1/auth/sign-up', { ...body, email: 'nobody-yet@example.com' }),
    ];
    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
    const told = (await mailsTo(platform, ada.email.toUpperCase())).at(-1);
    expect(told?.text).not.toContain('#token=');
    // As after any sign-up: in, and good for nothing.
    expect((await stranger.call('POST', '/v1/auth/sign-in', { email: ada.email, password: PASSWORD })).status).toBe(
      200,
    );
    expect((await stranger.call('GET', '/v1/me')).body).toMatchObject({ name: 'Not Ada', isVerified: false });
    expect((await ada.call('GET', '/v1/me')).body).toMatchObject({ name: 'Ada', isVerified: true });
    expect((await ada.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password })).status).toBe(200);
  });
});

describe('sign-in', () => {
  it('answers alike for an unknown address, a wrong password and what is no address', async () => {
    const { email } = await signUpPerson(platform);
    const answers = [];
    for (const address of [email, 'unknown@example.com', 'no address', `${email} `.repeat(1)]) {
      const client = createClient(platform);
      const { status, body } = await client.call('POST', '/v1/auth/sign-in', { email: address, password: PASSWORD });
      answers.push([status, { ...body, requestId: '' }, client.cookies.size]);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject([401, { code: 'sessions.refused' }, 0]);
  });

  it('SES-01: gives a new session in a cookie that scripts, other hosts and plain HTTP do not get, and the body never holds it', async () => {
    const ada = await signUpPerson(platform);
    const first = ada.cookies.get('__Host-guildhall');
    // Fixation: the cookie that is sent along is not the one that is good afterwards.
    const answer = await ada.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password });
    const [line = ''] = answer.headers.getSetCookie();
    expect(line).toMatch(/^__Host-guildhall=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    const second = ada.cookies.get('__Host-guildhall');
    expect(second).not.toBe(first);
    expect(JSON.stringify(answer.body)).not.toContain(second);
    expect(answer.body).toEqual({
      status: 'signed-in',
      personId: ada.personId,
      sessionId: expect.stringMatching(/^ses_/),
    });
  });

  it('SES-01: ends the session that the browser had, of whoever it was; those of other browsers go on', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const elsewhere = createClient(platform);
    const credentials = ({ email, password }: TestPerson) => ({ email, password });
    await elsewhere.call('POST', '/v1/auth/sign-in', credentials(ada));
    const withCookie = (cookie: string | undefined) =>
      fetch(`${platform.url}/v1/me`, { headers: { cookie: `__Host-guildhall=${cookie}` } });
    for (const next of [ada, eve]) {
      const former = ada.cookies.get('__Host-guildhall');
      expect((await withCookie(former)).status).toBe(200);
      expect((await ada.call('POST', '/v1/auth/sign-in', credentials(next))).status).toBe(200);
      await expect.poll(async () => (await withCookie(former)).status, { timeout: 5_000 }).toBe(401);
      expect((await ada.call('GET', '/v1/me')).body).toMatchObject({ id: next.personId });
    }
    expect((await elsewhere.call('GET', '/v1/me')).status).toBe(200);
    expect((await eve.call('GET', '/v1/me')).status).toBe(200);
  });

  it('a cookie is refused after sign-out, by this process and by another within a second', async () => {
    const ada = await signUpPerson(platform);
    const other = await platform.another('api');
    const cookie = `__Host-guildhall=${ada.cookies.get('__Host-guildhall')}`;
    const ask = async (url: string | undefined) => (await fetch(`${url}/v1/me`, { headers: { cookie } })).status;
    expect([await ask(platform.url), await ask(other.url)]).toEqual([200, 200]);
    expect((await ada.call('POST', '/v1/auth/sign-out')).status).toBe(204);
    // The device stays known.
    expect([...ada.cookies.keys()]).toEqual(['__Host-guildhall-device']);
    await expect.poll(() => ask(other.url), { timeout: 5_000 }).toBe(401);
    await expect.poll(() => ask(platform.url), { timeout: 5_000 }).toBe(401);
  });
});

describe('organisations', () => {
  it('the header names one of theirs; a foreign one answers as one that is not there', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const asked = async (organisation: string) => ada.call('GET', '/v1/me', undefined, { organisation });
    expect((await asked(ada.orgId)).body).toMatchObject({ organisationId: ada.orgId });
    const [foreign, missing] = [await asked(eve.orgId), await asked(`org_${'0'.repeat(26)}`)];
    expect(codeOf(foreign)).toEqual([404, 'sessions.organisation-not-found']);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' });
    const choose = (organisationId: string) => ada.call('PUT', '/v1/me/organisation', { organisationId });
    expect((await choose(ada.orgId)).status).toBe(204);
    expect(codeOf(await choose(eve.orgId))).toEqual([404, 'sessions.organisation-not-found']);
  });
});

describe('a cookie', () => {
  it('INP-05: changes nothing without our header and our origin, whatever page sent the request', async () => {
    const ada = await signUpPerson(platform);
    const cookie = `__Host-guildhall=${ada.cookies.get('__Host-guildhall')}`;
    const send = async (headers: Record<string, string>) => {
      const body = JSON.stringify({ name: 'Changed' });
      const all = { cookie, 'content-type': 'application/json', ...headers };
      return (await fetch(`${platform.url}/v1/me`, { method: 'PUT', headers: all, body })).status;
    };
    const ours = { 'guildhall-request': '1' };
    for (const headers of [
      {},
      ours,
      { origin: platform.url },
      { ...ours, origin: 'https://evil.example' },
      { ...ours, origin: 'null' },
      { ...ours, origin: `${platform.url}.evil.example` },
      { ...ours, origin: platform.url.replace('http:', 'https:') },
      { ...ours, origin: platform.url.replace(/\d+$/, '1') },
      { ...ours, origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      { ...ours, 'sec-fetch-site': 'same-site' },
    ])
      expect([headers, await send(headers)]).toEqual([headers, 403]);
    expect((await ada.call('GET', '/v1/me')).body).toMatchObject({ name: 'Ada' });
    expect(await send({ ...ours, origin: platform.url })).toBe(200);
    expect(await send({ ...ours, 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  it('of a page of another site signs nobody in', async () => {
    const ada = await signUpPerson(platform);
    const body = { email: ada.email, password: ada.password };
    const answer = await createClient(platform).call('POST', '/v1/auth/sign-in', body, {
      headers: { origin: 'https://evil.example' },
    });
    expect(codeOf(answer)).toEqual([403, 'auth.cross-site']);
  });

  it('stands behind a key: who sends both is the key', async () => {
    const ada = await signUpPerson(platform);
    const headers = { authorization: `Bearer ${platform.key}` };
    expect(codeOf(await ada.call('GET', '/v1/me', undefined, { headers }))).toEqual([403, 'auth.person-needed']);
    expect((await ada.call('GET', '/v1/keys', undefined, { headers })).body.data).toHaveLength(1);
  });
});
