import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptOf, mailsOf, PASSWORD, refusalOf, type Someone, setUpApp, someone } from '../factors/fixture.ts';
import { type Fixture, identityFixture, MINUTE_MS } from '../fixture.ts';
import type { Identity } from '../index.ts';
import type { Attempt } from '../types.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 60 * MINUTE_MS;
const WRONG = 'five words that are not';

let fixture: Fixture;
let identity: Identity;
let ada: Someone;
beforeEach(async () => {
  fixture = await identityFixture();
  ({ identity } = fixture);
  ada = await someone(fixture);
});
afterEach(() => fixture.close());

const tryAt = (email: string, password: string, from: Partial<Attempt> = {}, by = identity) =>
  refusalOf(by.sessions.signIn(password, attemptOf(email, from)));
/** Signs in, and gives the cookie that the device is known by from then on. */
async function deviceOf(email: string, from: Partial<Attempt> = {}): Promise<string> {
  const outcome = await identity.sessions.signIn(PASSWORD, attemptOf(email, from));
  if (outcome.status !== 'signed-in') throw new Error(outcome.status);
  return outcome.begun.deviceToken ?? '';
}
/** What sign-in does with a wrong password, without comparing it and without the pause that hides how long that takes. */
const fail = async (
  from: Partial<Attempt> = {},
  { email = ada.email, by = identity }: { email?: string; by?: Identity } = {},
): Promise<string> => {
  const attempt = attemptOf(email, from);
  const verdict = await refusalOf(by.guard.admit('sign-in', attempt));
  if (verdict !== 'fine') return verdict;
  await by.guard.noteFailure(attempt, email === ada.email ? ada.personId : undefined);
  return 'sessions.refused';
};
const audited = (action: string) => fixture.audited.filter((event) => event.action === action);

describe('SES-07: an account', () => {
  it('makes who fails wait 1 s after four tries, twice as long each time, an hour at most, in all processes', async () => {
    const other = fixture.another();
    let process = 0;
    const failAnywhere = () => {
      process += 1;
      return fail({}, { by: process % 2 === 0 ? identity : other });
    };
    for (let n = 1; n <= 4; n += 1) expect([n, await failAnywhere()]).toEqual([n, 'sessions.refused']);
    const pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600, 3_600];
    for (const seconds of pauses) {
      expect([seconds, await failAnywhere()]).toEqual([seconds, 'guard.slow-down']);
      // The clock of the test goes on while it looks: a second is too short to look just before its end.
      if (seconds > 30) {
        await fixture.advance((seconds - 30) * SECOND_MS);
        expect([seconds, await failAnywhere()]).toEqual([seconds, 'guard.slow-down']);
        await fixture.advance(30 * SECOND_MS);
      } else await fixture.advance(seconds * SECOND_MS);
      expect([seconds, await failAnywhere()]).toEqual([seconds, 'sessions.refused']);
    }
  });

  it('says how long to wait', async () => {
    for (let n = 0; n < 9; n += 1) {
      await fail();
      await fixture.advance(MINUTE_MS);
    }
    await fail();
    await expect(identity.sessions.signIn(PASSWORD, attemptOf(ada.email))).rejects.toMatchObject({
      spec: { status: 429 },
      details: { members: { retryAfterSeconds: 64 } },
    });
  });

  it('admits a hundred failures in a row from everywhere, exactly, however many come at once in two processes', async () => {
    const processes = [identity, fixture.another()];
    const verdicts = await Promise.all(
      Array.from({ length: 130 }, (_, n) => fail({ ip: `203.0.113.${n}` }, { by: processes[n % 2] ?? identity })),
    );
    expect(verdicts.filter((verdict) => verdict === 'sessions.refused')).toHaveLength(100);
    expect(verdicts.filter((verdict) => verdict === 'guard.locked')).toHaveLength(30);
    // Time alone opens nothing.
    await fixture.advance(24 * HOUR_MS);
    expect(await tryAt(ada.email, PASSWORD, { ip: '192.0.2.200' })).toBe('guard.locked');
  });

  it('counts anew after a success, and a step-up with the right password is one', async () => {
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 3; n += 1) expect(await fail()).toBe('sessions.refused');
      expect(await tryAt(ada.email, PASSWORD)).toBe('fine');
    }
    const outcome = await identity.sessions.signIn(PASSWORD, attemptOf(ada.email));
    const sessionId = outcome.status === 'signed-in' ? outcome.begun.sessionId : '';
    const self = { personId: ada.personId, sessionId, requestId: 'req_test' };
    const stepUp = (password: string) => refusalOf(identity.sessions.stepUp(self, password, attemptOf('')));
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 2; n += 1) expect(await fail()).toBe('sessions.refused');
      expect(await stepUp(WRONG)).toBe('people.wrong-password');
      expect(await stepUp(PASSWORD)).toBe('fine');
    }
    for (let n = 0; n < 3; n += 1) await fail();
    expect(await stepUp(WRONG)).toBe('people.wrong-password');
    expect(await stepUp(PASSWORD)).toBe('guard.slow-down');
  });

  it('does not count a right password against who has a second factor', async () => {
    await setUpApp(fixture, ada);
    for (let n = 0; n < 8; n += 1) expect(await tryAt(ada.email, PASSWORD)).toBe('fine');
  });
});

