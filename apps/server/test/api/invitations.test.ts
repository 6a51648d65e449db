/** Invitations by mail and by link, through the interface. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, lastLink, mailsTo, signUpPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { asOwner, codeOf, type Staff, staffed } from './members-fixture.ts';

let platform: TestPlatform;
let staff: Staff;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(keeper) });
  staff = await staffed(platform);
});
afterAll(() => platform.close());

const PATH = '/v1/organisation/invitations';
const ACCEPT = '/v1/me/invitations/accept';
const MEMBERS = '/v1/organisation/members';
const INVALID = [410, 'invitations.invalid'];

interface Made {
  readonly id: string;
  readonly url: string | null;
}
const invite = async (body: object, by = staff.owner): Promise<Made> => {
  const { status, body: made } = await by.call<Made>('POST', PATH, body);
  expect([status, made]).toEqual([201, expect.objectContaining({ id: expect.stringMatching(/^inv_/) })]);
  return made;
};
const tokenOf = (made: Made): string => made.url?.split('#token=')[1] ?? '';
const stranger = (email?: string) => signUpPerson(platform, { organisation: null, ...(email ? { email } : {}) });
const statusOf = async (id: string) =>
  (
    await staff.owner.call<{ data: { id: string; status: string; uses: number }[] }>('GET', `${PATH}?limit=200`)
  ).body.data.find((one) => one.id === id);

describe('an invitation by mail', () => {
  it('is mailed, shows what it offers, and makes the reader a member once', async () => {
    const guest = await stranger();
    const made = await invite({ role: 'developer', email: guest.email });
    expect(made.url).toBeNull();
    expect((await mailsTo(platform, guest.email)).at(-1)?.subject).toContain('Organisation of Olga');
    const token = await lastLink(platform, guest.email);
    const offer = await createClient(platform).call('POST', '/v1/auth/invitation', { token });
    expect(offer.body).toMatchObject({ organisation: 'Organisation of Olga', role: 'developer', email: guest.email });
    const accepted = await guest.call('POST', ACCEPT, { token });
    expect(accepted).toMatchObject({ status: 201, body: { id: staff.orgId, role: 'developer' } });
    expect((await guest.call('GET', '/v1/me')).body).toMatchObject({ organisationId: staff.orgId, role: 'developer' });
    expect(codeOf(await guest.call('POST', ACCEPT, { token }))).toEqual(INVALID);
    expect(await statusOf(made.id)).toMatchObject({ status: 'used', uses: 1 });
  });

  it('accepted by somebody else is refused clearly, and is still good for whom it was meant', async () => {
    const [guest, thief] = [await stranger(), await stranger()];
    await invite({ role: 'admin', email: guest.email });
    const token = await lastLink(platform, guest.email);
    expect(codeOf(await thief.call('POST', ACCEPT, { token }))).toEqual([403, 'invitations.other-address']);
    expect(codeOf(await createClient(platform).call('POST', ACCEPT, { token }))).toEqual([401, 'auth.not-signed-in']);
    expect((await guest.call('POST', ACCEPT, { token })).status).toBe(201);
  });

  it('is not used up by a scanner that fetches its link, with and without the token', async () => {
    const guest = await stranger();
    await invite({ role: 'viewer', email: guest.email });
    const token = await lastLink(platform, guest.email);
    for (const path of ['/auth/invitation', `/auth/invitation?token=${token}`, `/v1/auth/invitation?token=${token}`])
      for (const method of ['GET', 'HEAD']) await fetch(`${platform.url}${path}`, { method });
    await createClient(platform).call('POST', '/v1/auth/invitation', { token });
    expect((await guest.call('POST', ACCEPT, { token })).status).toBe(201);
  });

  it('accepted fifty times at once makes one membership', async () => {
    const guest = await stranger();
    await invite({ role: 'viewer', email: guest.email });
    const token = await lastLink(platform, guest.email);
    const answers = await Promise.all(Array.from({ length: 50 }, () => guest.call('POST', ACCEPT, { token })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => ![201, 409, 410].includes(status))).toEqual([]);
    const rows = await asOwner(platform, 'select from identity.membership where person_id = $1', [guest.personId]);
    expect(rows).toHaveLength(1);
  });

  it('ends when it is revoked, expires, or another one goes to the same address', async () => {
    const guest = await stranger();
    const tokenAfter = async (body: object = {}) => {
      const { id } = await invite({ role: 'viewer', email: guest.email, ...body });
      return { id, token: await lastLink(platform, guest.email) };
    };
    const first = await tokenAfter();
    const second = await tokenAfter();
    expect(codeOf(await guest.call('POST', ACCEPT, { token: first.token }))).toEqual(INVALID);
    expect((await staff.owner.call('DELETE', `${PATH}/${second.id}`)).status).toBe(204);
    expect(codeOf(await guest.call('POST', ACCEPT, { token: second.token }))).toEqual(INVALID);
    const third = await tokenAfter({ expiresInSeconds: 60 });
    await asOwner(platform, `update identity.invitation set expires_at = platform.now() where id = $1`, [third.id]);
    expect(codeOf(await guest.call('POST', ACCEPT, { token: third.token }))).toEqual(INVALID);
    expect([(await statusOf(second.id))?.status, (await statusOf(third.id))?.status]).toEqual(['revoked', 'expired']);
  });

  it('lives seven days unless it says otherwise', async () => {
    const { body } = await staff.owner.call('POST', PATH, { role: 'viewer' });
    const seconds = (Date.parse(String(body.expiresAt)) - Date.parse(String(body.createdAt))) / 1_000;
    expect(seconds).toBeCloseTo(7 * 86_400, 0);
  });

  it.each([
    ['a plus sign', 'ada+guildhall@example.com', 'ADA+Guildhall@Example.com'],
    ['a domain of another script', 'ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ])('reaches an address with %s, however it is written', async (_, signedUp, invited) => {
    const guest = await stranger(signedUp);
    await invite({ role: 'viewer', email: invited });
    const sent = await asOwner<{ email: string }>(
      platform,
      'select email from identity.invitation order by id desc limit 1',
    );
    const token = await lastLink(platform, sent[0]?.email ?? '');
    expect((await guest.call('POST', ACCEPT, { token })).status).toBe(201);
  });

  it('without its plus sign is for somebody else', async () => {
    const guest = await stranger('eve+other@example.com');
    await invite({ role: 'viewer', email: 'eve@example.com' });
    const token = await lastLink(platform, 'eve@example.com');
    expect(codeOf(await guest.call('POST', ACCEPT, { token }))).toEqual([403, 'invitations.other-address']);
  });

  it.each([
    ['without a sign', 'no address'],
    ['without a dot', 'a@b'],
    ['of 10,000 characters', `${'x'.repeat(10_000)}@example.com`],
    ['with a second header', 'a@b.c\r\nBcc: all@example.com'],
  ])('to what is no address is refused: %s', async (_, email) => {
    expect((await staff.owner.call('POST', PATH, { role: 'viewer', email })).status).toBe(422);
  });
});

describe('an invitation by link', () => {
  it('is shown once, and takes as many people as it is for, however many come at once', async () => {
    const made = await invite({ role: 'viewer', usesMax: 3 });
    expect(made.url).toMatch(/\/auth\/invitation#token=[\w-]{43}$/);
    const people = [];
    for (let n = 0; n < 6; n += 1) people.push(await stranger());
    const token = tokenOf(made);
    const answers = await Promise.all(people.map((one) => one.call('POST', ACCEPT, { token })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 201, 410, 410, 410]);
    expect(await statusOf(made.id)).toMatchObject({ status: 'used', uses: 3 });
    expect(JSON.stringify((await staff.owner.call('GET', PATH)).body)).not.toContain(token);
  });

  it('does nothing for who is a member already, and is not used up by them', async () => {
    const made = await invite({ role: 'owner', usesMax: 2 });
    const viewer = await staff.hire('viewer');
    expect(codeOf(await viewer.call('POST', ACCEPT, { token: tokenOf(made) }))).toEqual([409, 'members.already']);
    expect((await viewer.call('GET', '/v1/me')).body.role).toBe('viewer');
    expect(await statusOf(made.id)).toMatchObject({ uses: 0 });
  });

  it('with an address is for one person alone', async () => {
    const body = { role: 'viewer', email: 'a@example.com', usesMax: 2 };
    expect((await staff.owner.call('POST', PATH, body)).status).toBe(422);
  });
});

describe('an invitation', () => {
  it('ends with the right of whoever made it: what they could not offer now with a demotion, all with their membership', async () => {
    const second = await staff.hire('owner');
    const [low, high] = [
      await invite({ role: 'viewer', usesMax: 9 }, second),
      await invite({ role: 'owner', usesMax: 9 }, second),
    ];
    const answerTo = async (made: Made) =>
      (await (await stranger()).call('POST', ACCEPT, { token: tokenOf(made) })).status;
    await staff.owner.call('PUT', `${MEMBERS}/${second.memberId}`, { role: 'admin' });
    expect([await answerTo(high), await answerTo(low)]).toEqual([410, 201]);
    await staff.owner.call('PUT', `${MEMBERS}/${second.memberId}`, { role: 'developer' });
    expect(await answerTo(low)).toBe(410);
    const admin = await staff.hire('admin');
    const last = await invite({ role: 'viewer' }, admin);
    await staff.owner.call('DELETE', `${MEMBERS}/${admin.memberId}`);
    expect(await answerTo(last)).toBe(410);
  });

  it('of another organisation cannot be revoked, and one that leads nowhere answers as an unknown one', async () => {
    const other = await staffed(platform);
    const { id } = await invite({ role: 'viewer' }, other.owner);
    const missing = await staff.owner.call('DELETE', `${PATH}/inv_${'0'.repeat(26)}`);
    const foreign = await staff.owner.call('DELETE', `${PATH}/${id}`);
    expect([codeOf(foreign), codeOf(missing)]).toEqual([
      [404, 'invitations.not-found'],
      [404, 'invitations.not-found'],
    ]);
    const look = await createClient(platform).call('POST', '/v1/auth/invitation', { token: 'nonsense' });
    expect(codeOf(look)).toEqual(INVALID);
  });

  it('stands in the database without its token', async () => {
    const made = await invite({ role: 'viewer' });
    const rows = await asOwner(platform, 'select * from identity.invitation where id = $1', [made.id]);
    expect(JSON.stringify(rows)).not.toContain(tokenOf(made));
  });
});
