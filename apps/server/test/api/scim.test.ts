/** Provisioning by SCIM 2.0, through the API, as directories do it. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { offer } from './members-fixture.ts';

type Json = Record<string, unknown>;
interface User extends Json {
  readonly id: string;
  readonly userName: string;
  readonly active: boolean;
}

let platform: TestPlatform;
let owner: pg.Client;
let other: { orgId: string; key: string };
let token: string;
let foreignToken: string;

beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  other = await platform.organisation('Other');
  for (const [orgId, domain] of [
    [platform.orgId, 'example.com'],
    [other.orgId, 'other.example'],
  ])
    await owner.query(
      `insert into identity.domain (id, org_id, domain, challenge, created_by, verified_at) values ($1, $2, $3, 'x', 'test', now())`,
      [`dom_${domain}`, orgId, domain],
    );
  token = (await makeToken(platform.key)).secret;
  foreignToken = (await makeToken(other.key)).secret;
});
afterAll(async () => {
  await owner.end();
  await platform.close();
});

async function makeToken(key: string): Promise<{ id: string; secret: string }> {
  const made = await platform.call<{ id: string; secret: string }>(
    'POST',
    '/v1/organisation/scim-tokens',
    { name: 'Directory' },
    { key },
  );
  expect(made.status).toBe(201);
  return made.body;
}
const scim = <T = Json>(
  method: string,
  path: string,
  body?: unknown,
  more: { token?: string; type?: string } = {},
): Promise<Reply<T>> =>
  platform.call<T>(method, `/scim/v2${path}`, body, {
    key: more.token ?? token,
    ...(body === undefined ? {} : { headers: { 'content-type': more.type ?? 'application/scim+json' } }),
  });
let count = 0;
const address = (domain = 'example.com'): string => {
  count += 1;
  return `user${count}@${domain}`;
};
const add = async (userName: string, more: object = {}): Promise<User> => {
  const { status, body } = await scim<User>('POST', '/Users', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName,
    ...more,
  });
  expect([status, body]).toMatchObject([201, { userName }]);
  return body;
};
const patch = (id: string, ...Operations: object[]) => scim<User>('PATCH', `/Users/${id}`, { Operations });
const memberOf = async (
  email: string,
  orgId = platform.orgId,
): Promise<{ id: string; role: string; person_id: string } | undefined> => {
  const { rows } = await owner.query(
    `select m.id, m.role, m.person_id from identity.membership m join identity.person p using (person_id)
      where p.email_folded = $1 and m.org_id = $2 and m.ended_at is null`,
    [email, orgId],
  );
  return rows[0];
};
/** A person of that address who is signed in. */
const signIn = (email: string): Promise<TestPerson> => signUpPerson(platform, { email, organisation: null });

