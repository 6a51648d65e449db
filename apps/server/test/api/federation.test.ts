/** Signing in with an account elsewhere, through the interface alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient, mailsTo, signUpPerson } from '../harness/people.ts';
import { comeBack, depart, federationGround, type Ground, signInThrough } from './federation-fixture.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await federationGround();
}, 60_000);
afterAll(() => ground.close());
afterEach(() => {
  for (const one of [ground.idp, ground.github, ground.other]) one.bend = {};
});

let counter = 0;
/** Somebody with an account at the provider. */
const somebody = (more: object = {}) => {
  counter += 1;
  return {
    sub: `sub-${counter}`,
    email: `somebody-${counter}@example.com`,
    email_verified: true,
    name: 'Some Body',
    ...more,
  };
};

const rowsOf = async (text: string, values: unknown[]): Promise<Record<string, unknown>[]> =>
  (await ground.owner.query(text, values)).rows;

describe('somebody new', () => {
  it('comes in with an account elsewhere, verified and without a password, and is the same person the next time', async () => {
    const { platform, idp } = ground;
    idp.person = somebody();
    const first = await signInThrough(ground, idp);
    expect(first).toMatchObject({ status: 303, location: `${platform.url}/` });
    const me = (await first.browser.call('GET', '/v1/me')).body;
    expect(me).toMatchObject({ email: idp.person.email, name: 'Some Body', isVerified: true, hasPassword: false });
    // Another address there makes nobody else of them.
    idp.person = { ...idp.person, email: 'moved@example.com' };
    const second = await signInThrough(ground, idp);
    expect((await second.browser.call('GET', '/v1/me')).body).toMatchObject({ id: me.id, email: me.email });
    const sessions = (await second.browser.call<{ data: { method: string }[] }>('GET', '/v1/me/sessions')).body.data;
    expect(sessions.map(({ method }) => method)).toEqual(['oidc', 'oidc']);
    const actions = await rowsOf('select action from audit.event where org_id = $1 order by seq', [me.id]);
    expect(actions.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['person.sign-up', 'identity-link.create', 'session.begin']),
    );
  });

  it('comes in with GitHub by the number of their account and its verified primary address', async () => {
    const { github } = ground;
    counter += 1;
    github.person = { id: 1_000 + counter, login: 'octo', name: null };
    github.emails = [
      { email: 'old@example.com', primary: false, verified: true },
      { email: `octo-${counter}@example.com`, primary: true, verified: true },
    ];
    const { browser, status } = await signInThrough(ground, github, 'github');
    expect(status).toBe(303);
    const me = (await browser.call('GET', '/v1/me')).body;
    expect(me).toMatchObject({ email: `octo-${counter}@example.com`, name: 'octo' });
    expect((await browser.call<{ data: object[] }>('GET', '/v1/me/identity-links')).body.data).toMatchObject([
      { provider: 'github', issuer: github.issuer },
    ]);
    github.emails = [{ email: `octo-other-${counter}@example.com`, primary: true, verified: false }];
    github.person = { id: 5_000 + counter, login: 'cat' };
    expect((await signInThrough(ground, github, 'github')).code).toBe('federation.email-not-verified');
    github.emails = [{ email: 'primary-is-missing@example.com', primary: false, verified: true }];
    expect((await signInThrough(ground, github, 'github')).code).toBe('federation.email-not-verified');
  });

  it('AUTH-08: does not come in by an address that the provider has not verified, whatever it writes in place of true', async () => {
    for (const value of [false, undefined, null, 'true', 1, 'yes', {}]) {
      ground.idp.person = somebody({ email_verified: value });
      expect([value, (await signInThrough(ground, ground.idp)).code]).toEqual([value, 'federation.email-not-verified']);
    }
    for (const email of [undefined, '', 'no address', 'a@b', 5]) {
      ground.idp.person = somebody({ email });
      expect([email, (await signInThrough(ground, ground.idp)).code]).toEqual([email, 'federation.email-not-verified']);
    }
  });

  it('a sign-up that nobody verified gives way, and its password opens nothing', async () => {
    const { platform, idp } = ground;
    idp.person = somebody();
    const email = String(idp.person.email);
    const squatter = await signUpPerson(platform, { email, isVerified: false });
    expect((await signInThrough(ground, idp)).status).toBe(303);
    const again = await createClient(platform).call('POST', '/v1/auth/sign-in', { email, password: squatter.password });
    expect([again.status, again.body.code]).toEqual([401, 'sessions.refused']);
    expect([401, 404]).toContain((await squatter.call('GET', '/v1/me')).status);
  });
});

