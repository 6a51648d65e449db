/** A database of its own for each test that asks. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { createDb, type Db } from '../../src/platform/db/index.ts';
import { TEMPLATE, TEST_PASSWORDS } from './template.ts';

export interface TestDatabase {
  readonly db: Db;
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly systemUrl: string;
  /** Closes `db` and drops the database, whoever is still connected. */
  close(): Promise<void>;
}

export interface EmptyDatabase {
  readonly ownerUrl: string;
  close(): Promise<void>;
}

const POOL = { appPoolMax: 5, systemPoolMax: 2 };

/** A fresh, migrated database, cloned from the template in milliseconds. Close it, or it stays until the test run ends. */
export async function testDatabase(): Promise<TestDatabase> {
  const made = await make(TEMPLATE);
  const appUrl = withRole(made.ownerUrl, 'guildhall_app', TEST_PASSWORDS.appPassword);
  const systemUrl = withRole(made.ownerUrl, 'guildhall_system', TEST_PASSWORDS.systemPassword);
  const db = createDb({ appUrl, systemUrl, ...POOL, applicationName: 'test', onIdleError: () => {} });
  const close = async () => {
    await db.close();
    await made.close();
  };
  return { db, ownerUrl: made.ownerUrl, appUrl, systemUrl, close };
}

/** A fresh database without any of our schemas, for tests of migrations. */
export async function emptyDatabase(): Promise<EmptyDatabase> {
  return make('template0');
}

async function make(template: string): Promise<EmptyDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asSuperuser(serverUrl, `create database ${name} template ${template}`);
  const ownerUrl = new URL(serverUrl);
  ownerUrl.pathname = `/${name}`;
  return {
    ownerUrl: ownerUrl.href,
    close: () => asSuperuser(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function asSuperuser(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function withRole(url: string, role: string, password: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = password;
  return changed.href;
}
