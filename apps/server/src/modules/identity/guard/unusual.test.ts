import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptOf, mailsOf, PASSWORD, type Someone, someone } from '../factors/fixture.ts';
import { type Fixture, identityFixture, MINUTE_MS } from '../fixture.ts';
import type { Place } from '../types.ts';

const HOUR_MS = 60 * MINUTE_MS;
const PLACES: Readonly<Record<string, Place>> = {
  '192.0.2.1': { country: 'DE', latitude: 52.5, longitude: 13.4 },
  '192.0.2.2': { country: 'DE', latitude: 48.1, longitude: 11.6 },
  '198.51.100.1': { country: 'AU', latitude: -33.9, longitude: 151.2 },
};

let fixture: Fixture;
let ada: Someone;
beforeEach(async () => {
  fixture = await identityFixture(undefined, { countryOf: (ip) => PLACES[ip] });
  ada = await someone(fixture);
});
afterEach(() => fixture.close());

const UNUSUAL = 'An unusual sign-in to your account';
const unusualMails = async () => (await mailsOf(fixture, ada)).filter((subject) => subject === UNUSUAL).length;
const told = () =>
  fixture.audited.filter(({ action }) => action === 'session.unusual').map(({ orgId, data }) => [orgId, data]);

/** Signs in, and gives the cookie of the device and the session as it is stored. */
async function signIn(ip: string, device?: string) {
  const outcome = await fixture.identity.sessions.signIn(PASSWORD, attemptOf(ada.email, { ip, device }));
  if (outcome.status !== 'signed-in') throw new Error(outcome.status);
  const [row] = await fixture.asOwner<{ risk: number; country: string | null }>(
    'select risk, country from identity.session where id = $1',
    [outcome.begun.sessionId],
  );
  return { device: outcome.begun.deviceToken ?? device, ...row };
}

describe('SES-09: a sign-in', () => {
  it('is told to the person and the trail, with its risk, where device, country or travel are new, and not where nothing is', async () => {
    const first = await signIn('192.0.2.1');
    expect([first.risk, first.country, await unusualMails()]).toEqual([0, 'DE', 0]);
    await fixture.advance(HOUR_MS);
    expect((await signIn('192.0.2.2', first.device)).risk).toBe(0);
    expect(told()).toEqual([]);

    await fixture.advance(HOUR_MS);
    const second = await signIn('192.0.2.1');
    expect(second.risk).toBe(30);
    await fixture.advance(2 * HOUR_MS);
    const away = await signIn('198.51.100.1', second.device);
    expect(away).toMatchObject({ risk: 70, country: 'AU' });
    await fixture.advance(48 * HOUR_MS);
    expect((await signIn('198.51.100.1', first.device)).risk).toBe(0);
    expect(told()).toEqual([
      [ada.personId, { risk: 30, reasons: 'new-device' }],
      [ada.personId, { risk: 70, reasons: 'new-country impossible-travel' }],
    ]);
    expect(await unusualMails()).toBe(2);
  });

  it('from an address that nobody can place says nothing about countries', async () => {
    const { device } = await signIn('192.0.2.1');
    expect(await signIn('203.0.113.1', device)).toMatchObject({ risk: 0, country: null });
    expect(told()).toEqual([]);
  });

  it('tells the country and the network of one person to nobody else', async () => {
    await signIn('198.51.100.1');
    const eve = await someone(fixture, 'eve@example.com');
    await fixture.identity.sessions.signIn(PASSWORD, attemptOf(eve.email, { ip: '192.0.2.1' }));
    expect(told()).toEqual([]);
  });
});

describe('SES-09: a key', () => {
  it('that comes from a new network is told once to its people and the trail, in whichever process; the first network is not new', async () => {
    const [one, two] = [fixture.identity, fixture.another()];
    const { organisation, secret, key } = await fixture.organisation();
    const use = async (ip: string, by = one) => {
      expect((await by.authenticate(secret, ip)).keyId).toBe(key.id);
      await by.guard.keyNetworks.settle();
    };
    await use('192.0.2.1');
    await use('192.0.2.1', two);
    const seen = () => fixture.audited.filter(({ action }) => action === 'key.new-network');
    expect(seen()).toEqual([]);
    await use('2001:db8::1');
    await use('2001:db8::2', two);
    expect(seen()).toMatchObject([
      { orgId: organisation.id, actorType: 'key', actorId: key.id, targetId: key.id, data: { risk: 30 } },
    ]);
    const rows = await fixture.asOwner<{ n: number }>(
      'select count(*)::int as n from identity.key_network where key_id = $1',
      [key.id],
    );
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('that comes from everywhere stops being told', async () => {
    const { secret } = await fixture.organisation();
    for (let n = 0; n < 40; n += 1) {
      await fixture.identity.authenticate(secret, `198.51.100.${n}`);
      await fixture.identity.guard.keyNetworks.settle();
    }
    expect(fixture.audited.filter(({ action }) => action === 'key.new-network')).toHaveLength(19);
  });
});
