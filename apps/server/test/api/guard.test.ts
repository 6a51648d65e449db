/** SES-08 from outside: who burns tries does not keep the owner out. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient, mailsTo, signUpPerson, type TestPerson } from '../harness/people.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { codeOf } from './members-fixture.ts';

let platform: TestPlatform;
let ada: TestPerson;
beforeAll(async () => {
  platform = await testPlatform({
    agents: asAgents(),
    role: 'api',
    environment: { LIMITS_SCALE: '1', TRUSTED_PROXIES: '1' },
  });
  ada = await signUpPerson(platform);
});
afterAll(() => platform.close());

const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } });
const right = () => ({ email: ada.email, password: ada.password });
const wrong = () => ({ email: ada.email, password: 'five words that are not' });
const signIn = (client: Pick<TestPerson, 'call'>, body: object, ip: string) =>
  client.call('POST', '/v1/auth/sign-in', body, from(ip));

it('a thousand tries from the very address of the owner leave their known device in, and another network; nobody else', async () => {
  const [attacker, office] = [createClient(platform), '203.0.113.7'];
  const statuses = new Set<number>();
  let read = 0;
  for (let round = 0; round < 40; round += 1) {
    const answers = await Promise.all(Array.from({ length: 25 }, () => signIn(attacker, wrong(), office)));
    for (const { status } of answers) statuses.add(status);
    read += answers.filter(({ status }) => status === 401).length;
  }
  expect(statuses).toEqual(new Set([401, 429]));
  // Five a minute, and a thousand take less than two.
  expect(read).toBeLessThanOrEqual(10);
  expect((await signIn(createClient(platform), right(), office)).status).toBe(429);
  expect((await signIn(ada, right(), office)).body.status).toBe('signed-in');
  expect((await signIn(createClient(platform), right(), '198.51.100.9')).body.status).toBe('signed-in');
}, 60_000);

it('a device that was made up is none: its tries are those of its address', async () => {
  const stranger = createClient(platform);
  const own = ada.cookies.get('__Host-guildhall-device') ?? '';
  stranger.cookies.set(
    '__Host-guildhall-device',
    own.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  );
  const ip = '203.0.113.8';
  const statuses: number[] = [];
  // Each at an account of its own, so that only the address is counted.
  for (let n = 0; n < 8; n += 1) {
    const body = { ...wrong(), email: `nobody-${n}@example.com` };
    statuses.push((await signIn(stranger, body, ip)).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  expect(codeOf(await signIn(stranger, right(), ip))[0]).toBe(429);
});

it('the owner is told of a burst by mail', async () => {
  for (let n = 0; n < 12; n += 1) await signIn(createClient(platform), wrong(), `192.0.2.${n}`);
  const subjects = (await mailsTo(platform, ada.email)).map(({ subject }) => subject);
  expect(subjects).toContain('Many failed tries to sign in to your account');
});
