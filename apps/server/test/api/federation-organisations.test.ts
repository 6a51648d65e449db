/** Organisations' own identity providers and domains, through the interface alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient, signUpPerson } from '../harness/people.ts';
import { claim, colleague, comeIn, connected, connectionBody, fresh, verify } from './federation-connected.ts';
import { comeBack, federationGround, type Ground } from './federation-fixture.ts';
import { offer } from './members-fixture.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await federationGround();
}, 60_000);
afterAll(() => ground.close());
afterEach(() => {
  for (const one of [ground.idp, ground.github, ground.other]) one.bend = {};
});

interface Me {
  readonly id: string;
  readonly email: string;
  readonly role: string | null;
  readonly organisationId: string | null;
}
const meOf = async (browser: Client): Promise<Me> => (await browser.call<Me>('GET', '/v1/me')).body;

const rows = async (text: string, values: unknown[]): Promise<Record<string, unknown>[]> =>
  (await ground.owner.query(text, values)).rows;

describe('a domain', () => {
  it('is verified by the record that only its owner can publish, and by nothing else', async () => {
    const { platform } = ground;
    const ada = await signUpPerson(platform);
    const claimed = await claim(ada, '  Bücher.Example. ');
    expect(claimed).toMatchObject({
      domain: 'xn--bcher-kva.example',
      record: { type: 'TXT', name: '_guildhall.xn--bcher-kva.example' },
      verifiedAt: null,
    });
    expect((await verify(ada, claimed)).body.code).toBe('domains.not-verified');
    for (const value of [
      '',
      claimed.record.value.slice(0, -1),
      `x${claimed.record.value}`,
      claimed.record.value.toUpperCase(),
    ]) {
      platform.records.set(claimed.record.name, value);
      expect([value, (await verify(ada, claimed)).body.code]).toEqual([value, 'domains.not-verified']);
    }
    platform.records.set(claimed.record.name, claimed.record.value);
    expect((await verify(ada, claimed)).body.verifiedAt).toEqual(expect.any(String));
    const again = await ada.call('POST', '/v1/organisation/domains', { domain: 'bücher.example' });
    expect([again.status, again.body.code]).toEqual([409, 'domains.known']);
  });

  it('is of one organisation: many may claim it, the second that proves it is refused, and a released one is free', async () => {
    const { platform } = ground;
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const domain = `${fresh('shared')}.example`;
    const [one, two] = [await claim(ada, domain), await claim(eve, domain)];
    expect(one.record.value).not.toBe(two.record.value);
    platform.records.set(one.record.name, one.record.value);
    expect((await verify(eve, two)).body.code).toBe('domains.not-verified');
    expect((await verify(ada, one)).status).toBe(200);
    platform.records.set(two.record.name, two.record.value);
    expect([(await verify(eve, two)).status, (await verify(eve, two)).body.code]).toEqual([409, 'domains.taken']);
    expect((await ada.call('DELETE', `/v1/organisation/domains/${one.id}`)).status).toBe(204);
    expect((await verify(eve, two)).status).toBe(200);
  });

  it('cannot be what everybody shares, nor no domain at all', async () => {
    const ada = await signUpPerson(ground.platform);
    for (const domain of [
      'com',
      'co.uk',
      'github.io',
      'localhost',
      '127.0.0.1',
      'a b.example',
      'x@y.example',
      '..',
      'a..b',
      '-',
    ])
      expect([domain, (await ada.call('POST', '/v1/organisation/domains', { domain })).body.code]).toEqual([
        domain,
        'domains.invalid',
      ]);
  });
});

describe('a connection', () => {
  it('is tried when it is entered, says what is wrong, and is not enabled before it works', async () => {
    const ada = await signUpPerson(ground.platform);
    const enter = async (more: object) => {
      interface Entered {
        readonly id: string;
        readonly enabled: boolean;
        readonly lastCheck: { readonly ok: boolean; readonly message: string };
      }
      return (await ada.call<Entered>('POST', '/v1/organisation/sso/oidc', connectionBody(ground, more))).body;
    };
    const wrong = await enter({ clientSecret: 'a-wrong-secret-of-it' });
    expect(wrong).toMatchObject({ enabled: false, lastCheck: { ok: false } });
    expect(wrong.lastCheck.message).toMatch(/invalid_client|server responded with an error/);
    for (const issuer of ['http://127.0.0.1:1', 'http://169.254.169.254/', `${ground.other.issuer}/elsewhere`]) {
      const entered = await enter({ issuer });
      expect([issuer, entered.enabled, entered.lastCheck.ok]).toEqual([issuer, false, false]);
      expect(entered.lastCheck.message.length).toBeGreaterThan(10);
    }
    ground.other.bend.metadata = (honest) => ({ ...honest, issuer: ground.idp.issuer });
    expect((await enter({})).lastCheck).toMatchObject({
      ok: false,
      message: expect.stringMatching(/issuer/),
    });
    ground.other.bend = {};
    const mended = await ada.call('PUT', `/v1/organisation/sso/oidc/${wrong.id}`, {
      clientSecret: ground.other.clientSecret,
      enabled: true,
    });
    expect(mended.body).toMatchObject({ enabled: true, lastCheck: { ok: true } });
  });

  it('shows its secret to nobody, and seals it', async () => {
    const { owner, connectionId } = await connected(ground);
    const shown = JSON.stringify((await owner.call('GET', '/v1/organisation/sso/oidc')).body);
    expect(shown).toContain(connectionId);
    expect(shown).not.toContain(ground.other.clientSecret);
    const [row] = await rows('select c::text as text, sealed from identity.oidc_connection c where id = $1', [
      connectionId,
    ]);
    expect(row?.text).not.toContain(ground.other.clientSecret);
    expect(row?.text).not.toContain(Buffer.from(ground.other.clientSecret).toString('hex'));
  });

  it('is the organisation’s own: to others it is not there', async () => {
    const { connectionId } = await connected(ground);
    const eve = await signUpPerson(ground.platform);
    for (const [method, body] of [
      ['PUT', { name: 'Mine' }],
      ['DELETE', undefined],
    ] as const) {
      const answer = await eve.call(method, `/v1/organisation/sso/oidc/${connectionId}`, body);
      expect([method, answer.status, answer.body.code]).toEqual([method, 404, 'federation.connection-not-found']);
    }
    expect((await eve.call('GET', '/v1/organisation/sso/oidc')).body).toEqual({ data: [] });
  });
});

describe('sign-in through an organisation’s own provider', () => {
  it('makes a colleague a member in the default role, and their requests are for that organisation', async () => {
    const { owner, domain } = await connected(ground, { defaultRole: 'developer' });
    const email = colleague(ground, domain);
    const { browser, status } = await comeIn(ground, email);
    expect(status).toBe(303);
    expect(await meOf(browser)).toMatchObject({
      email,
      role: 'developer',
      organisationId: owner.orgId,
      isVerified: true,
    });
    const [session] = await rows('select method, active_org from identity.session where person_id = $1', [
      (await meOf(browser)).id,
    ]);
    expect(session).toEqual({ method: 'oidc', active_org: owner.orgId });
    expect(
      await rows(`select 1 from audit.event where org_id = $1 and action = 'member.join'`, [owner.orgId]),
    ).toHaveLength(1);
  });

  it('gives the role that the claim says, follows it when it changes, and never makes or unmakes an owner', async () => {
    const roles = { roleClaim: 'groups', roleByValue: { staff: 'viewer', chiefs: 'admin', purse: 'billing' } };
    const { owner, domain } = await connected(ground, roles);
    const email = colleague(ground, domain, { groups: ['staff', 'unknown'] });
    const { sub } = ground.other.person;
    const roleNow = async (more: object) => {
      ground.other.person = { sub, email, ...more };
      return (await meOf((await comeIn(ground, email)).browser)).role;
    };
    expect(await roleNow({ groups: ['staff', 'unknown'] })).toBe('viewer');
    expect(await roleNow({ groups: ['staff', 'chiefs'] })).toBe('admin');
    expect(await roleNow({ groups: 'purse' })).toBe('billing');
    for (const groups of [[], ['owner'], 'toString', ['__proto__'], { chiefs: true }, 7, null])
      expect([groups, await roleNow({ groups })]).toEqual([groups, 'billing']);
    ground.other.person = { sub: fresh('owner'), email: owner.email, groups: ['staff'] };
    expect((await meOf((await comeIn(ground, owner.email)).browser)).role).toBe('owner');
    const owns = await owner.call(
      'POST',
      '/v1/organisation/sso/oidc',
      connectionBody(ground, { defaultRole: 'owner' }),
    );
    expect(owns.status).toBe(422);
  });

  it('takes with a role what its member offered and could not offer any more', async () => {
    const roles = { roleClaim: 'groups', roleByValue: { staff: 'viewer', chiefs: 'admin' } };
    const { owner, domain } = await connected(ground, roles);
    const email = colleague(ground, domain, { groups: ['chiefs'] });
    const statusOf = await offer((await comeIn(ground, email)).browser, owner.orgId);
    await comeIn(ground, email);
    expect(await statusOf(owner)).toBe('open');
    ground.other.person = { ...ground.other.person, groups: ['staff'] };
    await comeIn(ground, email);
    expect(await statusOf(owner)).toBe('revoked');
  });

  it('AUTH-08: links who has an address at the verified domain, and nobody else’s', async () => {
    const { platform, other } = ground;
    const { domain, owner, connectionId } = await connected(ground);
    const before = await signUpPerson(platform, { email: `${fresh('before')}@${domain}` });
    other.person = { sub: fresh('sub'), email: before.email };
    const known = await comeIn(ground, before.email);
    expect((await meOf(known.browser)).id).toBe(before.personId);
    // The provider speaks for its own domain alone, whatever it says of others.
    const victim = await signUpPerson(platform);
    for (const email of [
      victim.email,
      `owner@${(await connected(ground)).domain}`,
      'new@elsewhere.example',
      undefined,
    ]) {
      other.person = { sub: fresh('sub'), email, email_verified: true };
      const browser = createClient(platform);
      const begun = await browser.call('POST', `/v1/auth/federation/${connectionId}`, {});
      const back = await comeBack(browser, await other.authorize(String(begun.body.url)));
      expect([email, back.code]).toEqual([email, 'federation.not-of-organisation']);
    }
    other.person = { sub: fresh('sub'), email: `${fresh('x')}@sub.${domain}` };
    const sub = createClient(platform);
    const begun = await sub.call('POST', `/v1/auth/federation/${connectionId}`, {});
    expect((await comeBack(sub, await other.authorize(String(begun.body.url)))).code).toBe(
      'federation.not-of-organisation',
    );
    expect(
      await rows('select 1 from identity.membership where org_id = $1 and person_id = $2', [
        owner.orgId,
        victim.personId,
      ]),
    ).toEqual([]);
  });

  it('AUTH-08: is for the addresses of a verified domain; a claimed or released one finds no way, and people make no difference', async () => {
    const { platform } = ground;
    const { domain, owner } = await connected(ground);
    const browser = createClient(platform);
    const asked = async (email: string) => {
      const { status, body } = await browser.call('POST', '/v1/auth/sso', { email });
      return [status, body.code ?? new URL(String(body.url)).origin];
    };
    expect(await asked(owner.email)).toEqual([200, ground.other.issuer]);
    expect(await asked(`nobody-there@${domain}`)).toEqual([200, ground.other.issuer]);
    const claimed = `${fresh('claimed')}.example`;
    await claim(owner, claimed);
    for (const email of [`a@${claimed}`, `a@sub.${domain}`, 'a@example.com', 'no address'])
      expect([email, await asked(email)]).toEqual([email, [404, 'federation.no-connection']]);
    const [verified] = (
      await owner.call<{ data: { id: string; verifiedAt: string | null }[] }>('GET', '/v1/organisation/domains')
    ).body.data.filter(({ verifiedAt }) => verifiedAt !== null);
    await owner.call('DELETE', `/v1/organisation/domains/${verified?.id}`);
    expect(await asked(owner.email)).toEqual([404, 'federation.no-connection']);
  });

  it('ends with the connection: a removed one lets nobody in, also who was on the way', async () => {
    const { owner, domain, connectionId } = await connected(ground);
    const email = colleague(ground, domain);
    const browser = createClient(ground.platform);
    const begun = await browser.call('POST', '/v1/auth/sso', { email });
    expect((await owner.call('DELETE', `/v1/organisation/sso/oidc/${connectionId}`)).status).toBe(204);
    const back = await comeBack(browser, await ground.other.authorize(String(begun.body.url)));
    expect(back.code).toBe('federation.unknown-provider');
  });
});