test('a directory finds out what there is', async () => {
  const config = await scim('GET', '/ServiceProviderConfig');
  expect(config.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(config.body).toMatchObject({
    patch: { supported: true },
    bulk: { supported: false },
    filter: { maxResults: 200 },
  });
  const types = (await scim<{ Resources: Json[] }>('GET', '/ResourceTypes')).body.Resources;
  expect(types.map(({ id }) => id)).toEqual(['User', 'Group']);
  for (const { schema } of types) expect((await scim('GET', `/Schemas/${schema}`)).body).toMatchObject({ id: schema });
  expect((await scim('GET', '/ResourceTypes/Device')).status).toBe(404);
});

test('a user of a verified domain is a person and a member at once', async () => {
  const email = address();
  const user = await add(email.toUpperCase(), { externalId: 'x-1', name: { givenName: 'Ada', familyName: 'Byron' } });
  expect(user).toMatchObject({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    externalId: 'x-1',
    active: true,
    meta: { resourceType: 'User', location: `${platform.url}/scim/v2/Users/${user.id}` },
  });
  expect(await memberOf(email)).toMatchObject({ role: 'viewer' });
  const { rows } = await owner.query(
    `select name, verified_at, password_hash from identity.person where email_folded = $1`,
    [email],
  );
  expect(rows).toMatchObject([{ name: 'Ada Byron', verified_at: expect.any(Date), password_hash: null }]);
  expect((await scim('GET', `/Users/${user.id}`)).body).toEqual(user);
});

test('a user of another domain is invited, and is a member when they accept', async () => {
  const email = address('elsewhere.example');
  const user = await add(email);
  expect(await memberOf(email)).toBeUndefined();
  expect((await owner.query('select from identity.person where email_folded = $1', [email])).rows).toEqual([]);
  expect(await mailsTo(platform, email)).toHaveLength(1);
  // Said again, it is not mailed again.
  await patch(user.id, { op: 'replace', path: 'displayName', value: 'E' });
  expect(await mailsTo(platform, email)).toHaveLength(1);

  const invitation = await lastLink(platform, email);
  const person = await signIn(email);
  expect((await person.call('POST', '/v1/me/invitations/accept', { token: invitation })).status).toBe(201);
  await patch(user.id, { op: 'replace', path: 'active', value: true });
  const gone = await patch(user.id, { op: 'replace', path: 'active', value: false });
  expect([gone.status, await memberOf(email)]).toEqual([200, undefined]);
});

test('an invitation that has expired is mailed again when the directory says the user again, once; to another address the former one is void', async () => {
  const [email, another] = [address('elsewhere.example'), address('elsewhere.example')];
  const user = await add(email);
  const mails = async (to: string) => (await mailsTo(platform, to)).length;
  const again = () => patch(user.id, { op: 'replace', path: 'active', value: true });
  await owner.query(`update identity.invitation set expires_at = now() - interval '1 second' where email = $1`, [
    email,
  ]);
  const [first] = [await lastLink(platform, email), await again(), await again()];
  expect(await mails(email)).toBe(2);
  const second = await lastLink(platform, email);
  expect(second).not.toBe(first);

  const moved = await patch(user.id, { op: 'replace', path: 'emails', value: [{ value: another }] });
  expect([moved.status, await mails(email), await mails(another)]).toEqual([200, 2, 1]);
  const accept = async (person: TestPerson, invitation: string) =>
    (await person.call('POST', '/v1/me/invitations/accept', { token: invitation })).status;
  expect(await accept(await signIn(email), second)).toBe(410);
  // Whoever takes one back here is not overruled by a directory that says the same again.
  await owner.query('update identity.invitation set revoked_at = now() where email = $1', [another]);
  await again();
  expect(await mails(another)).toBe(1);
  await patch(user.id, { op: 'replace', path: 'active', value: false });
  await again();
  expect(await mails(another)).toBe(2);
  const last = await lastLink(platform, another);
  expect(await accept(await signIn(another), last)).toBe(201);
});

test('an invitation of somebody who is switched off is void', async () => {
  const email = address('elsewhere.example');
  const user = await add(email);
  const invitation = await lastLink(platform, email);
  expect((await patch(user.id, { op: 'replace', path: 'active', value: false })).status).toBe(200);
  const person = await signIn(email);
  const { status, body } = await person.call('POST', '/v1/me/invitations/accept', { token: invitation });
  expect([status, body]).toMatchObject([410, { code: 'invitations.invalid' }]);
});

test.each<[string, (id: string) => Promise<Reply<Json>>]>([
  ['PATCH', (id) => patch(id, { op: 'Replace', path: 'active', value: 'False' })],
  ['PUT', async (id) => scim('PUT', `/Users/${id}`, { ...(await scim('GET', `/Users/${id}`)).body, active: false })],
  ['DELETE', (id) => scim('DELETE', `/Users/${id}`)],
])('%s: who is switched off has no session, no key and no membership, at once', async (_method, switchOff) => {
  const email = address();
  const person = await signIn(email);
  const user = await add(email);
  await owner.query(`update identity.membership set role = 'admin' where person_id = $1`, [person.personId]);
  await platform.call('PUT', '/v1/organisation/scim', { defaultRole: 'admin', groupRoles: [] });
  const member = await memberOf(email);
  const key = await person.call<{ secret: string }>(
    'POST',
    '/v1/keys',
    { name: 'Mine', mode: 'live', scopes: ['agents:read'] },
    { organisation: platform.orgId },
  );
  expect([key.status, (await platform.call('GET', '/v1/agents', undefined, { key: key.body.secret })).status]).toEqual([
    201, 200,
  ]);
  expect((await person.call('GET', '/v1/keys', undefined, { organisation: platform.orgId })).status).toBe(200);

  expect((await switchOff(user.id)).status).toBeLessThan(300);
  // Processes hear of it when it commits, a moment later.
  const withKey = async () => (await platform.call('GET', '/v1/agents', undefined, { key: key.body.secret })).status;
  await expect.poll(withKey, { timeout: 5_000 }).toBe(401);
  await expect.poll(async () => (await person.call('GET', '/v1/me')).status, { timeout: 5_000 }).toBe(401);
  expect(await memberOf(email)).toBeUndefined();
  const { rows } = await owner.query(
    `select (select count(*)::int from identity.session where person_id = $1 and ended_at is null) as sessions,
            (select count(*)::int from identity.api_key where member_id = $2 and revoked_at is null) as keys`,
    [person.personId, member?.id],
  );
  expect(rows).toEqual([{ sessions: 0, keys: 0 }]);
  await platform.call('PUT', '/v1/organisation/scim', { defaultRole: 'viewer', groupRoles: [] });
});

test('who is switched on again is a member again; who is deleted is not there, and may be made anew', async () => {
  const email = address();
  const user = await add(email);
  const first = await memberOf(email);
  await patch(user.id, { op: 'replace', path: 'active', value: false });
  await patch(user.id, { op: 'replace', path: 'active', value: true });
  const second = await memberOf(email);
  expect(second?.person_id).toBe(first?.person_id);
  expect(second?.id).not.toBe(first?.id);
  expect((await scim('DELETE', `/Users/${user.id}`)).status).toBe(204);
  for (const method of ['GET', 'DELETE']) expect((await scim(method, `/Users/${user.id}`)).status).toBe(404);
  expect((await add(email)).id).not.toBe(user.id);
});

test('other organisations of the same person are not touched', async () => {
  const email = address();
  const person = await signUpPerson(platform, { email });
  const user = await add(email);
  expect((await scim('DELETE', `/Users/${user.id}`)).status).toBe(204);
  expect(await memberOf(email, person.orgId)).toMatchObject({ role: 'owner' });
});

test('groups give roles; of several the one that may do the most; owners stay owners', async () => {
  const [ada, olga] = [address(), address()];
  const person = await signIn(olga);
  await owner.query(
    `insert into identity.membership (id, org_id, person_id, role, created_by) values ('mbr_scim_olga', $1, $2, 'owner', 'test')`,
    [platform.orgId, person.personId],
  );
  const users = [await add(ada), await add(olga)];
  const settings = {
    defaultRole: 'billing',
    groupRoles: [
      { group: 'Engineers', role: 'developer' },
      { group: 'chiefs', role: 'admin' },
    ],
  };
  const put = await platform.call('PUT', '/v1/organisation/scim', settings);
  expect([put.status, put.body]).toEqual([200, { ...settings, baseUrl: `${platform.url}/scim/v2` }]);
  expect((await memberOf(ada))?.role).toBe('billing');
  const members = users.map(({ id }) => ({ value: id }));
  const group = (await scim<{ id: string }>('POST', '/Groups', { displayName: 'engineers', members })).body;
  expect((await memberOf(ada))?.role).toBe('developer');
  const chiefs = (await scim<{ id: string }>('POST', '/Groups', { displayName: 'Chiefs' })).body;
  const operations = [{ op: 'add', path: 'members', value: members }];
  expect((await scim('PATCH', `/Groups/${chiefs.id}`, { Operations: operations })).status).toBe(200);
  expect((await memberOf(ada))?.role).toBe('admin');
  expect((await scim('DELETE', `/Groups/${chiefs.id}`)).status).toBe(204);
  expect((await memberOf(ada))?.role).toBe('developer');
  const put2 = await scim('PUT', `/Groups/${group.id}`, { displayName: 'Others', members });
  expect([put2.status, (await memberOf(ada))?.role]).toEqual([200, 'billing']);
  expect((await memberOf(olga))?.role).toBe('owner');

  const away = await scim('PATCH', `/Groups/${group.id}`, {
    Operations: [{ op: 'remove', path: `members[value eq "${users[0]?.id}"]` }],
  });
  expect(away.body).toMatchObject({ displayName: 'Others', members: [{ value: users[1]?.id }] });
  const lists = await scim<{ Resources: Json[] }>(
    'GET',
    '/Groups?filter=displayName%20eq%20%22OTHERS%22&excludedAttributes=members',
  );
  expect(lists.body.Resources).toEqual([expect.not.objectContaining({ members: expect.anything() })]);
  // The last owner is not taken out, and nothing of that is half done.
  const last = await patch(users[1]?.id ?? '', { op: 'replace', path: 'active', value: false });
  expect([last.status, last.body]).toMatchObject([409, { status: '409', scimType: 'mutability' }]);
  expect((await scim<User>('GET', `/Users/${users[1]?.id}`)).body.active).toBe(true);
});

test('with a role goes what its member offered and could not offer any more', async () => {
  const email = address();
  const person = await signIn(email);
  const setRole = (defaultRole: string) =>
    platform.call('PUT', '/v1/organisation/scim', { defaultRole, groupRoles: [] });
  await setRole('admin');
  await add(email);
  // A session hears of a new membership within a moment.
  const statusOf = await vi.waitFor(() => offer(person, platform.orgId), { timeout: 10_000 });
  await setRole('admin');
  expect(await statusOf(platform)).toBe('open');
  await setRole('viewer');
  expect(await statusOf(platform)).toBe('revoked');
});

test('users are found by name and other marks, page by page', async () => {
  const email = address();
  const user = await add(email, { externalId: `ext-${email}`, emails: [{ value: `mail-${email}` }] });
  const found = async (filter: string): Promise<readonly string[]> =>
    (await scim<{ Resources: User[] }>('GET', `/Users?filter=${encodeURIComponent(filter)}`)).body.Resources.map(
      ({ id }) => id,
    );
  for (const filter of [
    `userName eq "${email.toUpperCase()}"`,
    `externalId eq "ext-${email}"`,
    `id eq "${user.id}"`,
    `emails.value eq "MAIL-${email}"`,
    `userName eq "${email}" and active eq true`,
  ])
    expect([filter, await found(filter)]).toEqual([filter, [user.id]]);
  for (const filter of [
    `userName eq "${email}" and active eq false`,
    'userName eq "x"',
    `externalId eq "EXT-${email}"`,
  ])
    expect([filter, await found(filter)]).toEqual([filter, []]);

  interface Listed {
    readonly totalResults: number;
    readonly itemsPerPage: number;
    readonly startIndex: number;
    readonly Resources: readonly User[];
  }
  const list = async (query: string): Promise<Listed> => (await scim<Listed>('GET', `/Users?${query}`)).body;
  const { totalResults: total, Resources: everybody } = await list('count=200');
  expect(everybody).toHaveLength(total);
  const pages = await Promise.all(Array.from({ length: total }, (_, index) => list(`startIndex=${index + 1}&count=1`)));
  expect(pages.map(({ Resources }) => Resources[0]?.id)).toEqual(everybody.map(({ id }) => id));
  expect(await list('count=0')).toMatchObject({ totalResults: total, itemsPerPage: 0, Resources: [] });
  expect(await list('startIndex=-5&count=1')).toMatchObject({ startIndex: 1, itemsPerPage: 1 });
  expect((await list('startIndex=999999')).Resources).toEqual([]);
});

test.each<[string, number, string | undefined, string, string, unknown]>([
  ['a name that is taken', 409, 'uniqueness', 'POST', '/Users', { userName: 'TAKEN@example.com' }],
  ['no name', 400, 'invalidValue', 'POST', '/Users', { emails: [] }],
  ['no address', 400, 'invalidValue', 'POST', '/Users', { userName: 'nobody' }],
  [
    'an address that is none',
    400,
    'invalidValue',
    'POST',
    '/Users',
    { userName: 'x@example.com', emails: [{ value: 'x' }] },
  ],
  ['no object', 422, 'invalidValue', 'POST', '/Users', [1]],
  ['no JSON', 400, 'invalidSyntax', 'POST', '/Users', '{'],
  ['a key twice', 400, 'invalidSyntax', 'POST', '/Users', '{"userName":"a","userName":"b"}'],
  ['a filter that is not known', 400, 'invalidFilter', 'GET', '/Users?filter=password%20pr', undefined],
  ['a page that is none', 400, 'invalidValue', 'GET', '/Users?count=many', undefined],
  ['nobody', 404, undefined, 'GET', '/Users/scu_nobody', undefined],
  [
    'a change of nobody',
    404,
    undefined,
    'PATCH',
    '/Users/scu_nobody',
    { Operations: [{ op: 'add', path: 'active', value: true }] },
  ],
  ['a change without operations', 400, 'invalidSyntax', 'PATCH', '/Users/$taken', {}],
  [
    'a path that is none',
    400,
    'invalidPath',
    'PATCH',
    '/Users/$taken',
    { Operations: [{ op: 'add', path: '[', value: 1 }] },
  ],
  ['nothing to take away', 400, 'noTarget', 'PATCH', '/Users/$taken', { Operations: [{ op: 'remove' }] }],
  [
    'a stranger in a group',
    400,
    'invalidValue',
    'POST',
    '/Groups',
    { displayName: 'G', members: [{ value: 'scu_nobody' }] },
  ],
  ['a group without a name', 400, 'invalidValue', 'POST', '/Groups', { members: [] }],
])('an error is written as SCIM writes it: %s', async (_name, status, scimType, method, path, body) => {
  const found = await scim<{ Resources: User[] }>('GET', '/Users?filter=userName%20eq%20%22taken@example.com%22');
  const taken = found.body.Resources[0] ?? (await add('taken@example.com'));
  const reply = await scim(method, path.replace('$taken', taken.id), body);
  expect([reply.status, reply.body]).toMatchObject([
    status,
    { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status), detail: expect.any(String) },
  ]);
  expect(reply.body.scimType).toBe(scimType);
  expect(reply.headers.get('content-type')).toMatch(/^application\/scim\+json/);
});

