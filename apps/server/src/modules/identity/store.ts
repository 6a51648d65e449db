/** All SQL of identity. */
import type { Mode, Scope } from '@guildhall/contract';
import { sql, type Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import { boundBy, ROLE_SCOPES } from './rules.ts';
import type { Key, Organisation, Role } from './types.ts';

interface KeyRow {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly mode: Mode;
  readonly role: Role | null;
  readonly scopes: Scope[];
  readonly prefix: string;
  readonly last4: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly replaced_by: string | null;
  readonly allowed_cidrs: string[] | null;
  readonly is_unused: boolean;
  readonly created_by: string;
  readonly member_id: string | null;
}

// Not the hash: the application role may not read it.
const keyColumns = sql.raw(
  `id, org_id, name, mode, role, scopes, prefix, last4, created_at, expires_at, last_used_at, revoked_at, replaced_by, allowed_cidrs, created_by,
   member_id, revoked_at is null and (expires_at is null or expires_at > platform.now())
     and coalesce(last_used_at, created_at) < platform.now() - interval '90 days' as is_unused`,
);

const fromRow = (row: KeyRow): Key => ({
  id: row.id,
  orgId: row.org_id,
  name: row.name,
  mode: row.mode,
  role: row.role ?? undefined,
  scopes: row.scopes,
  prefix: row.prefix,
  last4: row.last4,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  replacedBy: row.replaced_by ?? undefined,
  allowedCidrs: row.allowed_cidrs ?? undefined,
  isUnused: row.is_unused,
  createdBy: row.created_by,
  memberId: row.member_id ?? undefined,
});

/** The first row, where the statement always gives one. */
function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement gave no row');
  return row;
}

export async function databaseNow(tx: Tx): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select platform.now() as now`.execute(tx);
  return only(rows).now;
}

/**
 * Does `work` as another organisation inside the open transaction, then returns to the one before. For what an operator does
 * to another organisation, where its rows and the operator's idempotency record must be one commit. A failure needs no return: it ends the transaction.
 */
export async function asOrganisation<T>(tx: Tx, orgId: string, work: () => Promise<T>): Promise<T> {
  const { rows } = await sql<{ before: string }>`
    select coalesce(platform.current_org(), '') as before, set_config('guildhall.org_id', ${orgId}, true)`.execute(tx);
  const result = await work();
  await sql`select set_config('guildhall.org_id', ${only(rows).before}, true)`.execute(tx);
  return result;
}

export async function insertOrganisation(tx: Tx, organisation: { id: string; name: string }): Promise<Organisation> {
  const { rows } = await sql<{ created_at: Date }>`
    insert into identity.organisation (org_id, name) values (${organisation.id}, ${organisation.name})
    returning created_at`.execute(tx);
  return { ...organisation, createdAt: only(rows).created_at };
}

export interface NewKeyRow {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly mode: Mode;
  readonly role: Role | undefined;
  readonly scopes: readonly Scope[];
  readonly prefix: string;
  readonly last4: string;
  readonly secretHash: Buffer;
  readonly createdBy: string;
  readonly memberId?: string | undefined;
  readonly expiresAt: Date | undefined;
  readonly allowedCidrs: readonly string[] | undefined;
}

export async function insertKey(tx: Tx, key: NewKeyRow): Promise<Key> {
  const { rows } = await sql<KeyRow>`
    insert into identity.api_key (id, org_id, name, mode, role, scopes, prefix, last4, secret_hash, created_by, member_id, expires_at, allowed_cidrs)
    values (${key.id}, ${key.orgId}, ${key.name}, ${key.mode}, ${key.role ?? null}, ${[...key.scopes]}, ${key.prefix}, ${key.last4},
            ${key.secretHash}, ${key.createdBy}, ${key.memberId ?? null}, ${key.expiresAt ?? null},
            ${key.allowedCidrs ? [...key.allowedCidrs] : null}::text[])
    returning ${keyColumns}`.execute(tx);
  return fromRow(only(rows));
}

/** Newest first; ids grow with time. */
export async function listKeys(
  tx: Tx,
  page: { readonly modes: readonly Mode[]; readonly beforeId: string | undefined; readonly limit: number },
): Promise<Key[]> {
  const { rows } = await sql<KeyRow>`
    select ${keyColumns} from identity.api_key
     where mode = any(${[...page.modes]}::text[]) and (${page.beforeId ?? null}::text is null or id < ${page.beforeId ?? null}::text)
     order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(fromRow);
}

