/**
 * Forward-only migrations: `NNNN-<module>-<what>.sql`, each in one transaction, under one advisory lock, so that any number
 * of processes may call it at once. Refuses a database that is newer than this program.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { type OwnerUrl, withOwner } from './owner.ts';
import { scramVerifier } from './scram.ts';

export interface MigrateOptions {
  /** A role that may create schemas and roles. */
  readonly ownerUrl: OwnerUrl;
  readonly directory: string;
  /** Passwords that the two login roles get; set anew each time, so that they are right whoever changed them. */
  readonly appPassword: Password;
  readonly systemPassword: Password;
}

/** A function is given how often the passwords were changed (`rotateRolePasswords`). */
type Password = string | ((generation: number) => string);

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

// Any constant will do, as long as nothing else in the database uses it.
const MIGRATION_LOCK = 4_871_226_001;
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const match = FILE_NAME.exec(name);
      if (!match) throw new Error(`migration ${name}: expected NNNN-<module>-<what>.sql`);
      const text = await readFile(path.join(directory, name), 'utf8');
      return { number: Number(match[1]), name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

async function ensureRole(client: pg.Client, role: string, password: string | undefined): Promise<void> {
  const found = await client.query('select 1 from pg_roles where rolname = $1', [role]);
  const login = password === undefined ? 'nologin' : `login password ${pg.escapeLiteral(scramVerifier(password))}`;
  const verb = found.rowCount === 0 ? 'create' : 'alter';
  await client.query(`${verb} role ${pg.escapeIdentifier(role)} with ${login}`);
}

/** 0 in a database that is older than the number. */
async function generationIn(client: pg.Client): Promise<number> {
  const known = await client.query<{ found: boolean }>(
    "select to_regclass('platform.role_generation') is not null as found",
  );
  if (!known.rows[0]?.found) return 0;
  const found = await client.query<{ generation: number }>('select generation from platform.role_generation');
  return found.rows[0]?.generation ?? 0;
}

async function ensureRoles(client: pg.Client, options: MigrateOptions): Promise<void> {
  const generation = await generationIn(client);
  const of = (password: Password): string => (typeof password === 'string' ? password : password(generation));
  await ensureRole(client, 'guildhall_app', of(options.appPassword));
  await ensureRole(client, 'guildhall_system', of(options.systemPassword));
  await ensureRole(client, 'guildhall_definer', undefined);
  // Functions are handed to guildhall_definer, which their maker can do only as its member.
  await client.query('grant guildhall_definer to current_user');
}

const ROLE_ATTEMPTS_MAX = 20;
// Made by somebody else meanwhile (42710, 23505) or changed in the same moment (XX000).
const ROLE_CLASHES = new Set(['42710', '23505', 'XX000']);

/** Roles belong to the whole server, where our lock on one database does not reach: a clash with another one is tried again. */
async function ensureRolesBesideOthers(client: pg.Client, options: MigrateOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ensureRoles(client, options);
    } catch (error) {
      const clashes = error instanceof pg.DatabaseError && ROLE_CLASHES.has(error.code ?? '');
      if (!clashes || attempt === ROLE_ATTEMPTS_MAX) throw error;
    }
  }
}

/** One piece of work as the owner, before there is a schema; no two processes do theirs, or migrate, at once. */
export async function asOwnerAlone<T>(
  ownerUrl: OwnerUrl,
  work: (query: (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>) => Promise<T>,
): Promise<T> {
  return withOwner(ownerUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return work(async (text, values = []) => (await client.query(text, [...values])).rows);
  });
}

/**
 * Brings the schema up to date and returns the version now in force. Idempotent; safe when called by several processes at once.
 * @throws when the database holds a migration this program does not know, or one whose text has changed since it ran.
 */
export async function migrate(options: MigrateOptions): Promise<number> {
  const migrations = await readMigrations(options.directory);
  return withOwner(options.ownerUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await ensureRolesBesideOthers(client, options);
    await client.query('create schema if not exists platform');
    await client.query(
      'create table if not exists platform.migration (number int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())',
    );
    const applied = await client.query<{ number: number; name: string; checksum: string }>(
      'select * from platform.migration order by number',
    );
    assertKnown(migrations, applied.rows);
    for (const migration of migrations.slice(applied.rows.length)) await apply(client, migration);
    return migrations.length;
  });
}

function assertKnown(
  migrations: readonly Migration[],
  applied: readonly { number: number; name: string; checksum: string }[],
): void {
  for (const [index, row] of applied.entries()) {
    const known = migrations[index];
    if (!known)
      throw new Error(
        `the database is newer than this program: it holds migration ${row.name}. Start the newer release.`,
      );
    if (known.number !== row.number || known.checksum !== row.checksum) {
      throw new Error(
        `migration ${known.name} differs from the one applied (${row.name}). Applied migrations are never edited.`,
      );
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    // A migration that cannot get its locks soon gives up instead of blocking every request behind it.
    await client.query("set local lock_timeout = '10s'");
    await client.query(migration.text);
    await client.query('insert into platform.migration (number, name, checksum) values ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(`migration ${migration.name} failed and was rolled back`, { cause: error });
  }
}

/** The number of migrations in the database, or 0 where there is none yet. */
export async function schemaVersion(ownerUrl: OwnerUrl): Promise<number> {
  return withOwner(ownerUrl, async (client) => {
    const exists = await client.query<{ found: boolean }>(
      "select to_regclass('platform.migration') is not null as found",
    );
    if (!exists.rows[0]?.found) return 0;
    const count = await client.query<{ n: number }>('select count(*)::int as n from platform.migration');
    return count.rows[0]?.n ?? 0;
  });
}