describe('somebody who has an account here', () => {
  it('AUTH-08: is not taken over by the same address elsewhere, verified or not, until they link it while signed in', async () => {
    const { platform, idp } = ground;
    const ada = await signUpPerson(platform);
    idp.person = somebody({ email: ada.email });
    const before = await signInThrough(ground, idp);
    expect([before.status, before.code]).toEqual([409, 'federation.link-needed']);
    expect((await before.browser.call('GET', '/v1/me')).status).toBe(401);
    idp.person = { ...idp.person, email_verified: false };
    expect((await signInThrough(ground, idp)).code).toBe('federation.email-not-verified');
    idp.person = { ...idp.person, email_verified: true };
    const begun = await ada.call('POST', '/v1/me/identity-links', { provider: 'oidc', returnTo: '/account' });
    expect(begun.status).toBe(200);
    const back = await comeBack(ada, await idp.authorize(String(begun.body.url)));
    expect(back).toMatchObject({ status: 303, location: `${platform.url}/account` });
    expect((await mailsTo(platform, ada.email)).at(-1)).toMatchObject({
      subject: 'You can sign in another way now',
      text: expect.stringContaining(`${platform.url}/auth/account`),
    });
    const after = await signInThrough(ground, idp);
    expect((await after.browser.call('GET', '/v1/me')).body.id).toBe(ada.personId);
  });

  it('AUTH-08: the same subject of another issuer is somebody else', async () => {
    const { platform, idp, other } = ground;
    idp.person = somebody();
    const { browser } = await signInThrough(ground, idp);
    const { id } = (await browser.call('GET', '/v1/me')).body;
    const begun = await browser.call('GET', '/v1/me/identity-links');
    expect(begun.status).toBe(200);
    const links = await rowsOf('select issuer, subject from identity.identity_link where person_id = $1', [id]);
    expect(links).toEqual([{ issuer: idp.issuer, subject: idp.person.sub }]);
    // A provider that says it is the other one.
    idp.bend.claims = (claims) => ({ ...claims, iss: other.issuer });
    expect((await signInThrough(ground, idp)).code).toBe('federation.refused');
    expect(platform.url).toContain('http');
  });

  it('an account elsewhere belongs to one person; nobody else can link it', async () => {
    const { platform, idp } = ground;
    idp.person = somebody();
    expect((await signInThrough(ground, idp)).status).toBe(303);
    const eve = await signUpPerson(platform);
    const begun = await eve.call('POST', '/v1/me/identity-links', { provider: 'oidc' });
    expect((await comeBack(eve, await idp.authorize(String(begun.body.url)))).code).toBe('federation.linked-elsewhere');
  });

  it('a link that was begun by one person is not finished by another, nor by nobody', async () => {
    const { platform, idp } = ground;
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    idp.person = somebody();
    for (const session of [eve.cookies.get('__Host-guildhall'), undefined]) {
      const begun = await ada.call('POST', '/v1/me/identity-links', { provider: 'oidc' });
      const stolen = createClient(platform);
      stolen.cookies.set('__Host-guildhall-sign-in', ada.cookies.get('__Host-guildhall-sign-in') ?? '');
      if (session !== undefined) stolen.cookies.set('__Host-guildhall', session);
      const back = await comeBack(stolen, await idp.authorize(String(begun.body.url)));
      expect(back.code).toBe('federation.invalid-flow');
    }
    expect(
      await rowsOf('select 1 from identity.identity_link where person_id = any($1)', [[ada.personId, eve.personId]]),
    ).toEqual([]);
  });

  it('unlinks an account, but not the last way in', async () => {
    const { platform, idp } = ground;
    idp.person = somebody();
    const { browser } = await signInThrough(ground, idp);
    const [link] = (await browser.call<{ data: { id: string }[] }>('GET', '/v1/me/identity-links')).body.data;
    const refused = await browser.call('DELETE', `/v1/me/identity-links/${link?.id}`);
    expect([refused.status, refused.body.code]).toEqual([409, 'federation.last-way-in']);
    const eve = await signUpPerson(platform);
    expect((await eve.call('DELETE', `/v1/me/identity-links/${link?.id}`)).body.code).toBe('federation.link-not-found');
    const ada = await signUpPerson(platform);
    idp.person = somebody();
    const begun = await ada.call('POST', '/v1/me/identity-links', { provider: 'oidc' });
    await comeBack(ada, await idp.authorize(String(begun.body.url)));
    const [own] = (await ada.call<{ data: { id: string }[] }>('GET', '/v1/me/identity-links')).body.data;
    expect((await ada.call('DELETE', `/v1/me/identity-links/${own?.id}`)).status).toBe(204);
    expect((await signInThrough(ground, idp)).status).toBe(303);
  });

  it('who was disabled does not come in', async () => {
    const { idp, owner } = ground;
    idp.person = somebody();
    const { browser } = await signInThrough(ground, idp);
    const { id } = (await browser.call('GET', '/v1/me')).body;
    await owner.query('update identity.person set disabled_at = now() where person_id = $1', [id]);
    expect((await signInThrough(ground, idp)).code).toBe('federation.refused');
  });
});

