/** What people do with their own account, and operators with those of others, through the interface alone. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

let platform: TestPlatform;
let owner: pg.Client;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(), role: 'api' });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await platform.close();
});

/** An announcement takes milliseconds; a busy machine may take its time. */
const SOON = { timeout: 5_000 };
const NEW_PASSWORD = 'other words nobody has said';
const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> | undefined }) => [
  status,
  body?.code,
];
const signIn = (email: string, password: string) =>
  createClient(platform).call('POST', '/v1/auth/sign-in', { email, password });

/** As if the time since their last factor, and since their links were made, were longer by this. */
async function age(one: TestPerson, interval: string): Promise<void> {
  await owner.query(`update identity.link set expires_at = expires_at - $2::interval where person_id = $1`, [
    one.personId,
    interval,
  ]);
  await owner.query(
    `update identity.session set authenticated_at = authenticated_at - $2::interval where person_id = $1`,
    [one.personId, interval],
  );
}

describe('AUTH-10: a forgotten password', () => {
  it('is set by a link that works once; all sessions end, none begins, and the person is told', async () => {
    const ada = await signUpPerson(platform);
    const stranger = createClient(platform);
    const asked = await stranger.call('POST', '/v1/auth/reset', { email: ada.email });
    expect(asked).toMatchObject({ status: 202, body: { status: 'mail-sent' } });
    const token = await lastLink(platform, ada.email);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const weak = await stranger.call('POST', '/v1/auth/reset/confirm', { token, password: 'short' });
    expect(codeOf(weak)).toEqual([422, 'people.weak-password']);
    const good = await stranger.call('POST', '/v1/auth/reset/confirm', { token, password: NEW_PASSWORD });
    expect([good.status, stranger.cookies.size]).toEqual([204, 0]);
    expect(codeOf(await stranger.call('POST', '/v1/auth/reset/confirm', { token, password: NEW_PASSWORD }))).toEqual([
      410,
      'people.invalid-link',
    ]);
    await expect.poll(async () => (await ada.call('GET', '/v1/me')).status, { timeout: 5_000 }).toBe(401);
    expect((await signIn(ada.email, ada.password)).status).toBe(401);
    expect((await signIn(ada.email, NEW_PASSWORD)).status).toBe(200);
    expect((await mailsTo(platform, ada.email)).map(({ subject }) => subject)).toContain('Your password was changed');
  });

  it('is not set by a link older than 30 minutes, by one that another took the place of, or by one of another kind', async () => {
    const ada = await signUpPerson(platform);
    const stranger = createClient(platform);
    const confirm = async (token: string) =>
      codeOf(await stranger.call('POST', '/v1/auth/reset/confirm', { token, password: NEW_PASSWORD }));
    const ask = async (path: string) => {
      await stranger.call('POST', path, { email: ada.email });
      return lastLink(platform, ada.email);
    };
    const [first, second] = [await ask('/v1/auth/reset'), await ask('/v1/auth/reset')];
    expect(await confirm(first)).toEqual([410, 'people.invalid-link']);
    expect(await confirm(await ask('/v1/auth/magic-link'))).toEqual([410, 'people.invalid-link']);
    await age(ada, '30 minutes');
    expect(await confirm(second)).toEqual([410, 'people.invalid-link']);
    expect((await signIn(ada.email, ada.password)).status).toBe(200);
  });

  it('of twenty uses of one link at once, one succeeds', async () => {
    const ada = await signUpPerson(platform);
    const stranger = createClient(platform);
    await stranger.call('POST', '/v1/auth/reset', { email: ada.email });
    const token = await lastLink(platform, ada.email);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        stranger.call('POST', '/v1/auth/reset/confirm', { token, password: `${NEW_PASSWORD} ${index}` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(19);
  });

  it('is asked for with the same answer where there is no account, and nobody is mailed', async () => {
    const asked = [];
    for (const path of ['/v1/auth/reset', '/v1/auth/magic-link', '/v1/auth/verification'])
      asked.push((await createClient(platform).call('POST', path, { email: 'nobody@example.com' })).body);
    expect(asked).toEqual(Array.from({ length: 3 }, () => ({ status: 'mail-sent' })));
    expect(await mailsTo(platform, 'nobody@example.com')).toEqual([]);
  });
});

describe('a password', () => {
  it('is changed by who has shown a factor; other sessions end, this one goes on, and the person is told', async () => {
    const ada = await signUpPerson(platform);
    const elsewhere = createClient(platform);
    await elsewhere.call('POST', '/v1/auth/sign-in', { email: ada.email, password: ada.password });
    expect((await ada.call('PUT', '/v1/me/password', { password: NEW_PASSWORD })).status).toBe(204);
    await expect.poll(async () => (await elsewhere.call('GET', '/v1/me')).status, SOON).toBe(401);
    expect((await ada.call('GET', '/v1/me')).status).toBe(200);
    expect((await signIn(ada.email, NEW_PASSWORD)).status).toBe(200);
    expect((await mailsTo(platform, ada.email)).map(({ subject }) => subject)).toContain('Your password was changed');
  });
});

describe('an address', () => {
  it('changes when the link mailed to the new one is used; the old one is told, and earlier links there are void', async () => {
    const ada = await signUpPerson(platform);
    const to = `moved-${ada.email}`;
    await createClient(platform).call('POST', '/v1/auth/reset', { email: ada.email });
    const reset = await lastLink(platform, ada.email);
    expect((await ada.call('PUT', '/v1/me/email', { email: to })).status).toBe(202);
    expect((await mailsTo(platform, ada.email)).at(-1)?.text).toContain(to);
    expect((await ada.call('GET', '/v1/me')).body).toMatchObject({ email: ada.email });
    const token = await lastLink(platform, to);
    expect((await createClient(platform).call('POST', '/v1/auth/email/confirm', { token })).status).toBe(204);
    expect((await signIn(ada.email, ada.password)).status).toBe(401);
    expect((await signIn(to, ada.password)).status).toBe(200);
    const late = await createClient(platform).call('POST', '/v1/auth/reset/confirm', {
      token: reset,
      password: NEW_PASSWORD,
    });
    expect(codeOf(late)).toEqual([410, 'people.invalid-link']);
    expect(codeOf(await ada.call('PUT', '/v1/me/email', { email: to.toUpperCase() }))).toEqual([
      409,
      'people.same-email',
    ]);
  });

  it('does not change any more once there is a new password: whoever did not ask for it ends it so', async () => {
    const ada = await signUpPerson(platform);
    const stranger = createClient(platform);
    const [signedIn, forgotten] = [0, 1].map((index) => `thief-${index}-${ada.personId.slice(-8)}@example.com`);
    const confirm = async (token: string) => codeOf(await stranger.call('POST', '/v1/auth/email/confirm', { token }));
    const ask = async (email = '') => {
      expect((await ada.call('PUT', '/v1/me/email', { email })).status).toBe(202);
      return lastLink(platform, email);
    };
    const first = await ask(signedIn);
    expect((await ada.call('PUT', '/v1/me/password', { password: NEW_PASSWORD })).status).toBe(204);
    expect(await confirm(first)).toEqual([410, 'people.invalid-link']);
    const second = await ask(forgotten);
    await stranger.call('POST', '/v1/auth/reset', { email: ada.email });
    const token = await lastLink(platform, ada.email);
    const password = `${NEW_PASSWORD} again`;
    expect((await stranger.call('POST', '/v1/auth/reset/confirm', { token, password })).status).toBe(204);
    expect(await confirm(second)).toEqual([410, 'people.invalid-link']);
    expect((await signIn(ada.email, password)).status).toBe(200);
  });

  it('of somebody else is asked for with the same answer, and cannot be had', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    expect(await ada.call('PUT', '/v1/me/email', { email: eve.email })).toMatchObject({
      status: 202,
      body: { status: 'mail-sent' },
    });
    expect((await mailsTo(platform, eve.email)).at(-1)?.text).not.toContain('#token=');
  });

  it('that two people are moving to goes to the first who uses the link', async () => {
    const [ada, eve] = [await signUpPerson(platform), await signUpPerson(platform)];
    const to = `shared-${ada.email}`;
    await ada.call('PUT', '/v1/me/email', { email: to });
    const first = await lastLink(platform, to);
    await eve.call('PUT', '/v1/me/email', { email: to });
    const second = await lastLink(platform, to);
    const confirm = (token: string) => createClient(platform).call('POST', '/v1/auth/email/confirm', { token });
    expect((await confirm(second)).status).toBe(204);
    expect(codeOf(await confirm(first))).toEqual([410, 'people.invalid-link']);
  });
});

describe('a magic link', () => {
  it('signs in once, within 15 minutes', async () => {
    const ada = await signUpPerson(platform);
    const client = createClient(platform);
    const ask = async () => {
      await client.call('POST', '/v1/auth/magic-link', { email: ada.email });
      return lastLink(platform, ada.email);
    };
    const use = (token: string) => client.call('POST', '/v1/auth/magic-link/confirm', { token });
    const token = await ask();
    expect(await use(token)).toMatchObject({ status: 200, body: { status: 'signed-in', personId: ada.personId } });
    expect((await client.call('GET', '/v1/me')).body).toMatchObject({ id: ada.personId });
    expect(codeOf(await use(token))).toEqual([410, 'people.invalid-link']);
    const late = await ask();
    await age(ada, '15 minutes');
    expect(codeOf(await use(late))).toEqual([410, 'people.invalid-link']);
  });
});

describe('SES-04: sessions', () => {
  interface List {
    readonly data: readonly { readonly id: string; readonly isCurrent: boolean; readonly userAgent: string }[];
  }

  it('are listed by ids alone, ended one by one or all together', async () => {
    const ada = await signUpPerson(platform);
    const others = await Promise.all(
      ['one', 'two', 'three'].map(async (userAgent) => {
        const client = createClient(platform);
        const body = { email: ada.email, password: ada.password };
        await client.call('POST', '/v1/auth/sign-in', body, { headers: { 'user-agent': userAgent } });
        return client;
      }),
    );
    const list = async () => (await ada.call<List>('GET', '/v1/me/sessions')).body.data;
    const all = await list();
    expect(all).toHaveLength(4);
    expect(all.filter(({ isCurrent }) => isCurrent)).toHaveLength(1);
    for (const client of [ada, ...others])
      expect(JSON.stringify(all)).not.toContain(client.cookies.get('__Host-guildhall'));
    const one = all.find(({ userAgent }) => userAgent === 'one');
    expect((await ada.call('DELETE', `/v1/me/sessions/${one?.id}`)).status).toBe(204);
    const alive = async () =>
      Promise.all([ada, ...others].map(async (client) => (await client.call('GET', '/v1/me')).status));
    await expect.poll(alive, SOON).toEqual([200, 401, 200, 200]);
    expect((await ada.call('DELETE', '/v1/me/sessions?keepCurrent=true')).body).toEqual({ ended: 2 });
    await expect.poll(alive, SOON).toEqual([200, 401, 401, 401]);
    expect((await ada.call('DELETE', '/v1/me/sessions')).body).toEqual({ ended: 1 });
    await expect.poll(alive, SOON).toEqual([401, 401, 401, 401]);
  });
});

describe('SES-10: a step-up', () => {
  it('is asked for ten minutes after the last factor, needs the password, and gives the session a new token', async () => {
    const ada = await signUpPerson(platform);
    const change = () => ada.call('PUT', '/v1/me/email', { email: `new-${ada.email}` });
    await age(ada, '9 minutes 50 seconds');
    expect((await change()).status).toBe(202);
    await age(ada, '11 seconds');
    await expect.poll(async () => codeOf(await change()), SOON).toEqual([401, 'auth.step-up-required']);
    const wrong = await ada.call('POST', '/v1/auth/step-up', { password: NEW_PASSWORD });
    expect(codeOf(wrong)).toEqual([403, 'people.wrong-password']);
    const before = ada.cookies.get('__Host-guildhall');
    expect((await ada.call('POST', '/v1/auth/step-up', { password: ada.password })).status).toBe(200);
    expect(ada.cookies.get('__Host-guildhall')).not.toBe(before);
    expect((await change()).status).toBe(202);
    const headers = { cookie: `__Host-guildhall=${before}` };
    await expect.poll(async () => (await fetch(`${platform.url}/v1/me`, { headers })).status, SOON).toBe(401);
    const sessions = (await ada.call<{ data: unknown[] }>('GET', '/v1/me/sessions')).body.data;
    expect(sessions).toHaveLength(1);
  });
});

describe('an operator', () => {
  it('disables a person: their sessions end, links and passwords let nobody in, and it can be lifted', async () => {
    const ada = await signUpPerson(platform);
    await createClient(platform).call('POST', '/v1/auth/magic-link', { email: ada.email });
    const token = await lastLink(platform, ada.email);
    const to = `moved-${ada.email}`;
    await ada.call('PUT', '/v1/me/email', { email: to });
    const move = await lastLink(platform, to);
    const put = (body: object) => platform.call('PUT', `/v1/operator/people/${ada.personId}`, body);
    expect((await put({ isDisabled: true })).body).toEqual({ id: ada.personId, isDisabled: true, isOperator: false });
    await expect.poll(async () => (await ada.call('GET', '/v1/me')).status, SOON).toBe(401);
    expect(codeOf(await signIn(ada.email, ada.password))).toEqual([401, 'sessions.refused']);
    const used = await createClient(platform).call('POST', '/v1/auth/magic-link/confirm', { token });
    expect(codeOf(used)).toEqual([410, 'people.invalid-link']);
    await put({ isDisabled: false });
    const late = await createClient(platform).call('POST', '/v1/auth/magic-link/confirm', { token });
    expect(codeOf(late)).toEqual([410, 'people.invalid-link']);
    const moved = await createClient(platform).call('POST', '/v1/auth/email/confirm', { token: move });
    expect(codeOf(moved)).toEqual([410, 'people.invalid-link']);
    expect((await signIn(ada.email, ada.password)).status).toBe(200);
    expect(codeOf(await platform.call('PUT', `/v1/operator/people/usr_${'0'.repeat(26)}`, {}))).toEqual([
      404,
      'people.not-found',
    ]);
  });

  it('makes a person operator, who then has that right in each of their organisations', async () => {
    const ada = await signUpPerson(platform);
    expect((await ada.call('POST', '/v1/operator/organisations', { name: 'X' })).status).toBe(403);
    await platform.call('PUT', `/v1/operator/people/${ada.personId}`, { isOperator: true });
    await expect
      .poll(async () => (await ada.call('POST', '/v1/operator/organisations', { name: 'X' })).status)
      .toBe(201);
    expect((await ada.call('GET', '/v1/me')).body).toMatchObject({
      isOperator: true,
      scopes: expect.arrayContaining(['operator']),
    });
  });
});

describe('AUTH-12: the admin link of the server', () => {
  const accept = (body: object) => createClient(platform).call('POST', '/v1/auth/admin-link', body);
  const make = () => platform.server.platform.identity.createAdminToken({ orgId: platform.orgId, ttlSeconds: 60 });

  it('makes who holds it owner of the organisation and operator, once', async () => {
    const { token } = await make();
    const body = { token, email: 'root@example.com', password: NEW_PASSWORD, name: 'Root' };
    expect(codeOf(await accept({ ...body, password: 'short' }))).toEqual([422, 'people.weak-password']);
    expect((await accept(body)).status).toBe(200);
    expect(codeOf(await accept({ ...body, email: 'other@example.com' }))).toEqual([401, 'auth.invalid-admin-link']);
    const root = createClient(platform);
    await root.call('POST', '/v1/auth/sign-in', { email: body.email, password: body.password });
    expect((await root.call('GET', '/v1/me')).body).toMatchObject({
      role: 'owner',
      organisationId: platform.orgId,
      isOperator: true,
    });
  });

  it('takes an address that has an account with its password alone, and a refused attempt leaves it good', async () => {
    const ada = await signUpPerson(platform);
    const { token } = await make();
    const body = { token, email: ada.email, name: 'Ada' };
    expect(codeOf(await accept({ ...body, password: NEW_PASSWORD }))).toEqual([403, 'people.wrong-password']);
    expect(await accept({ ...body, password: ada.password })).toMatchObject({
      status: 200,
      body: { personId: ada.personId },
    });
    const organisations = async () =>
      (await ada.call<{ memberships: { organisation: { id: string } }[] }>('GET', '/v1/me')).body.memberships.map(
        ({ organisation }) => organisation.id,
      );
    await expect.poll(organisations, SOON).toEqual([ada.orgId, platform.orgId]);
  });

  it('of ten attempts at once one succeeds', async () => {
    const { token } = await make();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        accept({ token, email: `root-${index}@example.com`, password: NEW_PASSWORD, name: 'Root' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const { rows } = await owner.query(
      `select count(*)::int as n from identity.person where email_folded like 'root-_@example.com'`,
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('is not used up by being opened', async () => {
    const { token } = await make();
    expect((await fetch(`${platform.url}/auth/admin#token=${token}`)).status).toBe(200);
    expect((await accept({ token, email: 'opened@example.com', password: NEW_PASSWORD, name: 'Root' })).status).toBe(
      200,
    );
  });
});
