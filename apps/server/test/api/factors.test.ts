/** Second factors, through the interface alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { addApp, addPasskey, challengeOf, type Methods, methodsOf, openOptions } from './factors-fixture.ts';
import { asOwner, codeOf } from './members-fixture.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
});
afterAll(() => platform.close());

const SESSION = '__Host-guildhall';
/** As after eleven minutes. */
const age = async (person: TestPerson): Promise<void> => {
  await asOwner(
    platform,
    `update identity.session set authenticated_at = authenticated_at - interval '11 minutes' where person_id = $1`,
    [person.personId],
  );
  // Announced at its commit; what the process remembers is gone a moment later.
  await expect
    .poll(async () => codeOf(await person.call('POST', '/v1/me/recovery-codes'))[1], { timeout: 5_000 })
    .toBe('auth.step-up-required');
};
const subjects = async (person: TestPerson) => (await mailsTo(platform, person.email)).map(({ subject }) => subject);

describe('SES-05: an authenticator app', () => {
  it('is set up by its owner with a picture and a code, and asked for at the next sign-in', async () => {
    const ada = await signUpPerson(platform);
    const begun = await ada.call('POST', '/v1/me/factors/totp', { name: 'Phone' });
    expect(begun.status).toBe(201);
    expect(String(begun.body.qrCode)).toMatch(/^<svg /);
    expect(String(begun.body.uri)).toMatch(/^otpauth:\/\/totp\//);
    const wrong = await ada.call('POST', `/v1/me/factors/${begun.body.id}/confirm`, { code: '000000' });
    expect(codeOf(wrong)).toEqual([422, 'factors.wrong-code']);
    const app = await addApp(ada);
    expect(app.recoveryCodes).toHaveLength(10);
    expect((await ada.call('GET', '/v1/me/factors')).body).toMatchObject({
      data: [{ id: app.factorId, kind: 'totp', name: 'Phone', isConfirmed: true }],
      recoveryCodesLeft: 10,
    });
    expect(await subjects(ada)).toContain('A second factor was added');

    const browser = createClient(platform);
    const challenge = await challengeOf(browser, ada);
    expect(browser.cookies.size).toBe(0);
    expect(await methodsOf(browser, challenge)).toMatchObject({ methods: ['code', 'recoveryCode'], options: null });
    const answer = await browser.call('POST', '/v1/auth/second-factor', { challenge, code: app.code() });
    expect(answer.body).toMatchObject({ status: 'signed-in', personId: ada.personId });
    expect((await browser.call('GET', '/v1/me')).status).toBe(200);
    const again = await browser.call('POST', '/v1/auth/second-factor', { challenge, code: app.code() });
    expect(codeOf(again)).toEqual([401, 'factors.invalid-challenge']);
  });

  it('shows its secret and the recovery codes this once, also to who repeats the request', async () => {
    const ada = await signUpPerson(platform);
    const headers = { 'idempotency-key': 'set-up' };
    const send = () => ada.call('POST', '/v1/me/factors/totp', { name: 'Phone' }, { headers });
    const [first, second] = [await send(), await send()];
    expect(second.body).toEqual({ ...first.body, secret: null, uri: null, qrCode: null });
  });

  it('is not gone around by a link in a mail', async () => {
    const ada = await signUpPerson(platform);
    await addApp(ada);
    const browser = createClient(platform);
    await browser.call('POST', '/v1/auth/magic-link', { email: ada.email });
    const link = (await mailsTo(platform, ada.email)).map(({ text }) => /#token=([\w-]+)/.exec(text)?.[1]);
    const token = link.filter((one) => one !== undefined).at(-1);
    const answer = await browser.call('POST', '/v1/auth/magic-link/confirm', { token });
    expect(answer.body.status).toBe('second-factor-required');
    expect(browser.cookies.has(SESSION)).toBe(false);
  });

  it('is not gone around by a new password that a link in a mail sets', async () => {
    const ada = await signUpPerson(platform);
    await addApp(ada);
    const browser = createClient(platform);
    await browser.call('POST', '/v1/auth/reset', { email: ada.email });
    const [token, password] = [await lastLink(platform, ada.email), 'other words nobody has said'];
    expect((await browser.call('POST', '/v1/auth/reset/confirm', { token, password })).status).toBe(204);
    const answer = await browser.call('POST', '/v1/auth/sign-in', { email: ada.email, password });
    expect(answer.body.status).toBe('second-factor-required');
    expect(browser.cookies.has(SESSION)).toBe(false);
  });

  it('is removed with its recovery codes; the owner is told, and the password alone is enough again', async () => {
    const ada = await signUpPerson(platform);
    const app = await addApp(ada);
    expect((await ada.call('DELETE', `/v1/me/factors/${app.factorId}`)).status).toBe(204);
    expect((await ada.call('GET', '/v1/me/factors')).body).toEqual({ data: [], recoveryCodesLeft: 0 });
    expect(await subjects(ada)).toContain('A second factor was removed');
    const browser = createClient(platform);
    const { email, password } = ada;
    expect((await browser.call('POST', '/v1/auth/sign-in', { email, password })).body.status).toBe('signed-in');
  });

  it('allows a password of eight characters, and stays as long as there is no longer one', async () => {
    const ada = await signUpPerson(platform);
    const short = { password: 'k7#Qz!vR' };
    expect(codeOf(await ada.call('PUT', '/v1/me/password', short))).toEqual([422, 'people.weak-password']);
    const { factorId } = await addApp(ada);
    expect((await ada.call('PUT', '/v1/me/password', short)).status).toBe(204);
    const remove = () => ada.call('DELETE', `/v1/me/factors/${factorId}`);
    expect(codeOf(await remove())).toEqual([409, 'factors.short-password']);
    expect((await ada.call('GET', '/v1/me/factors')).body).toMatchObject({ data: [{ id: factorId }] });
    expect((await ada.call('PUT', '/v1/me/password', { password: ada.password })).status).toBe(204);
    expect((await remove()).status).toBe(204);
  });
});

describe('SES-10: what changes factors', () => {
  it('asks for a factor that was just shown, on every route, and writes nothing before', async () => {
    const ada = await signUpPerson(platform);
    const { factorId } = await addApp(ada);
    await age(ada);
    for (const [method, path, body] of [
      ['POST', '/v1/me/factors/totp', { name: 'x' }],
      ['POST', `/v1/me/factors/${factorId}/confirm`, { code: '123456' }],
      ['POST', '/v1/me/factors/passkeys/options', undefined],
      ['POST', '/v1/me/factors/passkeys', {}],
      ['POST', '/v1/me/recovery-codes', undefined],
      ['DELETE', `/v1/me/factors/${factorId}`, undefined],
      ['PUT', '/v1/organisation/second-factor', { isRequired: true }],
    ] as const) {
      const answer = await ada.call(method, path, body);
      expect([path, ...codeOf(answer)]).toEqual([path, 401, 'auth.step-up-required']);
      const rows = await asOwner(platform, 'select id from audit.event where request_id = $1', [
        answer.headers.get('x-request-id'),
      ]);
      expect(rows).toEqual([]);
    }
  });

  it('is open after the second factor alone, by an app or a passkey, in the same session with a new cookie', async () => {
    const ada = await signUpPerson(platform);
    const app = await addApp(ada);
    const key = await addPasskey(platform, ada);
    const [{ id: sessionId } = { id: '' }] = (await ada.call<{ data: { id: string }[] }>('GET', '/v1/me/sessions')).body
      .data;
    for (const proof of [
      () => ({ code: app.code() }),
      ({ options }: Methods) => ({ passkey: key.get(options, { isVerified: false }) }),
    ]) {
      await age(ada);
      const before = ada.cookies.get(SESSION);
      const asked = (await ada.call<Methods>('POST', '/v1/auth/step-up/options')).body;
      expect(asked.methods).toEqual(['code', 'passkey', 'recoveryCode']);
      const answer = await ada.call('POST', '/v1/auth/second-factor', {
        challenge: asked.challenge,
        ...proof(asked),
      });
      expect(answer.body).toMatchObject({ status: 'signed-in', sessionId });
      expect(ada.cookies.get(SESSION)).not.toBe(before);
      expect((await ada.call('POST', '/v1/me/recovery-codes')).status).toBe(201);
    }
  });

  it('is not open to who has a password and not the factor', async () => {
    const ada = await signUpPerson(platform);
    await addApp(ada);
    await age(ada);
    const answer = await ada.call('POST', '/v1/auth/step-up', { password: ada.password });
    expect(answer.body.status).toBe('second-factor-required');
    expect(codeOf(await ada.call('POST', '/v1/me/recovery-codes'))).toEqual([401, 'auth.step-up-required']);
  });
});

describe('the factors of somebody else', () => {
  it('are not there: neither listed nor removed nor confirmed', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const { factorId } = await addApp(eve);
    expect((await ada.call('GET', '/v1/me/factors')).body).toEqual({ data: [], recoveryCodesLeft: 0 });
    for (const id of [factorId, `fac_${'0'.repeat(26)}`]) {
      expect(codeOf(await ada.call('DELETE', `/v1/me/factors/${id}`))).toEqual([404, 'factors.not-found']);
      const confirm = await ada.call('POST', `/v1/me/factors/${id}/confirm`, { code: '123456' });
      expect(codeOf(confirm)).toEqual([404, 'factors.not-found']);
    }
    expect((await eve.call('GET', '/v1/me/factors')).body.recoveryCodesLeft).toBe(10);
  });
});

describe('SES-06: a passkey', () => {
  it('is a second factor beside the password', async () => {
    const ada = await signUpPerson(platform);
    const key = await addPasskey(platform, ada);
    const browser = createClient(platform);
    const challenge = await challengeOf(browser, ada);
    const { methods, options } = await methodsOf(browser, challenge);
    expect(methods).toEqual(['passkey', 'recoveryCode']);
    expect(options).toMatchObject({ challenge, allowCredentials: [{ id: key.id }] });
    const passkey = key.get(options, { isVerified: false });
    expect((await browser.call('POST', '/v1/auth/second-factor', { challenge, passkey })).body.status).toBe(
      'signed-in',
    );
    expect((await browser.call('GET', '/v1/me')).body.id).toBe(ada.personId);
  });

  it('signs in by itself when it asked for PIN, finger or face: no password, no address', async () => {
    const ada = await signUpPerson(platform);
    const key = await addPasskey(platform, ada);
    const browser = createClient(platform);
    const options = await openOptions(browser);
    expect(options).not.toHaveProperty('allowCredentials.0');
    const passkey = key.get(options);
    const answer = await browser.call('POST', '/v1/auth/passkey', { passkey });
    expect(answer.body).toMatchObject({ status: 'signed-in', personId: ada.personId });
    const sessions = (await browser.call<{ data: { method: string }[] }>('GET', '/v1/me/sessions')).body.data;
    expect(sessions[0]?.method).toBe('passkey');
    // One answer is good for one session.
    expect(codeOf(await createClient(platform).call('POST', '/v1/auth/passkey', { passkey }))).toEqual([
      401,
      'factors.invalid-challenge',
    ]);
  });

  it('is refused for whatever is not as it should be, as a way in by itself', async () => {
    const ada = await signUpPerson(platform);
    const [key, other] = [await addPasskey(platform, ada), await addPasskey(platform, await signUpPerson(platform))];
    const browser = createClient(platform);
    const tries = [
      [{ origin: 'https://evil.example' }, 'factors.refused'],
      [{ origin: platform.url.replace('http:', 'https:') }, 'factors.refused'],
      [{ rpId: 'evil.example' }, 'factors.refused'],
      [{ type: 'webauthn.create' }, 'factors.refused'],
      [{ isVerified: false }, 'factors.refused'],
      [{ isPresent: false }, 'factors.refused'],
      [{ foreignKey: true }, 'factors.refused'],
      [{ credentialId: other.id }, 'factors.refused'],
      [{ credentialId: 'A'.repeat(43) }, 'factors.refused'],
      [{ counter: 1 }, 'factors.refused'],
      [{ challenge: 'A'.repeat(43) }, 'factors.invalid-challenge'],
      [{ challenge: '' }, 'factors.invalid-challenge'],
    ] as const;
    for (const [twist, code] of tries) {
      const passkey = key.get(await openOptions(browser), twist);
      expect([twist, ...codeOf(await browser.call('POST', '/v1/auth/passkey', { passkey }))]).toEqual([
        twist,
        401,
        code,
      ]);
    }
    const options = await openOptions(createClient(platform));
    const elsewhere = { headers: { 'user-agent': 'another browser' } };
    const moved = await browser.call('POST', '/v1/auth/passkey', { passkey: key.get(options) }, elsewhere);
    expect(codeOf(moved)).toEqual([401, 'factors.invalid-challenge']);
    expect(browser.cookies.size).toBe(0);
    const passkey = key.get(await openOptions(browser));
    expect((await browser.call('POST', '/v1/auth/passkey', { passkey })).status).toBe(200);
  });

  it('goes around no identity provider that an organisation asks for', async () => {
    const ada = await signUpPerson(platform, { email: 'ada@demanding.example' });
    const key = await addPasskey(platform, ada);
    await asOwner(platform, 'update identity.organisation set sso_required = true where org_id = $1', [ada.orgId]);
    await asOwner(
      platform,
      `insert into identity.domain (id, org_id, domain, challenge, created_by, verified_at)
       values ('dom_demanding', $1, 'demanding.example', 'x', 'test', platform.now())`,
      [ada.orgId],
    );
    const browser = createClient(platform);
    const passkey = key.get(await openOptions(browser));
    expect(codeOf(await browser.call('POST', '/v1/auth/passkey', { passkey }))).toEqual([
      403,
      'federation.sso-required',
    ]);
    expect(browser.cookies.size).toBe(0);
    const told = await asOwner(
      platform,
      `select data from audit.event where org_id = $1 and action = 'session.refuse'`,
      [ada.personId],
    );
    expect(told).toEqual([{ data: { reason: 'federation.sso-required' } }]);
  });

  it('whose copy was used is refused: its counter stands behind', async () => {
    const ada = await signUpPerson(platform);
    const key = await addPasskey(platform, ada);
    const signIn = async (counter: number) => {
      const browser = createClient(platform);
      const passkey = key.get(await openOptions(browser), { counter });
      return (await browser.call('POST', '/v1/auth/passkey', { passkey })).status;
    };
    expect(await signIn(7)).toBe(200);
    expect([await signIn(7), await signIn(6)]).toEqual([401, 401]);
    expect(await signIn(8)).toBe(200);
  });

  it('is not added from a page of somebody else, for another challenge, twice, or for a challenge of another person', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const begin = async (one: TestPerson) =>
      (await one.call<{ options: never }>('POST', '/v1/me/factors/passkeys/options')).body.options;
    const add = async (one: TestPerson, passkey: object) =>
      codeOf(await one.call('POST', '/v1/me/factors/passkeys', { name: 'Key', passkey }));
    const { createAuthenticator } = await import('../harness/authenticator.ts');
    const key = createAuthenticator(platform.url);
    expect(await add(ada, key.create(await begin(ada), { origin: 'https://evil.example' }))).toEqual([
      422,
      'factors.passkey-refused',
    ]);
    expect(await add(ada, key.create(await begin(ada), { type: 'webauthn.get' }))).toEqual([
      422,
      'factors.passkey-refused',
    ]);
    expect(await add(ada, key.create(await begin(ada), { challenge: 'A'.repeat(43) }))).toEqual([
      401,
      'factors.invalid-challenge',
    ]);
    expect(await add(ada, key.create(await begin(eve)))).toEqual([401, 'factors.invalid-challenge']);
    const made = key.create(await begin(ada));
    expect(await add(ada, made)).toEqual([201, undefined]);
    expect(await add(ada, made)).toEqual([401, 'factors.invalid-challenge']);
    expect(await add(eve, key.create(await begin(eve)))).toEqual([422, 'factors.passkey-refused']);
    // A challenge for one thing is none for another.
    const challenge = ((await begin(ada)) as { challenge: string }).challenge;
    const crossed = await ada.call('POST', '/v1/auth/second-factor', {
      challenge,
      passkey: key.get({ challenge, rpId: '127.0.0.1' }),
    });
    expect(codeOf(crossed)).toEqual([401, 'factors.invalid-challenge']);
  });
});