describe('AUTH-04: an address that has no account', () => {
  it('is slowed down and closed in the same way', async () => {
    const verdicts = async (email: string) => {
      // Which of those at once is told to slow down is chance; how many are is not.
      const seen = (await Promise.all(Array.from({ length: 4 }, () => tryAt(email, WRONG)))).sort();
      seen.push(await tryAt(email, WRONG));
      await fixture.advance(SECOND_MS);
      seen.push(await tryAt(email, WRONG), await tryAt(email, WRONG));
      for (let n = 0; n < 100; n += 1) seen.push(await fail({ ip: `203.0.113.${n}` }, { email }));
      return [...seen, await tryAt(email, WRONG, { ip: '192.0.2.200' })];
    };
    const [known, unknown] = [await verdicts(ada.email), await verdicts('nobody@example.com')];
    expect(unknown).toEqual(known);
    expect(new Set(known)).toEqual(new Set(['sessions.refused', 'guard.slow-down', 'guard.locked']));
  });
});

describe('SES-08: who burns tries', () => {
  it('a thousand from one network, keeps neither another network nor a known device out', async () => {
    const device = await deviceOf(ada.email);
    for (let n = 0; n < 1_000; n += 1) {
      await fail({ ip: '203.0.113.66' });
      if (n % 50 === 0) await fixture.advance(HOUR_MS);
    }
    expect(await tryAt(ada.email, PASSWORD, { ip: '203.0.113.66' })).toBe('guard.slow-down');
    expect(await tryAt(ada.email, PASSWORD, { ip: '192.0.2.1' })).toBe('fine');
    // Also from the very network of the attacker.
    expect(await tryAt(ada.email, PASSWORD, { ip: '203.0.113.66', device })).toBe('fine');
  });

  it('a thousand from a thousand networks, does not keep a known device out, and its success opens the others', async () => {
    const device = await deviceOf(ada.email);
    for (let n = 0; n < 1_000; n += 1) await fail({ ip: `2001:db8:${n.toString(16)}::1` });
    expect(await tryAt(ada.email, PASSWORD, { ip: '192.0.2.1' })).toBe('guard.locked');
    expect(await tryAt(ada.email, PASSWORD, { ip: '2001:db8:1::1', device })).toBe('fine');
    expect(await tryAt(ada.email, PASSWORD, { ip: '192.0.2.1' })).toBe('fine');
  });

  it('of a known device does not close the others, and the device has its own end', async () => {
    const [home, stolen] = [await deviceOf(ada.email), await deviceOf(ada.email)];
    let refused = 0;
    for (let n = 0; n < 110; n += 1) {
      if ((await fail({ device: stolen })) === 'sessions.refused') refused += 1;
      await fixture.advance(HOUR_MS);
    }
    expect(refused).toBe(100);
    expect(await tryAt(ada.email, PASSWORD, { device: stolen })).toBe('guard.locked');
    expect(await tryAt(ada.email, PASSWORD, { device: home })).toBe('fine');
    expect(await tryAt(ada.email, PASSWORD)).toBe('fine');
  });

  it('stands before what a forgotten password sets anew: every lane is open, and no device is known', async () => {
    const device = await deviceOf(ada.email);
    await Promise.all(Array.from({ length: 110 }, (_, n) => fail({ ip: `203.0.113.${n}` })));
    expect(await tryAt(ada.email, PASSWORD)).toBe('guard.locked');
    await fixture.database.db.tenant(ada.personId, (tx) => identity.guard.noteReset(tx, ada.personId));
    expect(await tryAt(ada.email, PASSWORD, { ip: '203.0.113.1' })).toBe('fine');
    await Promise.all(Array.from({ length: 110 }, (_, n) => fail({ ip: `203.0.113.${n}` })));
    expect(await tryAt(ada.email, PASSWORD, { device })).toBe('guard.locked');
  });
});

