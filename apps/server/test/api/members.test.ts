/** Members, roles and service accounts, through the interface. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLE_SCOPES } from '../../src/modules/identity/index.ts';
import { sql } from '../../src/platform/db/index.ts';
import { signUpPerson } from '../harness/people.ts';
import { asAgents, type Reply, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { asOwner, before, codeOf, join, ROLES, type Staff, staffed, until } from './members-fixture.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper) });
});
afterAll(() => platform.close());

const MEMBERS = '/v1/organisation/members';
const keyBody = (...scopes: string[]) => ({ name: 'K', scopes, mode: 'live' });

describe('the members of an organisation', () => {
  it('are listed with name, address and role, in the order of joining, page by page', async () => {
    const { owner, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    const page = await owner.call('GET', `${MEMBERS}?limit=1`);
    expect(page.body).toMatchObject({
      data: [{ id: owner.memberId, type: 'person', name: 'Olga', email: owner.email, role: 'owner' }],
      nextCursor: owner.memberId,
    });
    const next = await owner.call('GET', `${MEMBERS}?limit=1&cursor=${owner.memberId}`);
    expect(next.body).toMatchObject({ data: [{ id: viewer.memberId, role: 'viewer' }], nextCursor: null });
    expect((await owner.call('GET', `${MEMBERS}/${viewer.memberId}`)).body).toMatchObject({ email: viewer.email });
  });

  it('of another organisation answer as missing ones, to be read, changed and removed', async () => {
    const [own, other] = [await staffed(platform), await staffed(platform)];
    for (const id of [other.owner.memberId, `mbr_${'0'.repeat(26)}`]) {
      for (const [method, body] of [['GET'], ['PUT', { role: 'viewer' }], ['DELETE']] as const)
        expect(codeOf(await own.owner.call(method, `${MEMBERS}/${id}`, body))).toEqual([404, 'members.not-found']);
    }
    const header = { organisation: other.orgId };
    expect((await own.owner.call('GET', MEMBERS, undefined, header)).status).toBe(404);
    expect((await other.owner.call('GET', '/v1/me')).body.role).toBe('owner');
  });

  it.each(ROLES)('have in the role of %s the rights of the table and no other', async (role) => {
    const { owner, hire } = await staffed(platform);
    const person = role === 'owner' ? owner : await hire(role);
    expect((await person.call('GET', '/v1/me')).body).toMatchObject({ role, scopes: ROLE_SCOPES[role] });
    for (const [path, scope] of [
      ['/v1/runs', 'runs:read'],
      ['/v1/balance', 'billing:read'],
      ['/v1/keys', 'keys:read'],
      [MEMBERS, 'members:read'],
      ['/v1/provider-keys', 'providers:read'],
    ] as const) {
      const answer = await person.call('GET', path);
      expect([path, answer.status]).toEqual([path, ROLE_SCOPES[role].includes(scope) ? 200 : 403]);
    }
  });
});

describe('a role', () => {
  it('is given, changed and taken by those alone who may do all of it themselves', async () => {
    const { owner, hire } = await staffed(platform);
    const admin = await hire('admin');
    const [viewer, secondOwner] = [await hire('viewer'), await hire('owner')];
    for (const role of ['developer', 'billing', 'viewer', 'admin'])
      expect((await admin.call('PUT', `${MEMBERS}/${viewer.memberId}`, { role })).status).toBe(200);
    const refused = [403, 'members.role-not-held'];
    expect(codeOf(await admin.call('PUT', `${MEMBERS}/${viewer.memberId}`, { role: 'owner' }))).toEqual(refused);
    expect(codeOf(await admin.call('PUT', `${MEMBERS}/${admin.memberId}`, { role: 'owner' }))).toEqual(refused);
    expect(codeOf(await admin.call('PUT', `${MEMBERS}/${secondOwner.memberId}`, { role: 'viewer' }))).toEqual(refused);
    expect(codeOf(await admin.call('DELETE', `${MEMBERS}/${secondOwner.memberId}`))).toEqual(refused);
    const invite = { role: 'owner', email: 'x@example.com' };
    expect(codeOf(await admin.call('POST', '/v1/organisation/invitations', invite))).toEqual(refused);
    const account = { role: 'owner', name: 'Robot' };
    expect(codeOf(await admin.call('POST', '/v1/organisation/service-accounts', account))).toEqual(refused);
    expect((await owner.call('PUT', `${MEMBERS}/${secondOwner.memberId}`, { role: 'viewer' })).status).toBe(200);
  });

  it('of the last owner cannot be lowered, nor can they be removed or leave', async () => {
    const { owner, orgId, hire } = await staffed(platform);
    await hire('admin');
    const refused = [409, 'members.last-owner'];
    expect(codeOf(await owner.call('PUT', `${MEMBERS}/${owner.memberId}`, { role: 'admin' }))).toEqual(refused);
    expect(codeOf(await owner.call('DELETE', `${MEMBERS}/${owner.memberId}`))).toEqual(refused);
    expect(codeOf(await owner.call('POST', `/v1/me/organisations/${orgId}/leave`))).toEqual(refused);
    expect((await owner.call('GET', '/v1/me')).body.role).toBe('owner');
    // A service account owns nothing.
    await owner.call('POST', '/v1/organisation/service-accounts', { name: 'Robot', role: 'owner' });
    expect(codeOf(await owner.call('POST', `/v1/me/organisations/${orgId}/leave`))).toEqual(refused);
  });

  it('of owner: of two who leave at once one stays, in two processes, every time', async () => {
    const other = await platform.another('api');
    for (let round = 0; round < 5; round += 1) {
      const { owner, orgId, hire } = await staffed(platform);
      const second = before(other.url ?? '', await hire('owner'));
      const leave = `/v1/me/organisations/${orgId}/leave`;
      const answers = await Promise.all([owner.call('POST', leave), second.call('POST', leave)]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409]);
      const left = await asOwner(
        platform,
        `select from identity.membership where org_id = $1 and role = 'owner' and ended_at is null`,
        [orgId],
      );
      expect(left).toHaveLength(1);
    }
  });

  it('of owner is kept by the database itself, whoever changes it: the second of two waits, and counts without the first', async () => {
    const { owner, hire } = await staffed(platform);
    const second = await hire('owner');
    const clients = [owner, second].map(() => new pg.Client({ connectionString: platform.database.ownerUrl }));
    // Two were made, a line above.
    const [one, two] = clients as [pg.Client, pg.Client];
    await Promise.all(clients.map((client) => client.connect()));
    try {
      const end = 'update identity.membership set ended_at = platform.now() where id = $1';
      for (const client of clients) await client.query('begin');
      await one.query(end, [owner.memberId]);
      const late = two.query(end, [second.memberId]).then(
        () => 'ended',
        (error: unknown) => String(error),
      );
      await one.query('commit');
      expect(await late).toContain('it keeps an owner');
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
    const role = `select role from identity.membership where id = $1 and ended_at is null`;
    expect(await asOwner(platform, role, [second.memberId])).toEqual([{ role: 'owner' }]);
  });

  it('TEN-07: taken in one process is taken in all within a second, from sessions and from keys that the member made', async () => {
    const other = await platform.another('api');
    const { owner, hire } = await staffed(platform);
    const admin = await hire('admin');
    const secret = String((await admin.call('POST', '/v1/keys', keyBody('keys:read', 'runs:read'))).body.secret);
    const elsewhere = before(other.url ?? '', admin);
    const withKey = (path: string) =>
      fetch(`${other.url}${path}`, { headers: { authorization: `Bearer ${secret}` } }).then(({ status }) => status);
    expect([(await elsewhere.call('GET', '/v1/keys')).status, await withKey('/v1/keys')]).toEqual([200, 200]);

    const demotedAt = performance.now();
    await owner.call('PUT', `${MEMBERS}/${admin.memberId}`, { role: 'viewer' });
    await until('refused', async () => (await elsewhere.call('GET', '/v1/keys')).status === 403);
    await until('refused', async () => (await withKey('/v1/keys')) === 403);
    // The announcement takes milliseconds; the bound leaves room for a busy machine.
    expect(performance.now() - demotedAt).toBeLessThan(5_000);
    expect(await withKey('/v1/runs')).toBe(200);
    expect((await admin.call('GET', '/v1/keys')).status).toBe(403);

    await owner.call('PUT', `${MEMBERS}/${admin.memberId}`, { role: 'admin' });
    await until('given back', async () => (await withKey('/v1/keys')) === 200);

    await owner.call('DELETE', `${MEMBERS}/${admin.memberId}`);
    await until('ended', async () => (await withKey('/v1/runs')) === 401);
    await until('ended', async () => (await elsewhere.call('GET', '/v1/runs')).status === 403);
    expect((await admin.call('GET', '/v1/me')).body).toMatchObject({ memberships: [], scopes: [] });
  });

  it('taken while its owner is acting counts for what they began before', async () => {
    const { owner, orgId, hire } = await staffed(platform);
    const admin = await hire('admin');
    const victim = await hire('viewer');
    let acting: Promise<Reply> | undefined;
    await platform.db.tenant(orgId, async (tx) => {
      await sql`select from identity.organisation for no key update`.execute(tx);
      acting = admin.call('DELETE', `${MEMBERS}/${victim.memberId}`);
      await until('waits for the lock', async () => {
        const waiting = await asOwner(
          platform,
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return waiting.length > 0;
      });
      await sql`update identity.membership set role = 'viewer' where id = ${admin.memberId}`.execute(tx);
    });
    expect(codeOf((await acting) ?? { status: 0, body: {} })).toEqual([403, 'members.not-allowed']);
    expect((await owner.call('GET', `${MEMBERS}/${victim.memberId}`)).status).toBe(200);
  });
});

describe('keys of members', () => {
  it('that a key of a member made end with that member too', async () => {
    const { owner, hire } = await staffed(platform);
    const admin = await hire('admin');
    const first = String((await admin.call('POST', '/v1/keys', keyBody('keys:write', 'runs:read'))).body.secret);
    const made = await platform.call('POST', '/v1/keys', keyBody('runs:read'), { key: first });
    const second = String(made.body.secret);
    expect((await platform.call('GET', '/v1/runs', undefined, { key: second })).status).toBe(200);
    await owner.call('DELETE', `${MEMBERS}/${admin.memberId}`);
    await until(
      'ended',
      async () => (await platform.call('GET', '/v1/runs', undefined, { key: second })).status === 401,
    );
  });

  it('of a disabled person stop, and work again when that is lifted', async () => {
    const ada = await signUpPerson(platform);
    const key = String((await ada.call('POST', '/v1/keys', keyBody('runs:read'))).body.secret);
    const status = async () => (await platform.call('GET', '/v1/runs', undefined, { key })).status;
    expect(await status()).toBe(200);
    const disable = (at: string) =>
      asOwner(platform, `update identity.person set disabled_at = ${at} where person_id = $1`, [ada.personId]);
    await disable('platform.now()');
    await until('stopped', async () => (await status()) === 401);
    await disable('null');
    await until('works', async () => (await status()) === 200);
  });
});

describe('a service account', () => {
  let staff: Staff;
  beforeAll(async () => {
    staff = await staffed(platform);
  });

  it('has keys that outlive whoever made them, do no more than its role, and end with it', async () => {
    const { owner, hire } = staff;
    const admin = await hire('admin');
    const made = await admin.call('POST', '/v1/organisation/service-accounts', { name: 'Nightly', role: 'developer' });
    expect(made).toMatchObject({ status: 201, body: { type: 'service-account', name: 'Nightly', email: null } });
    const path = `/v1/organisation/service-accounts/${String(made.body.id)}/keys`;
    const beyond = await admin.call('POST', path, keyBody('runs:read', 'members:write'));
    expect(codeOf(beyond)).toEqual([403, 'keys.scope-not-held']);
    expect(beyond.body.errors).toMatchObject([{ path: '/scopes/1' }]);
    const key = String((await admin.call('POST', path, keyBody('runs:read', 'keys:read'))).body.secret);
    await owner.call('DELETE', `${MEMBERS}/${admin.memberId}`);
    const status = async (path: string) => (await platform.call('GET', path, undefined, { key })).status;
    expect([await status('/v1/runs'), await status('/v1/keys')]).toEqual([200, 200]);
    await owner.call('PUT', `${MEMBERS}/${String(made.body.id)}`, { role: 'viewer' });
    await until('clipped', async () => (await status('/v1/keys')) === 403);
    await owner.call('DELETE', `${MEMBERS}/${String(made.body.id)}`);
    await until('ended', async () => (await status('/v1/runs')) === 401);
  });

  it('keeps its key as its own when somebody rotates it', async () => {
    const { owner } = staff;
    const made = await owner.call('POST', '/v1/organisation/service-accounts', { name: 'Robot', role: 'viewer' });
    const path = `/v1/organisation/service-accounts/${String(made.body.id)}/keys`;
    const old = await owner.call('POST', path, keyBody('runs:read'));
    const rotated = await owner.call('POST', `/v1/keys/${String(old.body.id)}/rotate`, { overlapSeconds: 0 });
    const rows = await asOwner(platform, 'select member_id from identity.api_key where id = $1', [rotated.body.id]);
    expect(rows).toEqual([{ member_id: made.body.id }]);
  });

  it('is the only one that others make keys for', async () => {
    const { owner, hire } = staff;
    const viewer = await hire('viewer');
    const path = `/v1/organisation/service-accounts/${viewer.memberId}/keys`;
    expect(codeOf(await owner.call('POST', path, keyBody('runs:read')))).toEqual([
      409,
      'members.not-a-service-account',
    ]);
  });
});

it('TEN-06: no body of members, invitations and organisations takes what is not the caller’s to set', async () => {
  const { owner, orgId, hire } = await staffed(platform);
  const viewer = await hire('viewer');
  const privileged =
    'id orgId org_id personId person_id memberId createdBy created_by createdAt endedAt ended_at uses scopes operator isOperator tokenHash token_hash revokedAt deletedAt erasedAfter eraseAt status price credits balance limit permissions tenantId verified isAdmin owner secret'.split(
      ' ',
    );
  expect(privileged.length).toBeGreaterThanOrEqual(30);
  const bodies: [string, string, Record<string, unknown>][] = [
    ['PUT', '/v1/organisation', { name: 'N' }],
    ['PUT', `${MEMBERS}/${viewer.memberId}`, { role: 'viewer' }],
    ['POST', '/v1/organisation/service-accounts', { name: 'N', role: 'viewer' }],
    ['POST', '/v1/organisation/invitations', { role: 'viewer' }],
    ['POST', '/v1/me/organisations', { name: 'N' }],
    ['POST', `/v1/me/organisations/${orgId}/transfer`, { memberId: viewer.memberId }],
    ['POST', '/v1/me/invitations/accept', { token: 'x' }],
    ['POST', '/v1/auth/invitation', { token: 'x' }],
  ];
  const tables =
    'select (select count(*) from identity.membership)::int m, (select count(*) from identity.invitation)::int i, (select count(*) from identity.organisation)::int o';
  const counted = await asOwner(platform, tables);
  for (const [method, path, body] of bodies)
    for (const name of privileged.filter((name) => !(name in body))) {
      const answer = await owner.call(method, path, { ...body, [name]: 'x' });
      expect([method, path, name, answer.status]).toEqual([method, path, name, 422]);
    }
  expect(await asOwner(platform, tables)).toEqual(counted);
});

it('a person who is in no organisation reaches none', async () => {
  const { owner } = await staffed(platform);
  const nobody = await signUpPerson(platform, { organisation: null });
  expect((await nobody.call('GET', MEMBERS)).status).toBe(403);
  expect((await nobody.call('GET', MEMBERS, undefined, { organisation: owner.orgId })).status).toBe(404);
  expect(await join(platform, owner, nobody, 'viewer')).toMatch(/^mbr_/);
  expect((await nobody.call('GET', MEMBERS)).status).toBe(200);
});
