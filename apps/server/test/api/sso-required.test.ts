/** Organisations that ask for their own identity provider: at sign-in, and of the sessions that are open then. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient, lastLink, signUpPerson, type TestPerson } from '../harness/people.ts';
import type { TestPlatform } from '../harness/platform.ts';
import { addApp } from './factors-fixture.ts';
import { comeIn, connected, fresh, own } from './federation-connected.ts';
import { comeBack, federationGround, type Ground, signInThrough } from './federation-fixture.ts';
import { asOwner, before, codeOf, join } from './members-fixture.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await federationGround();
}, 60_000);
afterAll(() => ground.close());
afterEach(() => {
  for (const one of [ground.idp, ground.github, ground.other]) one.bend = {};
});

const require = (one: Client, required: boolean) => one.call('PUT', '/v1/organisation/sso', { required });
/** Somebody with an address at the domain, signed in by password, and a member by having come in once. */
async function insider(domain: string): Promise<TestPerson> {
  const { platform, other } = ground;
  const person = await signUpPerson(platform, { email: `${fresh('insider')}@${domain}` });
  other.person = { sub: fresh('sub'), email: person.email };
  expect((await comeIn(ground, person.email)).status).toBe(303);
  return person;
}
/** The same person by an access token that was made from their session. */
async function byToken(person: Client, organisation: string): Promise<Client> {
  const { platform } = ground;
  const made = await person.call('POST', '/v1/auth/tokens', undefined, { organisation });
  const key = String(made.body.accessToken);
  return { ...createClient(platform), call: (method, path, body) => platform.call(method, path, body, { key }) };
}
const SSO = 'federation.sso-required';
/** Why somebody was not let in, by their own trail; undefined for a wrong password. */
const refusalsOf = async (platform: TestPlatform, { personId }: TestPerson) =>
  (
    await asOwner<{ data: { reason?: string } | null }>(
      platform,
      `select data from audit.event where org_id = $1 and action = 'session.refuse' order by seq`,
      [personId],
    )
  ).map(({ data }) => data?.reason);
const CLOSED = [403, 'federation.sso-required'];
const OPEN = [200, undefined];

/** What the organisation answers; once what a process remembered of the session is gone, long before it would have looked again by itself. */
const untilIt = (who: Client, organisation: string, answers: readonly unknown[]) =>
  expect
    .poll(async () => codeOf(await who.call('GET', '/v1/agents', undefined, { organisation })), {
      timeout: 5_000,
    })
    .toEqual(answers);

describe('at sign-in', () => {
  it('an organisation cannot ask before anybody could come in', async () => {
    const ada = await signUpPerson(ground.platform);
    const answer = await require(ada, true);
    expect([answer.status, answer.body.code]).toEqual([409, 'federation.no-way-in']);
    expect((await ada.call('GET', '/v1/organisation/sso')).body).toEqual({ required: false });
  });

  it('there is no other way in for the people of its domains: no password, no link in a mail, no other provider', async () => {
    const { platform, idp, other } = ground;
    const { owner, domain } = await connected(ground);
    await addApp(owner);
    const ada = await signUpPerson(platform, { email: `${fresh('ada')}@${domain}` });
    idp.person = { sub: fresh('sub'), email: `${fresh('social')}@example.com`, email_verified: true };
    const linked = await ada.call('POST', '/v1/me/identity-links', { provider: 'oidc' });
    await comeBack(ada, await idp.authorize(String(linked.body.url)));
    expect((await signInThrough(ground, idp)).status).toBe(303);
    expect((await require(owner, true)).body).toEqual({ required: true });
    const browser = createClient(platform);
    const byPassword = await browser.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password });
    expect([byPassword.status, byPassword.body.code]).toEqual([403, 'federation.sso-required']);
    // Who does not know the password learns nothing of it.
    const guess = await browser.call('POST', '/v1/auth/sign-in', { email: ada.email, password: 'a guess of somebody' });
    expect(guess.body.code).toBe('sessions.refused');
    await browser.call('POST', '/v1/auth/magic-link', { email: ada.email });
    const byLink = await browser.call('POST', '/v1/auth/magic-link/confirm', {
      token: await lastLink(platform, ada.email),
    });
    expect(byLink.body.code).toBe('federation.sso-required');
    expect((await signInThrough(ground, idp)).code).toBe('federation.sso-required');
    expect(browser.cookies.has('__Host-guildhall')).toBe(false);
    expect(await refusalsOf(platform, ada)).toEqual([SSO, undefined, SSO, SSO]);
    other.person = { sub: fresh('sub'), email: ada.email };
    expect((await comeIn(ground, ada.email)).status).toBe(303);
    expect((await require(owner, false)).status).toBe(200);
    expect((await browser.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password })).status).toBe(
      200,
    );
  });

  it('nobody leaves it by another address, but for one at its domains: not with a link from before, either', async () => {
    const { platform } = ground;
    const { owner, domain } = await connected(ground);
    await addApp(owner);
    const ada = await signUpPerson(platform, { email: `${fresh('ada')}@${domain}` });
    const elsewhere = `${fresh('ada')}@example.com`;
    expect((await ada.call('PUT', '/v1/me/email', { email: elsewhere })).status).toBe(202);
    const link = await lastLink(platform, elsewhere);
    expect((await require(owner, true)).status).toBe(200);
    const again = await ada.call('PUT', '/v1/me/email', { email: elsewhere });
    expect([again.status, again.body.code]).toEqual([403, 'federation.address-held']);
    const late = await ada.call('POST', '/v1/auth/email/confirm', { token: link });
    expect([late.status, late.body.code]).toEqual([403, 'federation.address-held']);
    expect((await ada.call('GET', '/v1/me')).body.email).toBe(ada.email);
    const other = `${fresh('ada')}@${domain}`;
    expect((await ada.call('PUT', '/v1/me/email', { email: other })).status).toBe(202);
    const confirmed = await ada.call('POST', '/v1/auth/email/confirm', { token: await lastLink(platform, other) });
    expect(confirmed.status).toBe(204);
  });

  it('owners keep a way: password and second factor, which the audit trail tells of', async () => {
    const { platform } = ground;
    const { owner } = await connected(ground);
    const { factorId } = await addApp(owner);
    expect((await require(owner, true)).status).toBe(200);
    const signIn = () =>
      createClient(platform).call('POST', '/v1/auth/sign-in', { email: owner.email, password: owner.password });
    expect((await signIn()).body).toMatchObject({ status: 'second-factor-required' });
    const told = await asOwner(
      platform,
      `select actor_id from audit.event where org_id = $1 and action = 'sso.break-glass'`,
      [owner.orgId],
    );
    expect(told).toEqual([{ actor_id: owner.personId }]);
    expect((await owner.call('DELETE', `/v1/me/factors/${factorId}`)).status).toBe(204);
    expect((await signIn()).body.code).toBe('federation.sso-required');
  });
});

