import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, identityFixture, MINUTE_MS } from '../fixture.ts';
import type { Identity } from '../index.ts';
import type { Attempt } from '../types.ts';
import { type App, attemptOf, PASSWORD, refusalOf, type Someone, setUpApp, someone } from './fixture.ts';
import type { Proof } from './types.ts';

let fixture: Fixture;
let identity: Identity;
let ada: Someone;
beforeEach(async () => {
  fixture = await identityFixture();
  ({ identity } = fixture);
  ada = await someone(fixture);
});
afterEach(() => fixture.close());

const HERE = attemptOf('');

async function challenge(by = identity, from: Partial<Attempt> = {}): Promise<string> {
  const outcome = await by.sessions.signIn(PASSWORD, attemptOf(ada.email, from));
  if (outcome.status !== 'second-factor-required') throw new Error(outcome.status);
  return outcome.challenge;
}
const answer = (token: string, proof: Proof, by = identity, from = HERE) =>
  refusalOf(by.factors.answer(token, proof, from));
const byCode = async (app: App, skewSeconds = 0): Promise<Proof> => ({
  type: 'code',
  code: await app.code(skewSeconds),
});
const audited = (action: string) => fixture.audited.filter((event) => event.action === action).length;

describe('SES-05: an authenticator app', () => {
  it('stands between a right password and a session, and its code begins the session', async () => {
    const app = await setUpApp(fixture, ada);
    await app.nextStep();
    const token = await challenge();
    expect(await fixture.asOwner('select id from identity.session')).toHaveLength(0);
    const begun = await identity.factors.answer(token, await byCode(app), HERE);
    const principal = await identity.sessions.authenticate(begun.token, undefined);
    expect(principal).toMatchObject({ personId: ada.personId, sessionId: begun.sessionId });
  });

  it('is good for nothing before a code of it was shown', async () => {
    const self = { personId: ada.personId, sessionId: undefined, requestId: 'req_test' };
    await fixture.database.db.tenant(ada.personId, (tx) => identity.factors.beginTotp(tx, self, 'Phone'));
    expect((await identity.sessions.signIn(PASSWORD, attemptOf(ada.email))).status).toBe('signed-in');
  });

  it('shows codes that may be a step early or late, and no further off', async () => {
    const app = await setUpApp(fixture, ada);
    for (const [skew, verdict] of [
      [-90, 'factors.refused'],
      [90, 'factors.refused'],
      [-30, 'fine'],
      [30, 'fine'],
    ] as const) {
      await app.nextStep();
      await app.nextStep();
      await app.nextStep();
      expect([skew, await answer(await challenge(), await byCode(app, skew))]).toEqual([skew, verdict]);
    }
  });

  it('shows each code for one use: not in the same window, not in another sign-in, not after a later one', async () => {
    const app = await setUpApp(fixture, ada);
    await app.nextStep();
    const [early, now] = [await byCode(app, -30), await byCode(app)];
    expect(await answer(await challenge(), now)).toBe('fine');
    expect(await answer(await challenge(), now)).toBe('factors.refused');
    expect(await answer(await challenge(), early)).toBe('factors.refused');
    await app.nextStep();
    expect(await answer(await challenge(), now)).toBe('factors.refused');
    expect(await answer(await challenge(), await byCode(app))).toBe('fine');
  });

  it('lets one in of twenty who send one code at once to two processes, each with a challenge of their own', async () => {
    const app = await setUpApp(fixture, ada);
    await app.nextStep();
    const proof = await byCode(app);
    const processes = [identity, fixture.another()];
    const challenges: string[] = [];
    // Three tries from one network are free; each comes from another one.
    for (let n = 0; n < 20; n += 1) challenges.push(await challenge(identity, { ip: `198.51.100.${n}` }));
    const answers = await Promise.all(
      challenges.map((token, n) =>
        answer(token, proof, processes[n % 2] ?? identity, { ...HERE, ip: `198.51.100.${n}` }),
      ),
    );
    expect(answers.filter((verdict) => verdict === 'fine')).toHaveLength(1);
    expect(await fixture.asOwner('select id from identity.session')).toHaveLength(1);
  });

  it('takes the place of the one before it when it is confirmed, not earlier', async () => {
    const old = await setUpApp(fixture, ada);
    await old.nextStep();
    expect(await answer(await challenge(), await byCode(old))).toBe('fine');
    const next = await setUpApp(fixture, ada);
    expect(next.recoveryCodes).toEqual([]);
    await next.nextStep();
    expect(await answer(await challenge(), await byCode(old))).toBe('factors.refused');
    expect(await answer(await challenge(), await byCode(next))).toBe('fine');
  });

  it('lies sealed in the database, bound to its row and its person', async () => {
    await setUpApp(fixture, ada);
    const [row] = await fixture.asOwner<{ id: string; secret: Buffer }>('select id, secret from identity.factor');
    const place = { orgId: ada.personId, table: 'identity.factor', column: 'secret', rowId: row?.id ?? '' };
    const sealed = row?.secret ?? Buffer.alloc(0);
    expect(fixture.keyring.decrypt(place, sealed)).toHaveLength(20);
    expect(() => fixture.keyring.decrypt({ ...place, orgId: 'usr_other' }, sealed)).toThrow();
    // With all that is sealed it is moved to a new master key.
    const columns = await fixture.asOwner(
      `select org_column from platform.sealed_column where table_name = 'identity.factor'`,
    );
    expect(columns).toEqual([{ org_column: 'person_id' }]);
  });
});

