/** SEC-06: every secret has an age that is known without its value, and what is overdue is told where operators look. */
import { inspect } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { platformChecks } from '../../src/cli/doctor/database.ts';
import type { LogFields, Logger } from '../../src/platform/telemetry/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

const [FIRST, SECOND] = ['metrics-token-canary-1', 'metrics-token-canary-2'];
const PASSWORD = 'aws-canary-secret';

const lines: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
const heard = (message: string, fields?: LogFields): void => void lines.push({ message, fields });
const log: Logger = { debug: heard, info: heard, warn: heard, error: heard, fatal: heard, child: () => log };

let platform: TestPlatform;
let owner: pg.Client;
beforeAll(async () => {
  const environment = { OPERATOR_EMAIL: 'operator@example.com', METRICS_TOKEN: FIRST, AWS_SECRET_ACCESS_KEY: PASSWORD };
  platform = await testPlatform({ agents: [], role: 'api', environment, log });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await platform.close();
});

const after = (days: number) =>
  owner.query(
    'insert into platform.clock_shift values (true, make_interval(days => $1)) on conflict (single) do update set shift = excluded.shift',
    [days],
  );
const inventory = () => platform.server.platform.inventory;
const ready = () => platform.call<{ status: string; warnings: string[] }>('GET', '/ready');
const dueNow = async () => (await inventory().list()).filter(({ isDue }) => isDue).map(({ name }) => name);
function metricsToken() {
  const { secrets } = platform.server.foundation.settings;
  const found = secrets.settings.find(({ name }) => name === 'METRICS_TOKEN');
  if (!found) throw new Error('METRICS_TOKEN is not set');
  return { to: (text: string) => secrets.renew(found, text) };
}

test('the inventory names each secret with kind, owner, place and age; neither it nor the database holds a value', async () => {
  const entries = await inventory().list();
  expect(entries.map(({ name, kind, owner: whose, from }) => [name, kind, whose, from])).toEqual([
    ['AWS_SECRET_ACCESS_KEY', 'key', 'operator', 'environment'],
    ['METRICS_TOKEN', 'token', 'operator', 'environment'],
    ['database roles', 'password', 'guildhall', 'derived'],
    ['master key', 'key', 'guildhall', 'master.key'],
  ]);
  for (const { madeAt, rotatedAt, dueAt } of entries) {
    expect(rotatedAt).toEqual(madeAt);
    expect(dueAt.getTime() - rotatedAt.getTime()).toBe(90 * 86_400_000);
  }
  const kept = await owner.query('select * from platform.secret_seen');
  expect(inspect([entries, kept.rows], { depth: 9 })).not.toMatch(new RegExp(`${FIRST}|${PASSWORD}`));
});

test('after 91 days all are due: readiness warns without names and stays ready, until each is changed', async () => {
  expect((await ready()).body).toMatchObject({ status: 'ready', warnings: [] });
  await after(89);
  expect(await dueNow()).toEqual([]);
  await after(91);
  expect(await dueNow()).toHaveLength(4);
  const overdue = await ready();
  expect(overdue).toMatchObject({
    status: 200,
    body: { status: 'ready', warnings: [expect.stringContaining('4 secrets are due')] },
  });
  expect(JSON.stringify(overdue.body.warnings)).not.toContain('METRICS_TOKEN');

  const checks = await platformChecks(platform.server);
  expect(checks.find(({ name }) => name === 'secrets')).toMatchObject({
    level: 'warn',
    detail: expect.stringContaining('METRICS_TOKEN'),
  });

  metricsToken().to(SECOND);
  expect(await dueNow()).not.toContain('METRICS_TOKEN');
  const entry = (await inventory().list()).find(({ name }) => name === 'METRICS_TOKEN');
  expect(entry?.rotatedAt.getTime()).toBeGreaterThan((entry?.madeAt.getTime() ?? 0) + 90 * 86_400_000);

  metricsToken().to(FIRST);
  expect(await dueNow()).toContain('METRICS_TOKEN');
});

test('the key that signs access tokens is one of them once there is one, and is new after its rotation', async () => {
  const { tokens } = platform.server.platform.identity;
  const entry = async () => (await inventory().list()).find(({ name }) => name === 'signing key');
  expect(await entry()).toBeUndefined();
  await tokens.rotate(false);
  await after(70);
  const before = await entry();
  await after(91);
  expect((await entry())?.rotatedAt).toEqual(before?.rotatedAt);
  await tokens.rotate(false);
  const rotated = await entry();
  expect(rotated?.madeAt).toEqual(before?.madeAt);
  expect(rotated?.rotatedAt.getTime()).toBeGreaterThan((before?.rotatedAt.getTime() ?? 0) + 20 * 86_400_000);
});

test('a worker says in its log which are due, and the operator gets one mail, two weeks ahead', async () => {
  const mails = () => platform.server.platform.mail.listKept();
  await after(75);
  await platform.another('worker');
  expect(lines.filter(({ message }) => message.includes('due for rotation'))).toEqual([]);
  await after(77);
  await platform.another('worker');
  await platform.another('worker');
  await expect.poll(mails, { timeout: 20_000 }).toHaveLength(1);
  const [mail] = await mails();
  expect(mail).toMatchObject({ to: 'operator@example.com', subject: expect.stringContaining('Secrets') });
  expect(mail?.text).toMatch(/AWS_SECRET_ACCESS_KEY: in use since .*, to be changed by/);
  expect(mail?.text).not.toMatch(new RegExp(`${FIRST}|${SECOND}|${PASSWORD}`));
  await after(91);
  await platform.another('worker');
  const due = lines.filter(({ message }) => message.includes('due for rotation'));
  expect(due.map(({ fields }) => fields?.setting)).toContain('AWS_SECRET_ACCESS_KEY');
}, 60_000);

test('a database that is away is told by its check; warnings are left out', async () => {
  const { warningsNow } = await import('../../src/modules/ops/health.ts');
  expect(await warningsNow(() => Promise.reject(new Error('away')))).toEqual([]);
});
