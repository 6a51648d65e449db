/** Who may sign up: open, by invitation or nobody; the cap, the waiting list and codes, through the interface. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { asOwner, codeOf, join, staffed } from './members-fixture.ts';

const PASSWORD = 'four words never said before';
const SIGN_UP = '/v1/auth/sign-up';
const CODES = '/v1/operator/sign-up-codes';
const platformWith = (environment: Record<string, string>) => testPlatform({ agents: asAgents(keeper), environment });
const bodyOf = (email: string, invitation?: string) => ({
  email,
  password: PASSWORD,
  name: 'Ada',
  ...(invitation === undefined ? {} : { invitation }),
});

describe('by invitation', () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await platformWith({ SIGN_UP: 'invite' });
  });
  afterAll(() => platform.close());

  const signUp = (email: string, invitation?: string) =>
    createClient(platform).call('POST', SIGN_UP, bodyOf(email, invitation));
  const verify = async (email: string) =>
    createClient(platform).call('POST', '/v1/auth/verify', { token: await lastLink(platform, email) });
  const newCode = async (body: object = {}) =>
    (await platform.call<{ id: string; code: string }>('POST', CODES, body)).body;

  it('nobody signs up without a code, and with one that is not good', async () => {
    expect(codeOf(await signUp('a@example.com'))).toEqual([403, 'beta.invitation-needed']);
    const { id, code } = await newCode();
    await platform.call('DELETE', `${CODES}/${id}`);
    for (const bad of ['nonsense', '', code, 'x'.repeat(256)])
      expect([bad, ...codeOf(await signUp('a@example.com', bad))]).toEqual([bad, 403, 'beta.invalid-invitation']);
    expect(await mailsTo(platform, 'a@example.com')).toEqual([]);
  });

  it('a code lets in as many as it is for, counted when they verify, however it is typed', async () => {
    const { id, code } = await newCode({ usesMax: 2, note: 'friends' });
    const emails = [1, 2, 3].map((n) => `friend-${n}@example.com`);
    const typed = [code, code.toUpperCase().replaceAll('-', ' '), code.replaceAll('0', 'O')];
    for (const [index, email] of emails.entries()) expect((await signUp(email, typed[index])).status).toBe(202);
    const answers = await Promise.all(emails.map(verify));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 410]);
    expect(codeOf(answers.find(({ status }) => status === 410) ?? { status: 0, body: {} })).toEqual([
      410,
      'beta.code-used',
    ]);
    const { body } = await platform.call<{ data: { id: string; uses: number }[] }>('GET', CODES);
    expect(body.data.find((one) => one.id === id)).toMatchObject({ uses: 2, usesMax: 2, note: 'friends' });
    expect(JSON.stringify(body)).not.toContain(code);
  });

  it('a code past its end lets nobody in', async () => {
    const { id, code } = await newCode({ expiresAt: '2999-01-01T00:00:00Z' });
    await asOwner(platform, 'update identity.beta_code set expires_at = platform.now() where id = $1', [id]);
    expect(codeOf(await signUp('late@example.com', code))).toEqual([403, 'beta.invalid-invitation']);
  });

  it('an organisation’s invitation by mail lets in whom it was mailed to; its link, and an invitation of somebody else, does not', async () => {
    const { code } = await newCode();
    const owner = await signUpPerson(platform, { name: 'Olga', invitation: code });
    await owner.call('POST', '/v1/organisation/invitations', { role: 'viewer', email: 'guest@example.com' });
    const token = await lastLink(platform, 'guest@example.com');
    expect((await signUp('other@example.com', token)).status).toBe(403);
    const link = await owner.call('POST', '/v1/organisation/invitations', { role: 'viewer', usesMax: 5 });
    expect((await signUp('other@example.com', String(link.body.url).split('=')[1])).status).toBe(403);
    const guest = await signUpPerson(platform, { email: 'guest@example.com', organisation: null, invitation: token });
    expect((await guest.call('POST', '/v1/me/invitations/accept', { token })).status).toBe(201);
  });

  it('the waiting list answers alike for every address, confirms by mail, and the operator lets in the first of the line', async () => {
    const { code } = await newCode();
    const known = await signUpPerson(platform, { invitation: code });
    const client = createClient(platform);
    const ask = (email: string) => client.call('POST', '/v1/auth/waiting-list', { email });
    const emails = ['first@example.com', 'second@example.com', 'never@example.com'];
    const answers = [];
    for (const email of [...emails, known.email, 'first@example.com']) answers.push(await ask(email));
    for (const { status, body } of answers) expect([status, body]).toEqual([202, { status: 'mail-sent' }]);
    expect((await ask('no address')).status).toBe(422);
    for (const email of emails.slice(0, 2)) {
      const token = await lastLink(platform, email);
      for (let times = 0; times < 2; times += 1) {
        const confirmed = await client.call('POST', '/v1/auth/waiting-list/confirm', { token });
        expect([confirmed.status, confirmed.body]).toEqual([200, { status: 'confirmed' }]);
      }
    }
    expect(codeOf(await client.call('POST', '/v1/auth/waiting-list/confirm', { token: 'x' }))).toEqual([
      410,
      'beta.invalid-link',
    ]);
    const line = await platform.call<{ data: { id: string; email: string }[] }>('GET', '/v1/operator/waiting-list');
    expect(line.body.data.map(({ email }) => email)).toEqual(emails.slice(0, 2));
    expect((await platform.call('GET', '/v1/operator/beta')).body).toMatchObject({
      signUp: 'invite',
      waiting: 2,
      invited: 0,
    });

    const invite = (body: object) => platform.call('POST', '/v1/operator/waiting-list/invite', body);
    const both = await Promise.all([invite({ count: 1 }), invite({ ids: [line.body.data[0]?.id] })]);
    expect(both.map(({ body }) => body.invited).toSorted()).toEqual([0, 1]);
    expect((await invite({})).status).toBe(422);
    expect(await mailsTo(platform, 'second@example.com')).toHaveLength(1);
    const mail = (await mailsTo(platform, 'first@example.com')).at(-1);
    const [mailed = ''] = /[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}/.exec(mail?.text ?? '') ?? [];
    expect((await signUp('second@example.com', mailed)).status).toBe(403);
    expect((await signUp('first@example.com', mailed)).status).toBe(202);
    expect((await verify('first@example.com')).status).toBe(200);
    expect((await platform.call('GET', '/v1/operator/beta')).body).toMatchObject({ waiting: 1, invited: 1 });
  });

  it('forgets addresses that nobody confirmed after a week', async () => {
    const client = createClient(platform);
    await client.call('POST', '/v1/auth/waiting-list', { email: 'forgotten@example.com' });
    const count = () => asOwner(platform, `select from identity.waiting where email_folded = 'forgotten@example.com'`);
    const { beta } = platform.server.platform.identity;
    await beta.prune();
    expect(await count()).toHaveLength(1);
    await asOwner(
      platform,
      `update identity.waiting set created_at = created_at - interval '8 days' where email_folded = 'forgotten@example.com'`,
    );
    await beta.prune();
    expect(await count()).toHaveLength(0);
  });

  it('no code, link or list is open to who is no operator, nor to a test key', async () => {
    const body = { name: 'T', scopes: ['operator'], mode: 'test' };
    const key = String((await platform.call('POST', '/v1/keys', body)).body.secret);
    for (const [method, path, sent] of [
      ['POST', CODES, {}],
      ['GET', '/v1/operator/waiting-list', undefined],
      ['POST', '/v1/operator/waiting-list/invite', { count: 1 }],
    ] as const)
      expect(codeOf(await platform.call(method, path, sent, { key }))).toEqual([403, 'auth.test-key-refused']);
  });
});

describe('closed', () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await platformWith({ SIGN_UP: 'closed' });
  });
  afterAll(() => platform.close());

  it('nobody signs up, with a code or without; one may wait', async () => {
    const { code } = (await platform.call<{ code: string }>('POST', CODES, {})).body;
    const client = createClient(platform);
    for (const invitation of [undefined, code])
      expect(codeOf(await client.call('POST', SIGN_UP, bodyOf('a@example.com', invitation)))).toEqual([
        403,
        'beta.closed',
      ]);
    expect((await client.call('POST', '/v1/auth/waiting-list', { email: 'a@example.com' })).status).toBe(202);
  });
});

describe('a cap on people', () => {
  it('is exact for a hundred who verify at once over two processes, and holds for every way in', async () => {
    const platform = await platformWith({ SIGN_UP_MAX_PEOPLE: '10' });
    try {
      const other = await platform.another('api');
      // The hash of a password takes its time; what is held here is the counting.
      await asOwner(
        platform,
        `insert into identity.person (person_id, email, email_folded, name)
         select 'usr_' || lpad(n::text, 26, '0'), n || '@example.com', n || '@example.com', 'N' from generate_series(1, 100) n`,
      );
      const { identity } = platform.server.platform;
      const verify = (n: number) => {
        const personId = `usr_${String(n).padStart(26, '0')}`;
        const { db } = n % 2 === 0 ? platform : other.foundation;
        return db.tenant(personId, async (tx) => {
          const { verifyPerson } = await import('../../src/modules/identity/people/store.ts');
          return verifyPerson(tx, personId);
        });
      };
      const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => verify(n + 1)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
      const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason.spec?.code)] : []));
      expect(new Set(refusals)).toEqual(new Set(['people.full']));
      const people = await asOwner(platform, 'select from identity.person where verified_at is not null');
      expect(people).toHaveLength(10);

      const signUp = await createClient(platform).call('POST', SIGN_UP, bodyOf('late@example.com'));
      expect(codeOf(signUp)).toEqual([409, 'people.full']);
      const inserted = asOwner(
        platform,
        `insert into identity.person (person_id, email, email_folded, name, verified_at) values ('usr_x', 'x@example.com', 'x@example.com', 'X', platform.now())`,
      );
      await expect(inserted).rejects.toThrow('room for 10 people');
      expect(identity.beta).toBeDefined();
    } finally {
      await platform.close();
    }
  });

  it('refuses who signed up in time and verifies too late, whose link is good again when there is room', async () => {
    const platform = await platformWith({ SIGN_UP_MAX_PEOPLE: '1' });
    try {
      const client = createClient(platform);
      await client.call('POST', SIGN_UP, bodyOf('late@example.com'));
      const token = await lastLink(platform, 'late@example.com');
      const first = await signUpPerson(platform);
      expect(codeOf(await client.call('POST', '/v1/auth/verify', { token }))).toEqual([409, 'people.full']);
      await asOwner(platform, 'update identity.people_limit set people_max = 2');
      expect((await client.call('POST', '/v1/auth/verify', { token })).status).toBe(200);
      expect((await first.call('GET', '/v1/me')).status).toBe(200);
    } finally {
      await platform.close();
    }
  });
});

it('open, a member invites whom they like', async () => {
  const platform = await platformWith({});
  try {
    const { owner } = await staffed(platform);
    const guest = await signUpPerson(platform, { organisation: null });
    expect(await join(platform, owner, guest, 'viewer')).toMatch(/^mbr_/);
  } finally {
    await platform.close();
  }
});
