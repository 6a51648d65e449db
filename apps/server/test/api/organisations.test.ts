/** The life of an organisation, through the interface. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mailsTo, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { asker, keeper } from './agents.ts';
import { asOwner, before, codeOf, staffed, until } from './members-fixture.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(asker, keeper) });
});
afterAll(() => platform.close());

const OWN = '/v1/me/organisations';
const NOT_FOUND = [404, 'organisations.not-found'];
interface Listed {
  readonly data: readonly { readonly id: string; readonly name: string; readonly deletedAt: string | null }[];
}

describe('a person', () => {
  it('makes further organisations, lists them, and chooses the one that a request or the session is for', async () => {
    const ada = await signUpPerson(platform, { organisation: 'First' });
    const made = await ada.call('POST', OWN, { name: 'Second' });
    expect(made).toMatchObject({ status: 201, body: { name: 'Second', role: 'owner', deletedAt: null } });
    const second = String(made.body.id);
    expect((await ada.call<Listed>('GET', OWN)).body.data.map(({ name }) => name)).toEqual(['First', 'Second']);
    const named = await ada.call('GET', '/v1/organisation', undefined, { organisation: second });
    expect(named.body).toMatchObject({ id: second, name: 'Second' });
    expect((await ada.call('GET', '/v1/organisation')).body.name).toBe('First');
    expect((await ada.call('PUT', '/v1/me/organisation', { organisationId: second })).status).toBe(204);
    await until('chosen', async () => (await ada.call('GET', '/v1/organisation')).body.name === 'Second');
    // Trial credit comes with a verified address, once.
    const balance = await ada.call('GET', '/v1/balance', undefined, { organisation: second });
    expect(balance.body).toMatchObject({ available: { nanos: '0' } });
  });

  it.each([
    ['of emoji and Arabic', '🏛️ نقابة الحرفيين', 201],
    ['of 100 characters', 'x'.repeat(100), 201],
    ['of 101 characters', 'x'.repeat(101), 422],
    ['of 10,000 characters', 'é'.repeat(10_000), 422],
    ['of spaces', '   ', 422],
    ['with a line break', 'a\r\nb', 422],
    ['that turns the direction of text', 'a\u202eb', 422],
    ['with a zero byte', 'a\u0000b', 422],
    ['that is markup', '<script>alert(1)</script>', 201],
  ])('gives an organisation a name %s, or is refused', async (_, name, status) => {
    const ada = await signUpPerson(platform, { organisation: null });
    const made = await ada.call('POST', OWN, { name });
    expect([made.status, made.status === 201 ? made.body.name : name]).toEqual([status, name]);
  });

  it('owns twenty organisations and no more', async () => {
    const ada = await signUpPerson(platform, { organisation: null });
    for (let n = 0; n < 20; n += 1) expect((await ada.call('POST', OWN, { name: `N${n}` })).status).toBe(201);
    expect(codeOf(await ada.call('POST', OWN, { name: 'N20' }))).toEqual([409, 'organisations.too-many']);
  });

  it('leaves, and has nothing to do there any more', async () => {
    const { orgId, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    expect((await viewer.call('POST', `${OWN}/${orgId}/leave`)).status).toBe(204);
    expect((await viewer.call('GET', '/v1/organisation', undefined, { organisation: orgId })).status).toBe(404);
    expect(codeOf(await viewer.call('POST', `${OWN}/${orgId}/leave`))).toEqual(NOT_FOUND);
    expect((await viewer.call<Listed>('GET', OWN)).body.data).toEqual([]);
  });

  it('gets one answer for organisations of others and those that are not there', async () => {
    const { owner } = await staffed(platform);
    const eve = await signUpPerson(platform);
    for (const id of [owner.orgId, `org_${'0'.repeat(26)}`])
      for (const [method, path, body] of [
        ['POST', `${OWN}/${id}/leave`],
        ['POST', `${OWN}/${id}/transfer`, { memberId: eve.memberId }],
        ['DELETE', `${OWN}/${id}`],
        ['POST', `${OWN}/${id}/restore`],
      ] as const)
        expect([path, codeOf(await eve.call(method, path, body))]).toEqual([path, NOT_FOUND]);
  });
});

describe('an owner', () => {
  it('renames the organisation; nobody else does', async () => {
    const { owner, hire } = await staffed(platform);
    const admin = await hire('admin');
    expect(codeOf(await admin.call('PUT', '/v1/organisation', { name: 'Mine' }))).toEqual([403, 'auth.missing-scope']);
    expect((await owner.call('PUT', '/v1/organisation', { name: 'Renamed' })).body).toMatchObject({ name: 'Renamed' });
    expect((await admin.call('GET', '/v1/organisation')).body.name).toBe('Renamed');
  });

  it('hands the organisation over to another person, and is an admin from then on', async () => {
    const { owner, orgId, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    const path = `${OWN}/${orgId}/transfer`;
    const robot = await owner.call('POST', '/v1/organisation/service-accounts', { name: 'Robot', role: 'admin' });
    expect(codeOf(await viewer.call('POST', path, { memberId: viewer.memberId }))).toEqual([
      403,
      'organisations.owners-only',
    ]);
    expect(codeOf(await owner.call('POST', path, { memberId: robot.body.id }))).toEqual([409, 'members.not-a-person']);
    expect(codeOf(await owner.call('POST', path, { memberId: 'mbr_nobody' }))).toEqual([404, 'members.not-found']);
    expect((await owner.call('POST', path, { memberId: viewer.memberId })).status).toBe(204);
    expect((await owner.call('GET', '/v1/me')).body.role).toBe('admin');
    await until('is owner', async () => (await viewer.call('GET', '/v1/me')).body.role === 'owner');
    expect((await owner.call('POST', `${OWN}/${orgId}/leave`)).status).toBe(204);
  });

  it('must have shown a factor lately to hand over, delete and bring back', async () => {
    const { owner, orgId } = await staffed(platform);
    await asOwner(
      platform,
      `update identity.session set authenticated_at = platform.now() - interval '11 minutes' where person_id = $1`,
      [owner.personId],
    );
    const stepUp = [401, 'auth.step-up-required'];
    await until('asked', async () => (await owner.call('DELETE', `${OWN}/${orgId}`)).status === 401);
    expect(codeOf(await owner.call('DELETE', `${OWN}/${orgId}`))).toEqual(stepUp);
    expect(codeOf(await owner.call('POST', `${OWN}/${orgId}/restore`))).toEqual(stepUp);
    expect(codeOf(await owner.call('POST', `${OWN}/${orgId}/transfer`, { memberId: 'x' }))).toEqual(stepUp);
  });
});

describe('a deleted organisation', () => {
  it('stops at once in every process: keys, sessions and runs; its owner brings it back as it was', async () => {
    const other = await platform.another('api');
    const { owner, orgId, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    const body = { name: 'K', scopes: ['runs:read', 'runs:write'], mode: 'live' };
    const key = String((await owner.call('POST', '/v1/keys', body)).body.secret);
    const keyStatus = async (url = platform.url) =>
      (await fetch(`${url}/v1/runs`, { headers: { authorization: `Bearer ${key}` } })).status;
    const run = await owner.call('POST', '/v1/agents/asker/runs', { input: {} });
    expect([run.status, await keyStatus(), await keyStatus(other.url)]).toEqual([202, 200, 200]);

    expect(codeOf(await viewer.call('DELETE', `${OWN}/${orgId}`))).toEqual([403, 'organisations.owners-only']);
    const deleted = await owner.call('DELETE', `${OWN}/${orgId}`);
    const grace = Date.parse(String(deleted.body.erasedAfter)) - Date.parse(String(deleted.body.deletedAt));
    expect([deleted.status, grace]).toEqual([200, 30 * 86_400_000]);
    expect((await mailsTo(platform, owner.email)).at(-1)?.subject).toContain('deleted');
    await until('stopped', async () => (await keyStatus()) === 401 && (await keyStatus(other.url)) === 401);
    await until('closed', async () => {
      const answer = await before(other.url ?? '', viewer).call('GET', '/v1/runs', undefined, { organisation: orgId });
      return answer.status === 404;
    });
    const status = `select status from runs.run where org_id = $1`;
    await until('ended', async () => (await asOwner(platform, status, [orgId]))[0]?.status === 'cancelled');
    // Nobody but an owner sees it any more.
    expect((await viewer.call<Listed>('GET', OWN)).body.data).toEqual([]);
    expect(codeOf(await viewer.call('POST', `${OWN}/${orgId}/restore`))).toEqual(NOT_FOUND);
    expect((await owner.call<Listed>('GET', OWN)).body.data).toMatchObject([
      { id: orgId, deletedAt: expect.any(String) },
    ]);
    expect(codeOf(await owner.call('DELETE', `${OWN}/${orgId}`))).toEqual(NOT_FOUND);

    expect((await owner.call('POST', `${OWN}/${orgId}/restore`)).status).toBe(204);
    await until('works', async () => (await keyStatus()) === 200 && (await keyStatus(other.url)) === 200);
    await until('open', async () => (await viewer.call('GET', '/v1/runs')).status === 200);
    expect(codeOf(await owner.call('POST', `${OWN}/${orgId}/restore`))).toEqual([409, 'organisations.not-deleted']);
  });

  it('is over after thirty days: nobody sees it any more, and nobody brings it back', async () => {
    const { owner, orgId, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    await owner.call('DELETE', `${OWN}/${orgId}`);
    const { identity, erasures } = platform.server.platform;
    expect(await identity.members.erase(erasures)).toBe(0);
    expect((await owner.call<Listed>('GET', OWN)).body.data).toHaveLength(1);
    const graceOver = `update identity.organisation set deleted_at = deleted_at - interval '31 days', erase_at = platform.now() where org_id = $1`;
    await asOwner(platform, graceOver, [orgId]);
    expect(codeOf(await owner.call('POST', `${OWN}/${orgId}/restore`))).toEqual(NOT_FOUND);
    // Not before all that ran has ended.
    await until('erased', async () => (await identity.members.erase(erasures)) === 1);
    expect(await identity.members.erase(erasures)).toBe(0);
    for (const person of [owner, viewer]) expect((await person.call<Listed>('GET', OWN)).body.data).toEqual([]);
    expect(codeOf(await owner.call('POST', `${OWN}/${orgId}/restore`))).toEqual(NOT_FOUND);
  });
});
