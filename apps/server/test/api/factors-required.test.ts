/** Organisations that are open only to members with a second factor. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { addApp } from './factors-fixture.ts';
import { asOwner, before, codeOf, staffed } from './members-fixture.ts';
import { isOfDirectories, isOfPeople, nameOf } from './world.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper), role: 'api' });
});
afterAll(() => platform.close());

const REQUIRED = [403, 'auth.second-factor-required'];
const setRule = (person: TestPerson, isRequired: boolean) =>
  person.call('PUT', '/v1/organisation/second-factor', { isRequired }, { organisation: person.orgId });
/** In the organisation, once what the process remembers is gone. */
const untilCode = (person: TestPerson, code: string | undefined) =>
  expect
    .poll(
      async () =>
        codeOf(
          await person.call('GET', '/v1/organisation/second-factor', undefined, { organisation: person.orgId }),
        )[1],
      { timeout: 5_000 },
    )
    .toBe(code);

describe('an organisation that asks for a second factor', () => {
  it('is closed on every route to a member without one, in every process, and says what to do', async () => {
    const { owner, hire } = await staffed(platform);
    const [admin, viewer] = [await hire('admin'), await hire('viewer')];
    const other = await platform.another('api');
    await addApp(owner);
    expect((await setRule(owner, true)).body).toEqual({ isRequired: true });
    await untilCode(admin, 'auth.second-factor-required');
    const routes = platform.server.routes.filter(
      (route) => route.scope !== 'public' && !isOfPeople(route) && !isOfDirectories(route),
    );
    expect(routes.length).toBeGreaterThan(40);
    const there = before(other.url ?? '', admin);
    await expect
      .poll(
        async () =>
          (await there.call('GET', '/v1/organisation/second-factor', undefined, { organisation: owner.orgId })).status,
        { timeout: 5_000 },
      )
      .toBe(403);
    for (const who of [admin, viewer, there])
      for (const route of routes) {
        const path = route.path.replaceAll(/\{\w+\}/g, 'x');
        const answer = await who.call<{ code?: string; error?: { code: string } }>(route.method, path, undefined, {
          organisation: owner.orgId,
        });
        const code = answer.body?.code ?? answer.body?.error?.code;
        expect([nameOf(route), answer.status, code]).toEqual([nameOf(route), ...REQUIRED]);
      }
    const refused = await admin.call('GET', '/v1/keys', undefined, { organisation: owner.orgId });
    expect(JSON.stringify(refused.body)).toContain('POST /v1/me/factors/totp');
    // Their own account stays open to them, and with a factor the organisation is open within a moment.
    expect((await admin.call('GET', '/v1/me')).status).toBe(200);
    await addApp(admin);
    await untilCode(admin, undefined);
    await untilCode(viewer, 'auth.second-factor-required');
  });

  it('closes when the last factor is removed, and opens when it asks no more', async () => {
    const { owner, hire } = await staffed(platform);
    const admin = await hire('admin');
    await addApp(owner);
    await setRule(owner, true);
    const { factorId } = await addApp(admin);
    await untilCode(admin, undefined);
    expect((await admin.call('DELETE', `/v1/me/factors/${factorId}`)).status).toBe(204);
    await untilCode(admin, 'auth.second-factor-required');
    expect((await setRule(owner, false)).status).toBe(200);
    await untilCode(admin, undefined);
  });

  it('is closed for itself alone: other organisations of the person, and keys, go on', async () => {
    const { owner, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    const mine = (await viewer.call<{ id: string }>('POST', '/v1/me/organisations', { name: 'Mine' })).body;
    const made = await owner.call<{ secret: string }>(
      'POST',
      '/v1/keys',
      { name: 'K', scopes: ['keys:read'], mode: 'live' },
      { organisation: owner.orgId },
    );
    await addApp(owner);
    await setRule(owner, true);
    await untilCode(viewer, 'auth.second-factor-required');
    const own = (await viewer.call<{ memberships: { organisation: { id: string } }[] }>('GET', '/v1/me')).body;
    const others = own.memberships.map(({ organisation }) => organisation.id).filter((id) => id !== owner.orgId);
    expect(others.length).toBeGreaterThan(0);
    expect(mine).toBeDefined();
    for (const organisation of others)
      expect((await viewer.call('GET', '/v1/keys', undefined, { organisation })).status).toBe(200);
    expect((await platform.call('GET', '/v1/keys', undefined, { key: made.body.secret })).status).toBe(200);
  });
});

describe('the rule', () => {
  it('is set by owners and admins who have a factor themselves, and each change is in the trail', async () => {
    const { owner, hire } = await staffed(platform);
    const [admin, developer, billing, viewer] = [
      await hire('admin'),
      await hire('developer'),
      await hire('billing'),
      await hire('viewer'),
    ];
    for (const person of [developer, billing, viewer])
      expect(codeOf(await setRule(person, true))).toEqual([403, 'auth.missing-scope']);
    for (const person of [owner, admin]) {
      expect(codeOf(await setRule(person, true))).toEqual([409, 'factors.none']);
      await addApp(person);
      const answer = await setRule(person, true);
      expect(answer.body).toEqual({ isRequired: true });
      const rows = await asOwner(
        platform,
        'select org_id, actor_id, action, data from audit.event where request_id = $1',
        [answer.headers.get('x-request-id')],
      );
      expect(rows).toMatchObject([
        {
          org_id: owner.orgId,
          actor_id: person.memberId,
          action: 'organisation.put-second-factor',
          data: { isRequired: true },
        },
      ]);
      expect((await setRule(person, false)).body).toEqual({ isRequired: false });
    }
  });
});