describe('SES-05: recovery codes', () => {
  it('are ten, come with the first factor, and are stored hashed', async () => {
    const { recoveryCodes } = await setUpApp(fixture, ada);
    expect(new Set(recoveryCodes).size).toBe(10);
    for (const code of recoveryCodes) expect(code).toMatch(/^([0-9a-z]{4}-){2}[0-9a-z]{4}$/);
    const rows = await fixture.asOwner<{ text: string }>('select t::text as text from identity.recovery_code t');
    expect(rows).toHaveLength(10);
    for (const code of recoveryCodes) {
      const plain = code.replaceAll('-', '');
      const hex = Buffer.from(plain).toString('hex');
      expect(rows.filter(({ text }) => text.includes(plain) || text.includes(code) || text.includes(hex))).toEqual([]);
    }
  });

  it('work once each, however they are written, and also when two use one at once', async () => {
    const { recoveryCodes } = await setUpApp(fixture, ada);
    const [first = '', second = ''] = recoveryCodes;
    const proof: Proof = { type: 'recovery-code', code: first.toUpperCase().replaceAll('-', ' ') };
    expect(await answer(await challenge(), proof)).toBe('fine');
    expect(await answer(await challenge(), proof)).toBe('factors.refused');
    const race: Proof = { type: 'recovery-code', code: second };
    const [one, two] = [await challenge(), await challenge()];
    const verdicts = await Promise.all([answer(one, race), answer(two, race, fixture.another())]);
    expect(verdicts.toSorted()).toEqual(['factors.refused', 'fine']);
    expect(audited('recovery-code.use')).toBe(2);
  });

  it('of another person and of a former set are worth nothing', async () => {
    const { recoveryCodes } = await setUpApp(fixture, ada);
    const eve = await someone(fixture, 'eve@example.com');
    const [foreign = ''] = (await setUpApp(fixture, eve)).recoveryCodes;
    expect(await answer(await challenge(), { type: 'recovery-code', code: foreign })).toBe('factors.refused');
    const self = { personId: ada.personId, sessionId: undefined, requestId: 'req_test' };
    const fresh = await fixture.database.db.tenant(ada.personId, (tx) => identity.factors.renewCodes(tx, self));
    const [former = ''] = recoveryCodes;
    expect(await answer(await challenge(), { type: 'recovery-code', code: former })).toBe('factors.refused');
    expect(await answer(await challenge(), { type: 'recovery-code', code: fresh[0] ?? '' })).toBe('fine');
  });
});

describe('a challenge', () => {
  it('is good for five minutes, to the second', async () => {
    const app = await setUpApp(fixture, ada);
    for (const [afterMs, verdict] of [
      [5 * MINUTE_MS - 5_000, 'fine'],
      [5 * MINUTE_MS + 1_000, 'factors.invalid-challenge'],
    ] as const) {
      const token = await challenge();
      await fixture.advance(afterMs);
      expect([afterMs, await answer(token, await byCode(app))]).toEqual([afterMs, verdict]);
    }
  });

  it('begins one session, stays good after a wrong code, and is void after a right one', async () => {
    const app = await setUpApp(fixture, ada);
    await app.nextStep();
    const token = await challenge();
    expect(await answer(token, { type: 'code', code: '000000' })).toBe('factors.refused');
    const proof = await byCode(app);
    const verdicts = await Promise.all(Array.from({ length: 3 }, () => answer(token, proof)));
    expect(verdicts.filter((verdict) => verdict === 'fine')).toHaveLength(1);
    await app.nextStep();
    expect(await answer(token, await byCode(app))).toBe('factors.invalid-challenge');
  });

  it('is bound to the network and the browser that asked for it, and to its person', async () => {
    const app = await setUpApp(fixture, ada);
    await app.nextStep();
    const token = await challenge();
    const proof = await byCode(app);
    expect(await answer(token, proof, identity, { ...HERE, ip: '198.51.100.7' })).toBe('factors.invalid-challenge');
    expect(await answer(token, proof, identity, { ...HERE, userAgent: 'other' })).toBe('factors.invalid-challenge');
    const eve = await someone(fixture, 'eve@example.com');
    const other = await setUpApp(fixture, eve);
    expect(await answer(token, await byCode(other))).toBe('factors.refused');
    expect(await answer('A'.repeat(43), proof)).toBe('factors.invalid-challenge');
  });

  it('is void when the password changes or the person is disabled meanwhile', async () => {
    const app = await setUpApp(fixture, ada);
    for (const change of [`password_hash = password_hash || ''`, 'disabled_at = platform.now()']) {
      await app.nextStep();
      const token = await challenge();
      await fixture.asOwner(`update identity.person set ${change} where person_id = $1`, [ada.personId]);
      expect([change, await answer(token, await byCode(app))]).toEqual([change, 'factors.invalid-challenge']);
    }
  });
});

describe('guessing codes', () => {
  it('SES-07: is slowed down like guessing passwords, and never gets more than a hundred tries in a row', async () => {
    await setUpApp(fixture, ada);
    const wrong: Proof = { type: 'code', code: '000000' };
    const verdicts: string[] = [];
    for (let n = 0; n < 27; n += 1) {
      // Each from a network of its own, where four tries need not wait.
      const ip = `203.0.113.${n}`;
      const token = await challenge(identity, { ip });
      for (let left = 4; left > 0; left -= 1) verdicts.push(await answer(token, wrong, identity, { ...HERE, ip }));
    }
    const tried = verdicts.filter((verdict) => verdict === 'factors.refused').length;
    expect(new Set(verdicts)).toEqual(new Set(['factors.refused', 'guard.locked']));
    expect(tried).toBe(100);
  });
});