test('a token is for its own organisation, for SCIM alone, until it ends', async () => {
  const email = address();
  const user = await add(email);
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', { userName: 'a@other.example' }],
    ['PATCH', { Operations: [{ op: 'replace', path: 'active', value: false }] }],
    ['DELETE', undefined],
  ] as const)
    expect((await scim(method, `/Users/${user.id}`, body, { token: foreignToken })).status).toBe(404);
  expect(
    (await scim<{ totalResults: number }>('GET', '/Users', undefined, { token: foreignToken })).body.totalResults,
  ).toBe(0);
  const theirs = await scim(
    'POST',
    '/Groups',
    { displayName: 'G', members: [{ value: user.id }] },
    { token: foreignToken },
  );
  expect(theirs.status).toBe(400);
  // A domain of somebody else makes nobody a member.
  expect((await scim('POST', '/Users', { userName: address() }, { token: foreignToken })).status).toBe(201);
  expect(
    (await owner.query('select from identity.membership where org_id = $1 and person_id is not null', [other.orgId]))
      .rows,
  ).toEqual([]);
  expect(await memberOf(email)).toBeDefined();

  expect((await platform.call('GET', '/v1/agents', undefined, { key: token })).status).toBe(403);
  expect((await platform.call('GET', '/v1/me', undefined, { key: token })).status).toBe(403);
  for (const wrong of [platform.key, 'gls_x', `${token}x`, token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))]) {
    const { status, body } = await scim('GET', '/Users', undefined, { token: wrong });
    expect([status, body]).toMatchObject([
      wrong === platform.key ? 403 : 401,
      { schemas: [expect.stringContaining('Error')] },
    ]);
  }
  const person = await signUpPerson(platform);
  expect((await person.call('GET', '/scim/v2/Users')).status).toBe(403);
  expect((await createClient(platform).call('GET', '/scim/v2/Users')).status).toBe(401);
});