describe('open sessions', () => {
  it('are closed to the organisation at once, in every process, but those that came through it and owners’ with a second factor', async () => {
    const { platform } = ground;
    const { owner, domain } = await connected(ground);
    const { orgId } = owner;
    await addApp(owner);
    const ada = await insider(domain);
    const { browser: through } = await comeIn(ground, ada.email);
    const guest = await signUpPerson(platform);
    await join(platform, owner, guest, 'viewer');
    const second = await platform.another('api');
    const elsewhere = before(second.url ?? '', ada);
    const outside = [ada, elsewhere, await byToken(ada, orgId)];
    const inside = [through, await byToken(through, orgId), before(second.url ?? '', through), guest, owner];
    for (const who of [...outside, ...inside]) await untilIt(who, orgId, OPEN);

    expect((await require(owner, true)).status).toBe(200);
    for (const who of outside) await untilIt(who, orgId, CLOSED);
    for (const who of inside) await untilIt(who, orgId, OPEN);
    // Theirs stays theirs.
    expect((await ada.call('GET', '/v1/me')).status).toBe(200);
    await untilIt(ada, ada.orgId, OPEN);

    expect((await require(owner, false)).status).toBe(200);
    for (const who of outside) await untilIt(who, orgId, OPEN);
  }, 60_000);

  it('are open again for who comes through the connection, also by a second factor, and the requests are for the organisation', async () => {
    const { platform } = ground;
    const { owner, domain } = await connected(ground);
    await addApp(owner);
    const ada = await insider(domain);
    const app = await addApp(ada);
    expect((await require(owner, true)).status).toBe(200);
    await untilIt(ada, owner.orgId, CLOSED);
    const { browser, location } = await comeIn(ground, ada.email, createClient(platform));
    const challenge = /#challenge=(.+)$/.exec(location ?? '')?.[1];
    const proven = await browser.call('POST', '/v1/auth/second-factor', { challenge, code: app.code() });
    expect(proven.status).toBe(200);
    expect((await browser.call('GET', '/v1/me')).body.organisationId).toBe(owner.orgId);
    await untilIt(browser, owner.orgId, OPEN);
    await untilIt(ada, owner.orgId, CLOSED);
  });

  it('are judged by the domains that are verified now', async () => {
    const { owner, domain } = await connected(ground);
    await addApp(owner);
    const further = `${fresh('further')}.example`;
    const ben = await signUpPerson(ground.platform, { email: `ben@${further}` });
    await join(ground.platform, owner, ben, 'viewer');
    expect((await require(owner, true)).status).toBe(200);
    await untilIt(ben, owner.orgId, OPEN);
    const { id } = await own(ground, owner, further);
    await untilIt(ben, owner.orgId, CLOSED);
    expect((await owner.call('DELETE', `/v1/organisation/domains/${id}`)).status).toBe(204);
    await untilIt(ben, owner.orgId, OPEN);
    expect(domain).not.toBe(further);
  });

  it('of who asks must be among those that stay open', async () => {
    const { owner } = await connected(ground);
    expect(codeOf(await require(owner, true))).toEqual([409, 'federation.outside']);
    expect((await owner.call('GET', '/v1/organisation/sso')).body).toEqual({ required: false });
    ground.other.person = { sub: fresh('sub'), email: owner.email };
    const { browser } = await comeIn(ground, owner.email);
    await browser.call('POST', '/v1/auth/step-up', { password: owner.password });
    expect((await require(browser, true)).body).toEqual({ required: true });
    await untilIt(owner, owner.orgId, CLOSED);
    await untilIt(browser, owner.orgId, OPEN);
  });
});
