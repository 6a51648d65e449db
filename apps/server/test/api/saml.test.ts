/** Signing in by SAML, through the API, with a provider that really signs. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { createSamlBrowser } from '../harness/saml-browser.ts';
import { forgeriesOf } from '../harness/saml-forgeries.ts';
import { createSamlIdp, type SamlIdp } from '../harness/saml-idp.ts';
import { offer } from './members-fixture.ts';

const PATH = '/v1/organisation/sso/saml';

let platform: TestPlatform;
let owner: pg.Client;
let other: { orgId: string; key: string };
const idp = createSamlIdp('ours');
const foreign = createSamlIdp('theirs');

beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  other = await platform.organisation('Other');
  await verify(platform.orgId, 'example.com');
  await verify(other.orgId, 'other.example');
});
afterAll(async () => {
  await owner.end();
  await platform.close();
});

const verify = (orgId: string, domain: string) =>
  owner.query(
    `insert into identity.domain (id, org_id, domain, challenge, created_by, verified_at) values ($1, $2, $3, 'x', 'test', now())`,
    [`dom_${domain}`, orgId, domain],
  );
const connect = async (provider: SamlIdp, more: object = {}, key = platform.key): Promise<string> => {
  const body = {
    name: 'Provider',
    entityId: provider.entityId,
    ssoUrl: provider.ssoUrl,
    certificates: [provider.certificate],
    nameAttribute: 'name',
    roleAttribute: 'groups',
    roleMappings: [
      { value: 'engineers', role: 'developer' },
      { value: 'chiefs', role: 'admin' },
    ],
    ...more,
  };
  const made = await platform.call<{ id: string }>('POST', PATH, body, { key });
  expect([made.status, made.body]).toMatchObject([201, { id: expect.stringMatching(/^con_/) }]);
  return made.body.id;
};
const reasons = async (orgId = platform.orgId): Promise<readonly string[]> => {
  const { rows } = await owner.query<{ reason: string }>(
    `select data ->> 'reason' as reason from audit.event where org_id = $1 and action = 'saml.refuse' order by seq`,
    [orgId],
  );
  return rows.map(({ reason }) => reason);
};
interface Me {
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly organisationId: string;
  readonly isVerified: boolean;
}

test('somebody of a verified domain signs in, becomes a member, and has the role that the provider says', async () => {
  const connectionId = await connect(idp);
  const browser = createSamlBrowser(platform);
  const begun = await browser.begin(connectionId, '/runs?x=1');
  expect(begun.url.href.startsWith(`${idp.ssoUrl}?SAMLRequest=`)).toBe(true);
  const attributes = { name: ['Grace'], groups: ['everyone', 'engineers'] };
  const answer = await browser.post(begun, idp.respond({ ...begun, subject: 'Grace@Example.com', attributes }));
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/runs?x=1']);
  const [session = '', ...rest] = answer.headers.getSetCookie().filter((line) => line.startsWith('__Host-guildhall='));
  expect(rest).toEqual([]);
  expect(session).toMatch(/; HttpOnly; Secure; SameSite=Lax$/);
  expect(browser.cookies.has('__Host-guildhall-saml')).toBe(false);
  const me = (await browser.call<Me>('GET', '/v1/me')).body;
  expect(me).toMatchObject({ email: 'Grace@Example.com', name: 'Grace', role: 'developer', isVerified: true });
  expect(me.organisationId).toBe(platform.orgId);

  const again = createSamlBrowser(platform);
  const second = await again.begin(connectionId);
  await again.post(
    second,
    idp.respond({ ...second, subject: 'Grace@Example.com', attributes: { groups: ['chiefs'] } }),
  );
  expect((await again.call('GET', '/v1/me')).body).toMatchObject({ role: 'admin', name: 'Grace' });
  const told = await owner.query(
    `select action, data ->> 'role' as role from audit.event where actor_id = $1 and action like 'member.%' order by seq`,
    [connectionId],
  );
  expect(told.rows).toEqual([
    { action: 'member.join', role: 'developer' },
    { action: 'member.change-role', role: 'admin' },
  ]);
});

test('with a role goes what its member offered and could not offer any more', async () => {
  const connectionId = await connect(idp);
  const signIn = async (group: string) => {
    const browser = createSamlBrowser(platform);
    const begun = await browser.begin(connectionId);
    await browser.post(begun, idp.respond({ ...begun, subject: 'gil@example.com', attributes: { groups: [group] } }));
    return browser;
  };
  const statusOf = await offer(await signIn('chiefs'), platform.orgId);
  await signIn('chiefs');
  expect(await statusOf(platform)).toBe('open');
  await signIn('engineers');
  expect(await statusOf(platform)).toBe('revoked');
});

test('AUTH-09: of more than two hundred forgeries none is accepted, and the request still takes its genuine answer, once', async () => {
  const connectionId = await connect(idp);
  const browser = createSamlBrowser(platform);
  const begun = await browser.begin(connectionId);
  const statement = { ...begun, subject: 'mallory@example.com', attributes: { groups: ['engineers'] } };
  const forgeries = forgeriesOf({ idp, other: foreign, statement });
  const before = (await reasons()).length;
  const accepted: string[] = [];
  for (const { name, field } of forgeries) {
    const { status, headers } = await browser.post(begun, field);
    if (status < 400 || headers.getSetCookie().length > 0) accepted.push(`${name}: ${status}`);
  }
  expect(accepted).toEqual([]);
  const { rows } = await owner.query(`select from identity.person where email_folded = 'victim@example.com'`);
  expect(rows).toEqual([]);
  // What is too large does not get that far.
  expect((await reasons()).length - before).toBeGreaterThan(200);

  const genuine = idp.respond(statement);
  expect((await browser.post(begun, genuine)).status).toBe(303);
  expect(browser.cookies.has('__Host-guildhall')).toBe(true);
}, 60_000);

test('AUTH-09: an answer is for the browser that asked, and for one time', async () => {
  const connectionId = await connect(idp);
  const [victim, attacker] = [createSamlBrowser(platform), createSamlBrowser(platform)];
  const [asked, own] = [await victim.begin(connectionId), await attacker.begin(connectionId)];
  const answer = idp.respond({ ...asked, subject: 'vera@example.com' });
  // Another browser, with and without a request of its own, and with the word of the other one.
  expect((await createSamlBrowser(platform).post(asked, answer)).body).toMatchObject({ code: 'saml.no-request' });
  expect((await attacker.post(own, answer)).body).toMatchObject({ code: 'saml.refused' });
  expect((await attacker.post(asked, answer)).body).toMatchObject({ code: 'saml.no-request' });
  // Somebody else's session is not put into this browser.
  const theirs = idp.respond({ ...own, subject: 'attacker@example.com' });
  expect((await victim.post(asked, theirs)).body).toMatchObject({ code: 'saml.refused' });
  expect((await victim.post(asked, answer, own.relayState)).body).toMatchObject({ code: 'saml.no-request' });

  const cookie = victim.cookies.get('__Host-guildhall-saml') ?? '';
  expect((await victim.post(asked, answer)).status).toBe(303);
  victim.cookies.set('__Host-guildhall-saml', cookie);
  expect((await victim.post(asked, answer)).body).toMatchObject({ code: 'saml.no-request' });
});

test('AUTH-09: of many answers at once one is taken, and an assertion counts once whatever it answers', async () => {
  const connectionId = await connect(idp);
  const browser = createSamlBrowser(platform);
  const begun = await browser.begin(connectionId);
  const cookie = browser.cookies.get('__Host-guildhall-saml') ?? '';
  const answer = idp.respond({ ...begun, subject: 'once@example.com', assertionId: '_the_same' });
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const tab = createSamlBrowser(platform);
      tab.cookies.set('__Host-guildhall-saml', cookie);
      return (await tab.post(begun, answer)).status;
    }),
  );
  expect(statuses.filter((status) => status === 303)).toHaveLength(1);
  const later = createSamlBrowser(platform);
  const second = await later.begin(connectionId);
  const reply = await later.post(
    second,
    idp.respond({ ...second, subject: 'once@example.com', assertionId: '_the_same' }),
  );
  expect(reply.body).toMatchObject({ code: 'saml.refused' });
  expect((await reasons()).at(-1)).toBe('assertion: used before');
});

test('AUTH-09: a provider speaks for its own organisation, and for the domains that this one has verified', async () => {
  const [ours, theirs] = [await connect(idp), await connect(foreign, {}, other.key)];
  const refusedAt = async (connectionId: string, provider: SamlIdp, subject: string) => {
    const browser = createSamlBrowser(platform);
    const begun = await browser.begin(connectionId);
    const { body } = await browser.post(begun, provider.respond({ ...begun, subject }));
    expect(browser.cookies.has('__Host-guildhall')).toBe(false);
    return body.code;
  };
  expect(await refusedAt(ours, foreign, 'eve@example.com')).toBe('saml.refused');
  expect(await refusedAt(theirs, idp, 'eve@other.example')).toBe('saml.refused');
  expect(await refusedAt(theirs, foreign, 'eve@example.com')).toBe('saml.refused');
  expect((await reasons(other.orgId)).at(-1)).toBe('admission: an address of no verified domain');
  expect(await refusedAt(ours, idp, 'eve@nobodys.example')).toBe('saml.refused');
  expect(await refusedAt(ours, idp, 'no address')).toBe('saml.refused');
});

test('who has an account keeps it; the subject stays theirs when the address changes; owners stay owners', async () => {
  const person = await signUpPerson(platform, { email: 'olga@example.com', organisation: null });
  await owner.query(
    `insert into identity.membership (id, org_id, person_id, role, created_by) values ('mbr_olga', $1, $2, 'owner', 'test')`,
    [platform.orgId, person.personId],
  );
  const connectionId = await connect(idp, { emailAttribute: 'mail' });
  const signIn = async (mail: string) => {
    const browser = createSamlBrowser(platform);
    const begun = await browser.begin(connectionId);
    const attributes = { mail: [mail], groups: ['engineers'] };
    await browser.post(begun, idp.respond({ ...begun, subject: 'subject-of-olga', attributes }));
    return (await browser.call<{ id: string; role: string }>('GET', '/v1/me')).body;
  };
  expect(await signIn('olga@example.com')).toMatchObject({ id: person.personId, role: 'owner' });
  expect(await signIn('new@elsewhere.example')).toMatchObject({ id: person.personId, role: 'owner' });
});

test('where a connection makes no members, strangers are refused; a connection that is off is not there', async () => {
  const connectionId = await connect(idp, { joinsMembers: false });
  const browser = createSamlBrowser(platform);
  const begun = await browser.begin(connectionId);
  const { body } = await browser.post(begun, idp.respond({ ...begun, subject: 'stranger@example.com' }));
  expect(body).toMatchObject({ code: 'saml.refused' });
  expect((await owner.query(`select from identity.person where email_folded = 'stranger@example.com'`)).rows).toEqual(
    [],
  );
  const shown = (await platform.call<Record<string, unknown>>('GET', `${PATH}/${connectionId}`)).body;
  const { id: _, serviceProvider: __, createdAt: ___, updatedAt: ____, ...same } = shown;
  expect((await platform.call('PUT', `${PATH}/${connectionId}`, { ...same, enabled: false })).status).toBe(200);
  const off = await browser.call('POST', '/v1/auth/saml/start', { connectionId });
  expect([off.status, off.body]).toMatchObject([404, { code: 'saml.not-found' }]);
  expect((await fetch(`${platform.url}/auth/saml/${connectionId}/metadata`)).status).toBe(404);
});

test('whom the directory has switched off does not come in, whatever the provider says', async () => {
  const connectionId = await connect(idp);
  const token = await platform.call<{ secret: string }>('POST', '/v1/organisation/scim-tokens', { name: 'D' });
  const scim = (method: string, path: string, body: object) =>
    platform.call<{ id: string }>(method, `/scim/v2/Users${path}`, body, { key: token.body.secret });
  const signIn = async () => {
    const browser = createSamlBrowser(platform);
    const begun = await browser.begin(connectionId);
    return (await browser.post(begun, idp.respond({ ...begun, subject: 'off@example.com' }))).status;
  };
  const user = await scim('POST', '', { userName: 'off@example.com' });
  expect(await signIn()).toBe(303);
  const active = (value: boolean) =>
    scim('PATCH', `/${user.body.id}`, { Operations: [{ op: 'replace', path: 'active', value }] });
  expect((await active(false)).status).toBe(200);
  expect(await signIn()).toBe(403);
  expect((await reasons()).at(-1)).toBe('admission: switched off by the directory');
  expect((await active(true)).status).toBe(200);
  expect(await signIn()).toBe(303);
});

test('who has to come through the organisation comes by SAML, from their address on, and by no password', async () => {
  const name = 'strict.example';
  const strict = await platform.organisation('Strict');
  await verify(strict.orgId, name);
  const connectionId = await connect(idp, {}, strict.key);
  const password = 'correct horse battery staple of mine';
  await signUpPerson(platform, { email: `paula@${name}`, password, organisation: null });
  await owner.query('update identity.organisation set sso_required = true where org_id = $1', [strict.orgId]);
  const browser = createSamlBrowser(platform);
  const refused = await browser.call('POST', '/v1/auth/sign-in', { email: `paula@${name}`, password });
  expect([refused.status, refused.body]).toMatchObject([403, { code: 'federation.sso-required' }]);
  const started = await browser.call<{ url: string }>('POST', '/v1/auth/sso', {
    email: `paula@${name}`,
    returnTo: '/x',
  });
  expect([started.status, new URL(started.body.url).hostname]).toEqual([200, new URL(idp.ssoUrl).hostname]);
  const begun = browser.read(connectionId, new URL(started.body.url));
  const answer = await browser.post(begun, idp.respond({ ...begun, subject: `paula@${name}` }));
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/x']);
  expect((await browser.call<Me>('GET', '/v1/me')).body).toMatchObject({
    email: `paula@${name}`,
    organisationId: strict.orgId,
  });
});

test('metadata names the very addresses that assertions must name', async () => {
  const connectionId = await connect(idp);
  const { serviceProvider } = (
    await platform.call<{ serviceProvider: Record<string, string> }>('GET', `${PATH}/${connectionId}`)
  ).body;
  const response = await fetch(`${platform.url}/auth/saml/${connectionId}/metadata`);
  expect(response.headers.get('content-type')).toMatch(/^application\/samlmetadata\+xml/);
  const xml = await response.text();
  expect(xml).toContain(`entityID="${serviceProvider.entityId}"`);
  expect(xml).toContain(`Location="${serviceProvider.acsUrl}"`);
  const begun = await createSamlBrowser(platform).begin(connectionId);
  expect([begun.audience, begun.acsUrl]).toEqual([serviceProvider.entityId, serviceProvider.acsUrl]);
});

test('only a certificate with a long enough RSA key is pinned, and nobody is sent elsewhere afterwards', async () => {
  const body = { name: 'P', entityId: 'x', ssoUrl: 'https://idp.example.com/sso' };
  for (const certificate of [
    'x',
    idp.certificate.replace(/[A-Za-z]{20}/, ''),
    idp.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ]) {
    const { status, body: problem } = await platform.call('POST', PATH, { ...body, certificates: [certificate] });
    expect([status, problem]).toMatchObject([422, { code: 'saml.invalid-certificate' }]);
  }
  const plain = await platform.call('POST', PATH, {
    ...body,
    ssoUrl: 'http://idp.example.com',
    certificates: [idp.certificate],
  });
  expect(plain.status).toBe(422);
  const connectionId = await connect(idp);
  for (const returnTo of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
  ]) {
    const browser = createSamlBrowser(platform);
    const begun = await browser.begin(connectionId, returnTo);
    const { headers } = await browser.post(begun, idp.respond({ ...begun, subject: 'grace@example.com' }));
    expect(new URL(headers.get('location') ?? '', platform.url).origin).toBe(platform.url);
  }
});

test('other forms than that of the provider are not read, and no other route reads forms', async () => {
  const connectionId = await connect(idp);
  const acs = `/auth/saml/${connectionId}/acs`;
  const send = (path: string, type: string, body: string) =>
    fetch(`${platform.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  expect((await send(acs, 'application/json', '{}')).status).toBe(415);
  expect((await send(acs, 'application/x-www-form-urlencoded', 'SAMLResponse=a&SAMLResponse=b')).status).toBe(400);
  expect((await send(acs, 'application/x-www-form-urlencoded', 'a=b')).status).toBe(422);
  expect((await send(acs, 'application/x-www-form-urlencoded', `SAMLResponse=${'A'.repeat(600_000)}`)).status).toBe(
    413,
  );
  expect((await send('/v1/auth/sign-in', 'application/x-www-form-urlencoded', 'email=a&password=b')).status).toBe(415);
});
