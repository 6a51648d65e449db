/** SEC-04: the passwords of our own roles change under load, and whoever opens a connection finds the new ones. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster, type TestCluster } from '../../../test/harness/cluster.ts';
import { MIGRATIONS } from '../../../test/harness/template.ts';
import {
  createDb,
  createRolePasswords,
  type Db,
  migrate,
  type RolePasswords,
  rotateRolePasswords,
  sql,
} from './index.ts';

// Roles belong to the whole server: this test has one of its own.
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ fsync: false });
  await start();
}, 60_000);
afterAll(() => cluster.close());

const derive = (purpose: string): string => createHash('sha256').update(purpose).digest('base64url');
const passwordsOf = (): RolePasswords => createRolePasswords(cluster.url(), derive);

/** What a process does first. */
async function start(passwords = passwordsOf()): Promise<RolePasswords> {
  await migrate({
    ownerUrl: cluster.url(),
    directory: MIGRATIONS,
    appPassword: passwords.passwordOf('guildhall_app'),
    systemPassword: passwords.passwordOf('guildhall_system'),
  });
  return passwords;
}

function open(passwords: RolePasswords, canRenew = true): Db {
  return createDb({
    appUrl: passwords.urlOf('guildhall_app'),
    systemUrl: passwords.urlOf('guildhall_system'),
    ...(canRenew ? { renewUrl: passwords.renewUrl } : {}),
    appPoolMax: 6,
    systemPoolMax: 2,
    applicationName: 'test',
    onIdleError: () => {},
  });
}

const ask = (db: Db): Promise<unknown> =>
  Promise.all([
    db.open((tx) => sql`select pg_sleep(0.002)`.execute(tx)),
    db.direct((tx) => sql`select 1`.execute(tx)),
    db.system((tx) => sql`select * from platform.sealing_key()`.execute(tx)),
  ]);

test('under load no statement fails, also in processes that open their first connection generations later', async () => {
  const passwords = await start();
  const busy = open(passwords);
  // As processes that started long ago and had nothing to do.
  const idle = [];
  for (let i = 0; i < 5; i += 1) idle.push(open(await start()));
  let asked = 0;
  let isOver = false;
  const load = async (): Promise<void> => {
    while (!isOver) {
      await ask(busy);
      asked += 1;
    }
  };
  const loads = [load(), load()];
  for (const db of idle) {
    const before = asked;
    // From elsewhere, as the command does it.
    await rotateRolePasswords(cluster.url(), passwordsOf());
    await Promise.all(Array.from({ length: 6 }, () => ask(db)));
    // More at once than are open.
    await Promise.all(Array.from({ length: 6 }, () => ask(busy)));
    await expect.poll(() => asked).toBeGreaterThan(before);
  }
  isOver = true;
  await Promise.all(loads);
  await Promise.all([busy, ...idle].map((db) => db.close()));
});

test('the former password is worth nothing afterwards, and a process that cannot look for another is refused', async () => {
  const passwords = await start();
  const former = passwords.urlOf('guildhall_app');
  const blind = open(passwords, false);
  await rotateRolePasswords(cluster.url(), passwordsOf());
  const client = new pg.Client({ connectionString: former });
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  await expect(ask(blind)).rejects.toMatchObject({ code: '28P01' });
  await blind.close();
});

test('a start does not bring a former password back, whatever is changed beside it', async () => {
  const db = open(await start());
  const changes = Array.from({ length: 4 }, () => rotateRolePasswords(cluster.url(), passwordsOf()));
  const starts = Array.from({ length: 4 }, () => start());
  const generations = await Promise.all(changes);
  await Promise.all(starts);
  expect(new Set(generations).size).toBe(4);
  const url = new URL(cluster.url());
  url.username = 'guildhall_app';
  url.password = passwordsOf().passwordOf('guildhall_app')(Math.max(...generations));
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.end();
  const fresh = open(await start());
  await Promise.all([ask(db), ask(fresh)]);
  await Promise.all([db.close(), fresh.close()]);
});

test('a connection that listens comes back with the new password', async () => {
  const db = open(await start());
  const heard: string[] = [];
  let gaps = 0;
  const stop = await db.listen(
    ['test'],
    (_, payload) => heard.push(payload),
    () => {
      gaps += 1;
    },
  );
  await rotateRolePasswords(cluster.url(), passwordsOf());
  const owner = new pg.Client({ connectionString: cluster.url() });
  await owner.connect();
  await owner.query("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'");
  await expect.poll(() => gaps, { timeout: 10_000 }).toBe(2);
  await owner.query("notify test, 'hello'");
  await expect.poll(() => heard).toEqual(['hello']);
  await owner.end();
  await stop();
  await db.close();
});

test('a password that somebody else has set is not found, and says so', async () => {
  const passwords = await start();
  const owner = new pg.Client({ connectionString: cluster.url() });
  await owner.connect();
  await owner.query("alter role guildhall_app with password 'of-somebody-else'");
  const db = open(passwords);
  await expect(db.direct((tx) => sql`select 1`.execute(tx))).rejects.toMatchObject({ code: '28P01' });
  await owner.end();
  await start();
  await db.direct((tx) => sql`select 1`.execute(tx));
  await db.close();
});