describe('going out', () => {
  it('AUTH-08: asks by PKCE S256 with a state and a nonce of its own, for the one redirect address, and stores neither in clear', async () => {
    const { platform, idp } = ground;
    const browser = createClient(platform);
    const [one, two] = [new URL(await depart(browser)), new URL(await depart(browser))];
    expect(one.origin).toBe(idp.issuer);
    expect(one.searchParams.get('code_challenge_method')).toBe('S256');
    expect(one.searchParams.get('redirect_uri')).toBe(`${platform.url}/auth/callback/oidc`);
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
      expect(one.searchParams.get(name)).not.toBe(two.searchParams.get(name));
    }
    const stored = JSON.stringify(await rowsOf('select f::text from identity.sign_in_flow f', []));
    for (const name of ['state', 'nonce']) expect(stored).not.toContain(one.searchParams.get(name));
    expect(stored).not.toContain(browser.cookies.get('__Host-guildhall-sign-in'));
    const { headers } = await browser.call('POST', '/v1/auth/federation/oidc', {});
    expect(headers.getSetCookie()[0]).toMatch(
      /^__Host-guildhall-sign-in=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  it('shows the providers that the operator set, and knows no others', async () => {
    const browser = createClient(ground.platform);
    expect((await browser.call('GET', '/v1/auth/providers')).body).toEqual({
      data: [
        { id: 'github', name: 'GitHub' },
        { id: 'oidc', name: 'OpenID' },
      ],
    });
    for (const id of ['google', 'con_0', '__proto__', '..%2f', `con_${'0'.repeat(26)}`])
      expect([id, (await browser.call('POST', `/v1/auth/federation/${id}`, {})).body.code]).toEqual([
        id,
        'federation.unknown-provider',
      ]);
  });

  it('AUTH-08: comes back to pages of ours alone', async () => {
    const { platform, idp } = ground;
    const browser = createClient(platform);
    for (const returnTo of [
      'https://evil.example',
      'http://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      ' //evil.example',
      'javascript:alert(1)',
      'data:text/html,x',
      '///evil.example',
      '@evil.example',
      '.evil.example',
      '',
      'account',
      '?next=/',
      '/\u202e',
    ])
      expect([returnTo, (await browser.call('POST', '/v1/auth/federation/oidc', { returnTo })).body.code]).toEqual([
        returnTo,
        'federation.return-to',
      ]);
    idp.person = somebody();
    for (const [returnTo, location] of [
      ['/a/b?c=d#e', `${platform.url}/a/b?c=d#e`],
      ['/..//evil.example', `${platform.url}//evil.example`],
      ['/%2f%2fevil.example', `${platform.url}/%2f%2fevil.example`],
    ] as const) {
      const back = await comeBack(browser, await idp.authorize(await depart(browser, 'oidc', returnTo)));
      expect([back.status, back.location]).toEqual([303, location]);
    }
  });
});
