/** Somebody who lost every factor, and the operator who helps: through the interface and the command line. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../harness/command-line.ts';
import { createClient, lastLink, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { addApp, addPasskey } from './factors-fixture.ts';
import { asOwner, codeOf, staffed } from './members-fixture.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
});
afterAll(() => platform.close());

const SUBJECT = 'Your second factors were removed';
const reset = (email: string, key?: string) =>
  platform.call('POST', '/v1/operator/factor-resets', { email }, key === undefined ? {} : { key });
const trailOf = (person: TestPerson) =>
  asOwner(
    platform,
    `select actor_type, action, target_id, data from audit.event where org_id = $1 and action = 'person.reset-factors'`,
    [person.personId],
  );
const signIn = (person: TestPerson, password = person.password) =>
  createClient(platform).call('POST', '/v1/auth/sign-in', { email: person.email, password });
const told = async (person: TestPerson) => (await mailsTo(platform, person.email)).map(({ subject }) => subject);

describe('a person who lost every factor', () => {
  it('has none after the command of the operator: sessions end, a mail and the trail say so, the password lets them in', async () => {
    const ada = await signUpPerson(platform);
    const { recoveryCodes } = await addApp(ada);
    await addPasskey(platform, ada);
    const asked = await signIn(ada);
    expect(asked.body.status).toBe('second-factor-required');
    const done = await runCommand(platform, ['people', 'reset-factors', ada.email.toUpperCase()]);
    expect([done.code, done.noted]).toEqual([0, '']);
    expect(done.printed).toContain('factors removed 2, sessions ended 1');
    await expect.poll(async () => (await ada.call('GET', '/v1/me')).status, { timeout: 5_000 }).toBe(401);
    expect(await told(ada)).toContain(SUBJECT);
    expect(await trailOf(ada)).toEqual([
      {
        actor_type: 'operator',
        action: 'person.reset-factors',
        target_id: ada.personId,
        data: { factorsRemoved: 2, sessionsEnded: 1, isPasswordRemoved: false },
      },
    ]);
    const late = { challenge: asked.body.challenge, recoveryCode: recoveryCodes[0] };
    expect((await createClient(platform).call('POST', '/v1/auth/second-factor', late)).status).toBe(401);
    expect((await signIn(ada)).body.status).toBe('signed-in');
  });

  it('stays outside of an organisation that asks for a factor until there is a new one', async () => {
    const { owner, hire } = await staffed(platform);
    await addApp(owner);
    const admin = await hire('admin');
    await addApp(admin);
    const organisation = owner.orgId;
    const rule = '/v1/organisation/second-factor';
    expect((await owner.call('PUT', rule, { isRequired: true }, { organisation })).status).toBe(200);
    expect((await reset(admin.email)).status).toBe(200);
    const again = createClient(platform);
    await again.call('POST', '/v1/auth/sign-in', { email: admin.email, password: admin.password });
    expect(codeOf(await again.call('GET', rule, undefined, { organisation }))).toEqual([
      403,
      'auth.second-factor-required',
    ]);
    await addApp(again);
    await expect
      .poll(async () => (await again.call('GET', rule, undefined, { organisation })).status, { timeout: 5_000 })
      .toBe(200);
  });

  it('loses a password that is long enough only beside a factor, and sets another one by mail', async () => {
    const ada = await signUpPerson(platform);
    await addApp(ada);
    expect((await ada.call('PUT', '/v1/me/password', { password: 'kx8#qvzt' })).status).toBe(204);
    expect((await signIn(ada, 'kx8#qvzt')).body.status).toBe('second-factor-required');
    expect((await reset(ada.email)).body).toMatchObject({ factorsRemoved: 1, isPasswordRemoved: true });
    expect(codeOf(await signIn(ada, 'kx8#qvzt'))).toEqual([401, 'sessions.refused']);
    const stranger = createClient(platform);
    await stranger.call('POST', '/v1/auth/reset', { email: ada.email });
    const [token, password] = [await lastLink(platform, ada.email), 'other words nobody has said'];
    expect((await stranger.call('POST', '/v1/auth/reset/confirm', { token, password })).status).toBe(204);
    expect((await signIn(ada, password)).body.status).toBe('signed-in');
  });
});

describe('the reset', () => {
  it('leaves alone who has no factor, and says so; an address that nobody has is missing', async () => {
    const ada = await signUpPerson(platform);
    const done = await runCommand(platform, ['people', 'reset-factors', ada.email]);
    expect(done.printed).toContain('has no second factor; nothing was changed');
    expect((await ada.call('GET', '/v1/me')).status).toBe(200);
    expect(await told(ada)).not.toContain(SUBJECT);
    expect(await trailOf(ada)).toMatchObject([{ data: { factorsRemoved: 0 } }]);
    expect(codeOf(await reset('nobody@example.com'))).toEqual([404, 'people.not-found']);
    expect((await runCommand(platform, ['people', 'reset-factors', 'nobody@example.com'])).code).toBe(4);
  });

  it('is for operators alone: not for owners, not for the person, not for a test key', async () => {
    const { owner, hire } = await staffed(platform);
    const viewer = await hire('viewer');
    await addApp(viewer);
    const body = { email: viewer.email };
    for (const person of [owner, viewer])
      expect(codeOf(await person.call('POST', '/v1/operator/factor-resets', body))).toEqual([
        403,
        'auth.missing-scope',
      ]);
    const make = (mode: string, scopes: string[]) =>
      platform.call<{ secret: string }>('POST', '/v1/keys', { name: 'K', mode, scopes });
    const test = (await make('test', ['operator'])).body.secret;
    const other = (await make('live', ['members:write'])).body.secret;
    expect((await reset(viewer.email, test)).status).toBe(403);
    expect((await reset(viewer.email, other)).status).toBe(403);
    expect((await viewer.call<{ data: unknown[] }>('GET', '/v1/me/factors')).body.data).toHaveLength(1);
    expect(await trailOf(viewer)).toEqual([]);
  });
});
