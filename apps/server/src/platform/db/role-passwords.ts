/**
 * Passwords of the roles that the program makes for itself. They are derived, from a key and a generation that lies in the database: so a
 * new generation needs no announcement. Connections that are open stay; whoever opens one and is refused finds the new password by itself.
 */
import { sql } from 'kysely';
import pg from 'pg';
import { assert } from '../errors/index.ts';
import { type Db, isWrongPassword } from './db.ts';
import { asOwnerAlone } from './migrate.ts';
import { type OwnerUrl, ownerUrlsOf } from './owner.ts';
import { scramVerifier } from './scram.ts';

export type LoginRole = 'guildhall_app' | 'guildhall_system';

export interface RolePasswords {
  /** For `migrate`, which knows the generation in force. */
  passwordOf(role: LoginRole): (generation: number) => string;
  /** Connection string of the role with the password last known to be right. */
  urlOf(role: LoginRole): string;
  /** The one that is right, after the server refused `url`; undefined when none is. At most one search at a time. */
  renewUrl(url: string): Promise<string | undefined>;
}

const ROLES: readonly LoginRole[] = ['guildhall_app', 'guildhall_system'];
// More changes than these while a process opened no connection mean that the password was set by somebody else.
const GENERATIONS_MAX = 16;

/** @param derive a password for one purpose alone, always the same. */
export function createRolePasswords(ownerUrl: OwnerUrl, derive: (purpose: string) => string): RolePasswords {
  let current = 0;
  let search: Promise<number | undefined> | undefined;
  const passwordAt = (role: LoginRole, generation: number): string =>
    derive(generation === 0 ? `db-role:${role}` : `db-role:${role}:${generation}`);
  const urlAt = (role: LoginRole, generation: number): string => {
    const url = new URL(ownerUrlsOf(ownerUrl)[0] ?? '');
    url.username = role;
    url.password = passwordAt(role, generation);
    return url.href;
  };
  const find = async (role: LoginRole): Promise<number | undefined> => {
    const ahead = Array.from({ length: GENERATIONS_MAX }, (_, i) => current + i);
    // Behind: a database that was restored from a backup.
    const behind = Array.from({ length: Math.min(current, GENERATIONS_MAX) }, (_, i) => current - 1 - i);
    for (const generation of [...ahead, ...behind]) if (await isRight(urlAt(role, generation))) return generation;
    return undefined;
  };
  return {
    passwordOf: (role) => (generation) => {
      current = generation;
      return passwordAt(role, generation);
    },
    urlOf: (role) => urlAt(role, current),
    async renewUrl(url) {
      const role = ROLES.find((one) => one === new URL(url).username);
      assert(role, 'only connections of our own roles are renewed');
      search ??= find(role).finally(() => {
        search = undefined;
      });
      const found = await search;
      if (found !== undefined) current = found;
      return found === undefined ? undefined : urlAt(role, found);
    },
  };
}

/** How often the passwords were changed, whatever this process knows of it. */
export async function roleGeneration(db: Pick<Db, 'system'>): Promise<number> {
  const { rows } = await db.system((tx) =>
    sql<{ generation: number }>`select platform.generation_of_roles() as generation`.execute(tx),
  );
  return rows[0]?.generation ?? 0;
}

/** @throws when the server cannot be asked. */
async function isRight(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (isWrongPassword(error)) return false;
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Gives both roles the passwords of the next generation, which it returns, in one transaction. No start happens meanwhile, so none can set
 * the former ones again.
 */
export async function rotateRolePasswords(ownerUrl: OwnerUrl, passwords: RolePasswords): Promise<number> {
  return asOwnerAlone(ownerUrl, async (query) => {
    await query('begin');
    const [row] = await query('update platform.role_generation set generation = generation + 1 returning generation');
    // The one row that the migration made, of an int column.
    const { generation } = row as { generation: number };
    for (const role of ROLES)
      await query(
        `alter role ${pg.escapeIdentifier(role)} with password ${pg.escapeLiteral(scramVerifier(passwords.passwordOf(role)(generation)))}`,
      );
    await query('commit');
    return generation;
  });
}
