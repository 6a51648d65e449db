/** COUNTRY_DATABASE from outside: a sign-in from a new country is told, by the file of the operator and by nothing else. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkCountries } from '../../src/cli/doctor/machine.ts';
import { mmdb } from '../harness/mmdb.ts';
import { mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { asOwner } from './members-fixture.ts';

const at = (country: string, latitude: number, longitude: number) => ({
  country: { iso_code: country },
  location: { latitude, longitude, accuracy_radius: 10 },
});
const BERLIN = '203.0.113.7';
const SYDNEY = '198.51.100.9';
const NETWORKS = { '203.0.113.0/24': at('DE', 52.5, 13.4), '198.51.100.0/24': at('AU', -33.9, 151.2) };

let folder = '';
let file = '';
let platform: TestPlatform;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'guildhall-countries-'));
  file = path.join(folder, 'countries.mmdb');
  await writeFile(file, mmdb(NETWORKS));
  platform = await start(file);
}, 60_000);
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true, force: true });
});

const start = (database: string) =>
  testPlatform({
    agents: asAgents(),
    role: 'api',
    environment: { COUNTRY_DATABASE: database, TRUSTED_PROXIES: '1' },
  });

const signIn = async ({ email, password, call }: TestPerson, ip: string): Promise<void> => {
  const headers = { 'x-forwarded-for': ip };
  const { body } = await call('POST', '/v1/auth/sign-in', { email, password }, { headers });
  expect(body.status).toBe('signed-in');
};

/** Of the sessions, also of ended ones, newest first. */
const countriesOf = async ({ personId }: TestPerson) =>
  (
    await asOwner<{ country: string | null }>(
      platform,
      'select country from identity.session where person_id = $1 order by id desc',
      [personId],
    )
  ).map(({ country }) => country);

const told = async ({ email, personId }: TestPerson) => ({
  mails: (await mailsTo(platform, email)).filter(({ subject }) => subject === 'An unusual sign-in to your account')
    .length,
  rows: (
    await asOwner<{ reasons: string }>(
      platform,
      `select data->>'reasons' as reasons from audit.event where org_id = $1 and action = 'session.unusual' order by seq`,
      [personId],
    )
  ).map(({ reasons }) => reasons),
});

it('a sign-in from a new country, and from too far away, is mailed and stands in the trail; one from the same country is not', async () => {
  const ada = await signUpPerson(platform);
  await signIn(ada, BERLIN);
  await signIn(ada, BERLIN);
  expect(await told(ada)).toEqual({ mails: 0, rows: [] });
  await signIn(ada, SYDNEY);
  expect(await told(ada)).toEqual({ mails: 1, rows: ['new-country impossible-travel'] });
  expect(await countriesOf(ada)).toEqual(['AU', 'DE', 'DE', null]);
});

it('a file that took the place of the former one counts at the next sign-in', async () => {
  const ben = await signUpPerson(platform);
  await signIn(ben, BERLIN);
  await writeFile(`${file}.new`, mmdb({ '198.51.100.0/24': at('DE', 52.5, 13.4) }));
  await rename(`${file}.new`, file);
  await platform.server.platform.places.look();
  await signIn(ben, SYDNEY);
  expect([await countriesOf(ben), await told(ben)]).toEqual([['DE', 'DE', null], { mails: 0, rows: [] }]);
});

it('a file that cannot be used stops the start and fails in doctor, by name; without the setting doctor says what is not told', async () => {
  const wrong = path.join(folder, 'wrong.mmdb');
  await writeFile(wrong, 'no database');
  await expect(start(wrong)).rejects.toThrow(/COUNTRY_DATABASE: it is not in the format of MaxMind/);
  expect(await checkCountries(wrong)).toMatchObject({ level: 'fail', advice: expect.stringContaining(wrong) });
  expect(await checkCountries(file)).toMatchObject({ level: 'pass', detail: 'Test-City of 2023-11-14' });
  expect(await checkCountries(undefined)).toMatchObject({ level: 'pass', detail: expect.stringContaining('not set') });
});