test('a token is shown once, stored as a hash, rotated with an overlap and revoked at once', async () => {
  const made = await makeToken(other.key);
  const get = async (secret: string) => (await scim('GET', '/Users', undefined, { token: secret })).status;
  expect(made.secret).toMatch(/^gls_[\w-]{43}$/);
  const { rows } = await owner.query(`select t::text as text from identity.scim_token t where id = $1`, [made.id]);
  expect(rows[0]?.text).not.toContain(made.secret);
  const listed = await platform.call('GET', '/v1/organisation/scim-tokens', undefined, { key: other.key });
  expect(JSON.stringify(listed.body)).not.toContain(made.secret);

  const path = `/v1/organisation/scim-tokens/${made.id}`;
  const rotated = await platform.call<{ id: string; secret: string }>(
    'POST',
    `${path}/rotate`,
    { overlapSeconds: 3_600 },
    { key: other.key },
  );
  expect([rotated.status, await get(made.secret), await get(rotated.body.secret)]).toEqual([201, 200, 200]);
  expect((await platform.call('POST', `${path}/rotate`, {}, { key: other.key })).body).toMatchObject({
    code: 'scim.token-rotated',
  });
  expect((await platform.call('DELETE', path, undefined, { key: other.key })).status).toBe(204);
  expect([await get(made.secret), await get(rotated.body.secret)]).toEqual([401, 200]);
  const last = await platform.call<{ secret: string }>(
    'POST',
    `/v1/organisation/scim-tokens/${rotated.body.id}/rotate`,
    {},
    { key: other.key },
  );
  expect([await get(rotated.body.secret), await get(last.body.secret)]).toEqual([401, 200]);
  expect((await platform.call('DELETE', `/v1/organisation/scim-tokens/${rotated.body.id}`)).status).toBe(404);
});