export async function findKeyById(tx: Tx, id: string): Promise<Key | undefined> {
  const { rows } = await sql<KeyRow>`select ${keyColumns} from identity.api_key where id = ${id}`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

/** Locks the row, so that of two rotations of one key the second sees the first. */
export async function lockKey(tx: Tx, id: string): Promise<Key | undefined> {
  const { rows } =
    await sql<KeyRow>`select ${keyColumns} from identity.api_key where id = ${id} for no key update`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

export async function revokeKey(tx: Tx, id: string): Promise<void> {
  await sql`update identity.api_key set revoked_at = platform.now() where id = ${id} and revoked_at is null`.execute(
    tx,
  );
}

/** Ends a rotated key after the overlap, or at its own expiry if that comes first. */
export async function replaceKey(
  tx: Tx,
  id: string,
  by: { readonly newId: string; readonly overlapSeconds: number },
): Promise<void> {
  await sql`
    update identity.api_key
       set replaced_by = ${by.newId}, expires_at = least(expires_at, platform.now() + make_interval(secs => ${by.overlapSeconds}))
     where id = ${id}`.execute(tx);
}

/** System role. What a key or a member may do now, and nothing where there is none. */
export async function findRights(tx: Tx, orgId: string, actorId: string): Promise<readonly Scope[]> {
  const { rows } = await sql<{ role: Role | null; operator: boolean; scopes: Scope[] | null }>`
    select role, operator, scopes from identity.rights_of(${orgId}, ${actorId})`.execute(tx);
  const [row] = rows;
  if (!row) return [];
  const role = row.role ?? undefined;
  return boundBy(row.scopes ?? (role ? ROLE_SCOPES[role] : []), role, row.operator);
}

export interface FoundKey {
  readonly principal: Principal;
  readonly secretHash: Buffer;
  /** Infinity for a key without expiry. */
  readonly validForMs: number;
}

/** System role: acts before the organisation is known. */
export async function findKey(tx: Tx, hashes: readonly Buffer[]): Promise<FoundKey | undefined> {
  const { rows } = await sql<{
    id: string;
    org_id: string;
    mode: Mode;
    scopes: Scope[];
    secret_hash: Buffer;
    valid_for_ms: bigint | null;
    member_id: string | null;
    allowed_cidrs: string[] | null;
    member_role: Role | null;
    operator: boolean;
  }>`
    select k.id, k.org_id, k.mode, k.scopes, k.secret_hash, k.valid_for_ms, k.member_id, k.allowed_cidrs, b.role as member_role, b.operator
      from identity.find_key(${[...hashes]}::bytea[]) k, identity.key_bounds(k.org_id, k.member_id) b`.execute(tx);
  const [row] = rows;
  if (!row) return undefined;
  return {
    principal: Object.freeze({
      orgId: row.org_id,
      keyId: row.id,
      mode: row.mode,
      scopes: Object.freeze(boundBy(row.scopes, row.member_role ?? undefined, row.operator)),
      ...(row.member_id === null ? {} : { memberId: row.member_id }),
      ...(row.allowed_cidrs === null ? {} : { allowedCidrs: Object.freeze(row.allowed_cidrs) }),
    }),
    secretHash: row.secret_hash,
    validForMs: row.valid_for_ms === null ? Number.POSITIVE_INFINITY : Number(row.valid_for_ms),
  };
}

/** System role. */
export async function touchKeys(tx: Tx, ids: readonly string[]): Promise<void> {
  await sql`select identity.touch_keys(${[...ids]}::text[])`.execute(tx);
}

export async function insertAdminToken(
  tx: Tx,
  token: { readonly id: string; readonly orgId: string; readonly secretHash: Buffer; readonly ttlSeconds: number },
): Promise<Date> {
  const { rows } = await sql<{ expires_at: Date }>`
    insert into identity.admin_token (id, org_id, secret_hash, expires_at)
    values (${token.id}, ${token.orgId}, ${token.secretHash}, platform.now() + make_interval(secs => ${token.ttlSeconds}))
    returning expires_at`.execute(tx);
  return only(rows).expires_at;
}

export interface AdminToken {
  readonly id: string;
  readonly orgId: string;
}

/** System role. It stays unused until `useAdminToken`. */
export async function findAdminToken(tx: Tx, hashes: readonly Buffer[]): Promise<AdminToken | undefined> {
  const { rows } = await sql<{ id: string; org_id: string }>`
    select id, org_id from identity.find_admin_token(${[...hashes]}::bytea[])`.execute(tx);
  return rows[0] && { id: rows[0].id, orgId: rows[0].org_id };
}

/** In a transaction of its organisation: of two with one token, one gets true. */
export async function useAdminToken(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.admin_token set used_at = platform.now()
     where id = ${id} and used_at is null and expires_at > platform.now()`.execute(tx);
  return numAffectedRows === 1n;
}

/** System role. */
export async function listOrganisations(
  tx: Tx,
  page: { readonly afterId: string | undefined; readonly limit: number },
): Promise<Organisation[]> {
  const { rows } = await sql<{ org_id: string; name: string; created_at: Date }>`
    select org_id, name, created_at from identity.list_organisations(${page.afterId ?? null}, ${page.limit}::int)`.execute(
    tx,
  );
  return rows.map((row) => ({ id: row.org_id, name: row.name, createdAt: row.created_at }));
}

export interface Contact {
  readonly email: string;
  readonly name: string;
  readonly locale: 'en' | 'ar';
  /** The name of the organisation. */
  readonly organisation: string;
}

/** System role. */
export async function listContacts(tx: Tx, orgId: string, roles: readonly Role[]): Promise<Contact[]> {
  const { rows } = await sql<Contact>`select * from identity.contacts_of(${orgId}, ${[...roles]}::text[])`.execute(tx);
  return rows;
}
