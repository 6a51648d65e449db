import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmptyDatabase, emptyDatabase } from '../../../test/harness/database.ts';
import { MIGRATIONS, TEST_PASSWORDS } from '../../../test/harness/template.ts';
import { migrate, schemaVersion } from './index.ts';

let database: EmptyDatabase;
let directory = '';

beforeEach(async () => {
  database = await emptyDatabase();
  directory = mkdtempSync(path.join(tmpdir(), 'migrations-'));
  writeFileSync(path.join(directory, '0001-shop-tables.sql'), 'create schema shop; create table shop.item (n int)');
  writeFileSync(path.join(directory, '0002-shop-rows.sql'), 'insert into shop.item values (1)');
});

afterEach(async () => {
  rmSync(directory, { recursive: true });
  await database.close();
});

const run = (from = directory): Promise<number> =>
  migrate({ ownerUrl: database.ownerUrl, directory: from, ...TEST_PASSWORDS });

async function items(): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    return (await client.query('select n from shop.item')).rows;
  } finally {
    await client.end();
  }
}

test('each migration runs once, however often and from however many processes it is asked for', async () => {
  expect(await Promise.all([run(), run(), run(), run()])).toEqual([2, 2, 2, 2]);
  expect(await run()).toBe(2);
  expect(await items()).toEqual([{ n: 1 }]);
});

test('databases of one server may be migrated at the same time', async () => {
  const others = await Promise.all([emptyDatabase(), emptyDatabase(), emptyDatabase(), emptyDatabase()]);
  try {
    const done = await Promise.all(others.map(({ ownerUrl }) => migrate({ ownerUrl, directory, ...TEST_PASSWORDS })));
    expect(done).toEqual([2, 2, 2, 2]);
  } finally {
    await Promise.all(others.map((each) => each.close()));
  }
});

test('our own migrations apply to an empty database', async () => {
  expect(await schemaVersion(database.ownerUrl)).toBe(0);
  const version = await run(MIGRATIONS);
  expect(version).toBe(readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql')).length);
  expect(await schemaVersion(database.ownerUrl)).toBe(version);
});

test('a database newer than the program is refused', async () => {
  await run();
  rmSync(path.join(directory, '0002-shop-rows.sql'));
  await expect(run()).rejects.toThrow('newer than this program: it holds migration 0002-shop-rows.sql');
});

test('a migration that was edited after it ran is refused', async () => {
  await run();
  writeFileSync(path.join(directory, '0002-shop-rows.sql'), 'insert into shop.item values (2)');
  await expect(run()).rejects.toThrow('0002-shop-rows.sql differs from the one applied');
});

test('a failing migration leaves nothing behind, keeps the ones before it, and runs once it is mended', async () => {
  const file = path.join(directory, '0003-shop-more.sql');
  writeFileSync(file, 'insert into shop.item values (3); select 1 / 0');
  await expect(run()).rejects.toThrow('0003-shop-more.sql failed and was rolled back');
  expect(await schemaVersion(database.ownerUrl)).toBe(2);
  expect(await items()).toEqual([{ n: 1 }]);
  writeFileSync(file, 'insert into shop.item values (3)');
  expect(await run()).toBe(3);
});

test('a file that is not named like a migration is refused', async () => {
  copyFileSync(path.join(directory, '0002-shop-rows.sql'), path.join(directory, 'rows.sql'));
  await expect(run()).rejects.toThrow('migration rows.sql: expected NNNN-<module>-<what>.sql');
});
