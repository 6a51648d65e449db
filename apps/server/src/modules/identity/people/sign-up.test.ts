import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyring } from '../../../platform/crypto/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Fixture, identityFixture, MASTER_KEY } from '../fixture.ts';
import type { Attempt } from '../types.ts';

const PASSWORD = 'four words never said before';
const DAY_MS = 24 * 3_600_000;

let fixture: Fixture;
const keyring = createKeyring({ masterKey: MASTER_KEY });
beforeEach(async () => {
  fixture = await identityFixture(keyring);
});
afterEach(() => fixture.close());

const attempt = (email: string): Attempt => ({
  ip: '192.0.2.1',
  email,
  device: undefined,
  userAgent: 'test',
  requestId: 'req_test',
});
const signUp = (email: string, more: { password?: string; organisation?: string } = {}) =>
  fixture.identity.people.signUp({ email, password: PASSWORD, name: 'Ada', locale: 'en', ...more }, attempt(email));
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => (error instanceof GuildhallError ? error.spec.code : String(error)),
  );
const peopleOf = async (email: string) =>
  fixture.asOwner<{ person_id: string; verified: boolean }>(
    'select person_id, verified_at is not null as verified from identity.person where email_folded = $1 order by 2 desc',
    [email],
  );

/** The tokens of links in mails, oldest first. */
async function tokens(): Promise<string[]> {
  const rows = await fixture.asOwner<{ id: string; org_id: string; sealed: Buffer }>(
    'select id, org_id, sealed from platform.mail order by created_at, id',
  );
  return rows.flatMap(({ id, org_id: orgId, sealed }) => {
    const text = keyring
      .decrypt({ orgId, table: 'platform.mail', column: 'sealed', rowId: id }, sealed)
      .toString('utf8');
    const token = /#token=([\w-]+)/.exec(text)?.[1];
    return token === undefined ? [] : [token];
  });
}
const verify = (token: string) => codeOf(fixture.identity.people.verify(token, 'req_test'));

describe('an address', () => {
  it('that ten sign up with at once has one sign-up under way, and none of them hears of the others', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => codeOf(signUp('ada@example.com'))));
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => 'fine'));
    expect(await peopleOf('ada@example.com')).toHaveLength(1);
  });

  it('that is signed up with again forgets the sign-up before, with its link and its session', async () => {
    await signUp('ada@example.com', { password: 'the words of somebody else' });
    const [first = ''] = await tokens();
    await fixture.identity.sessions.signIn('the words of somebody else', attempt('ada@example.com'));
    await signUp('ada@example.com');
    expect(await verify(first)).toBe('people.invalid-link');
    const signIn = (password: string) => codeOf(fixture.identity.sessions.signIn(password, attempt('ada@example.com')));
    expect([await signIn('the words of somebody else'), await signIn(PASSWORD)]).toEqual(['sessions.refused', 'fine']);
    expect(await fixture.asOwner('select from identity.session')).toHaveLength(1);
    expect(await verify((await tokens()).at(-1) ?? '')).toBe('fine');
  });

  it('has one verified person, whoever uses which link when', async () => {
    await signUp('ada@example.com');
    expect(await verify((await tokens()).at(-1) ?? '')).toBe('fine');
    const [ada] = await peopleOf('ada@example.com');
    await signUp('ada@example.com', { password: 'the words of somebody else' });
    // No mail holds a link for this one; not even a link of its own would do.
    const [, pending] = await peopleOf('ada@example.com');
    await fixture.asOwner(`update identity.link set token_hash = $2, used_at = null where person_id = $1`, [
      pending?.person_id,
      keyring.mac('link-verify', 'found-somehow'),
    ]);
    expect(await verify('found-somehow')).toBe('people.invalid-link');
    expect(await peopleOf('ada@example.com')).toEqual([ada, pending]);
  });
});

describe('a link', () => {
  it('dies after 24 hours', async () => {
    await signUp('ada@example.com');
    const [token = ''] = await tokens();
    await fixture.advance(DAY_MS);
    expect(await verify(token)).toBe('people.invalid-link');
  });

  it('of twenty who use it at once lets one through, and one organisation is made', async () => {
    await signUp('ada@example.com', { organisation: 'Ada & Co' });
    const [token = ''] = await tokens();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(outcomes.filter((code) => code === 'fine')).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'people.invalid-link')).toHaveLength(19);
    expect(await fixture.asOwner('select from identity.membership')).toHaveLength(1);
    expect(fixture.opened).toHaveLength(1);
  });

  it('that was made up, cut or changed is none', async () => {
    await signUp('ada@example.com');
    const [token = ''] = await tokens();
    for (const wrong of [
      '',
      'x',
      token.slice(0, -1),
      `${token}x`,
      `A${token.slice(1)}`,
      token.toUpperCase(),
      `${token}\0`,
    ])
      expect([wrong, await verify(wrong)]).toEqual([wrong, 'people.invalid-link']);
  });
});

it('what is over is forgotten after 30 days: sign-ups that nobody verified, links, sessions; people stay', async () => {
  await signUp('stays@example.com', { organisation: 'Stays' });
  expect(await verify((await tokens())[0] ?? '')).toBe('fine');
  await fixture.identity.sessions.signIn(PASSWORD, attempt('stays@example.com'));
  await signUp('goes@example.com');
  await fixture.identity.sessions.signIn(PASSWORD, attempt('goes@example.com'));
  await fixture.advance(29 * DAY_MS);
  await fixture.identity.people.prune();
  expect(await peopleOf('goes@example.com')).toHaveLength(1);
  await fixture.advance(2 * DAY_MS);
  await fixture.identity.people.prune();
  expect([await peopleOf('goes@example.com'), await peopleOf('stays@example.com')]).toEqual([
    [],
    [{ person_id: expect.any(String), verified: true }],
  ]);
  expect(await fixture.asOwner('select from identity.session')).toEqual([]);
  expect(await fixture.asOwner('select from identity.link')).toEqual([]);
});