describe('SES-09: a session', () => {
  it('shows its owner how unusual its beginning was', async () => {
    const ada = await signUpPerson(platform);
    const browser = createClient(platform);
    await browser.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password });
    expect((await ada.call('GET', '/v1/me/sessions')).body).toMatchObject({
      data: [
        { risk: 30, country: null },
        { risk: 0, country: null },
      ],
    });
    expect(await subjects(ada)).toContain('An unusual sign-in to your account');
  });
});

describe('what changes factors and devices', () => {
  it('leaves one row in the chain of the person', async () => {
    const ada = await signUpPerson(platform);
    const rowsOf = async (requestId: string | null) =>
      asOwner<{ org_id: string; action: string }>(
        platform,
        'select org_id, action from audit.event where request_id = $1',
        [requestId],
      );
    const expectOne = async (method: string, path: string, body: unknown, action: string) => {
      const answer = await ada.call<Record<string, unknown>>(method, path, body);
      expect([path, answer.status < 300]).toEqual([path, true]);
      const rows = await rowsOf(answer.headers.get('x-request-id'));
      expect(rows).toEqual([{ org_id: ada.personId, action }]);
      return answer.body;
    };
    await expectOne('POST', '/v1/me/factors/totp', { name: 'Phone' }, 'factor.create');
    const app = await addApp(ada);
    await expectOne('POST', '/v1/me/recovery-codes', undefined, 'recovery-codes.create');
    await expectOne('POST', '/v1/me/factors/passkeys/options', undefined, 'passkey.begin');
    await expectOne('POST', '/v1/auth/step-up/options', undefined, 'session.ask-step-up');
    await expectOne('DELETE', `/v1/me/factors/${app.factorId}`, undefined, 'factor.delete');
    const devices = (await ada.call<{ data: { id: string }[] }>('GET', '/v1/me/devices')).body.data;
    expect(devices).toHaveLength(1);
    await expectOne('DELETE', `/v1/me/devices/${devices[0]?.id}`, undefined, 'device.forget');
    expect(codeOf(await ada.call('DELETE', `/v1/me/devices/${devices[0]?.id}`))).toEqual([
      404,
      'guard.device-not-found',
    ]);
  });
});
