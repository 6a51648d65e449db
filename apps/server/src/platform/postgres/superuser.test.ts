/** SEC-04: the password of the embedded server's superuser changes while others connect, and a change that was cut off goes on. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratchFolder } from '../../../test/harness/cluster.ts';
import { withOwner } from '../db/index.ts';
import { silentLogger } from '../telemetry/index.ts';
import { createPostgres, type Postgres } from './index.ts';

const dataDir = scratchFolder();
const file = path.join(dataDir, 'postgres', 'access.json');
let postgres: Postgres;
beforeAll(async () => {
  postgres = await createPostgres({ dataDir, log: silentLogger });
}, 120_000);
afterAll(async () => {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Kept {
  readonly password: string;
  readonly nextPassword?: string;
}
const kept = (): Kept => JSON.parse(readFileSync(file, 'utf8')) as Kept;
const keep = (fields: object): void => writeFileSync(file, JSON.stringify(fields), { mode: 0o600 });
const ask = (): Promise<unknown> => withOwner(postgres.ownerUrl, (client) => client.query('select 1'));
const isTaken = async (url: string | undefined): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url ?? '' });
  try {
    await client.connect();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: '28P01' });
    return false;
  } finally {
    await client.end();
  }
};

test('whoever connects meanwhile succeeds, and only the new password opens', async () => {
  const before = postgres.ownerUrl();
  let asked = 0;
  let isOver = false;
  const load = async (): Promise<void> => {
    while (!isOver) {
      await ask();
      asked += 1;
    }
  };
  const loads = Array.from({ length: 4 }, load);
  for (let i = 0; i < 5; i += 1) {
    await postgres.rotatePassword();
    const soFar = asked;
    await expect.poll(() => asked, { timeout: 20_000, interval: 5 }).toBeGreaterThan(soFar + 4);
  }
  isOver = true;
  await Promise.all(loads);
  expect(await Promise.all([...before, ...postgres.ownerUrl()].map(isTaken))).toEqual([false, true]);
  expect(kept()).not.toHaveProperty('nextPassword');
}, 60_000);

test('cut off before or after the server took the new password, it is found, and the next change ends what was begun', async () => {
  const nextPassword = 'a-next-password-that-was-chosen';
  const first = kept();
  keep({ ...first, nextPassword });
  await ask();
  await postgres.rotatePassword();
  expect(kept().password).toBe(nextPassword);

  keep({ ...first, nextPassword });
  await ask();
  expect(await Promise.all(postgres.ownerUrl().map(isTaken))).toEqual([false, true]);
  await postgres.rotatePassword();
  expect(kept()).toEqual({ ...first, password: nextPassword });
});

test('no statement holds the password, so no log of the server does', async () => {
  await withOwner(postgres.ownerUrl, async (client) => {
    await client.query("alter system set log_statement = 'all'");
    await client.query('select pg_reload_conf()');
  });
  const log = (): string => readFileSync(path.join(dataDir, 'postgres', 'server.log'), 'utf8');
  const isLogging = async (): Promise<string> => {
    await ask();
    return log();
  };
  await expect.poll(isLogging, { timeout: 20_000 }).toContain('statement: select 1');
  await postgres.rotatePassword();
  expect(log()).toContain('alter role guildhall with password');
  expect(log()).not.toContain(kept().password);
});