describe('a device', () => {
  it('is known by a cookie that we signed for this person, and by nothing like it', async () => {
    const device = await deviceOf(ada.email);
    const eve = await someone(fixture, 'eve@example.com');
    const foreign = await deviceOf(eve.email);
    await Promise.all(Array.from({ length: 110 }, (_, n) => fail({ ip: `203.0.113.${n}` })));
    const [id = '', mac = ''] = device.split('.');
    const [foreignId = '', foreignMac = ''] = foreign.split('.');
    for (const forged of [
      foreign,
      `${id}.${foreignMac}`,
      `${foreignId}.${mac}`,
      `${id}.${'A'.repeat(43)}`,
      `${id}.${mac.slice(0, -1)}`,
      `${id}.`,
      id,
      '',
      '~~~~',
      `x~x~x~x~${device}`,
    ])
      expect([forged, await tryAt(ada.email, PASSWORD, { device: forged })]).toEqual([forged, 'guard.locked']);
    expect(await tryAt(ada.email, PASSWORD, { device: `${foreign}~${device}` })).toBe('fine');
  });

  it('is one for each person who comes from it, and the cookie holds four at most', async () => {
    let cookie: string | undefined;
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const one = await someone(fixture, `${name}@example.com`);
      cookie = await deviceOf(one.email, { device: cookie });
    }
    expect(cookie?.split('~')).toHaveLength(4);
    const outcome = await identity.sessions.signIn(PASSWORD, attemptOf('b@example.com', { device: cookie }));
    expect(outcome).toMatchObject({ status: 'signed-in', begun: { deviceToken: undefined } });
  });
});

describe('SES-09: failures', () => {
  it('in a burst are told to their owner and the trail at ten and at a hundred, and the next session carries the risk', async () => {
    const before = (await mailsOf(fixture, ada)).length;
    for (let n = 0; n < 101; n += 1) await fail({ ip: `203.0.113.${n}` });
    const mails = (await mailsOf(fixture, ada)).slice(before);
    expect(mails).toEqual(Array(2).fill('Many failed tries to sign in to your account'));
    expect(audited('session.failures').map(({ orgId, data }) => [orgId, data])).toEqual([
      [ada.personId, { failures: 10 }],
      [ada.personId, { failures: 100 }],
    ]);
    await fixture.database.db.tenant(ada.personId, (tx) => identity.guard.noteReset(tx, ada.personId));
    expect(await tryAt(ada.email, PASSWORD)).toBe('fine');
    expect(audited('session.unusual')).toMatchObject([{ data: { reasons: 'failures-before', risk: 20 } }]);
    expect(await fixture.asOwner('select risk from identity.session')).toEqual([{ risk: 20 }]);
  });
});
