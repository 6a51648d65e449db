/** All SQL of the tokens and settings of directories. Where nothing else is said, in a transaction of the organisation. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ScimSettings, ScimToken } from './types.ts';

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly last4: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

// Not the hash: the application role may not read it.
const columns = sql.raw('id, name, last4, created_at, created_by, expires_at, last_used_at, revoked_at');

const fromRow = (row: TokenRow): ScimToken => ({
  id: row.id,
  name: row.name,
  last4: row.last4,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at ?? undefined,
  lastUsedAt: row.last_used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
});

/** System role: acts before the organisation is known. */
export async function useToken(
  tx: Tx,
  hashes: readonly Buffer[],
): Promise<{ readonly id: string; readonly orgId: string } | undefined> {
  const { rows } = await sql<{ id: string; org_id: string }>`
    select id, org_id from identity.use_scim_token(${[...hashes]}::bytea[])`.execute(tx);
  return rows[0] && { id: rows[0].id, orgId: rows[0].org_id };
}

export async function insertToken(
  tx: Tx,
  token: {
    readonly id: string;
    readonly orgId: string;
    readonly name: string;
    readonly tokenHash: Buffer;
    readonly last4: string;
    readonly createdBy: string;
    readonly expiresAt: Date | undefined;
  },
): Promise<ScimToken> {
  const { rows } = await sql<TokenRow>`
    insert into identity.scim_token (id, org_id, name, token_hash, last4, created_by, expires_at)
    values (${token.id}, ${token.orgId}, ${token.name}, ${token.tokenHash}, ${token.last4}, ${token.createdBy}, ${token.expiresAt ?? null})
    returning ${columns}`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error('the statement gave no row');
  return fromRow(row);
}

/** Newest first, ended ones included. */
export async function listTokens(tx: Tx, limit: number): Promise<ScimToken[]> {
  const { rows } =
    await sql<TokenRow>`select ${columns} from identity.scim_token order by id desc limit ${limit}`.execute(tx);
  return rows.map(fromRow);
}

/** Counts the good ones under a lock of the organisation, so that two requests at once cannot both be the last that fits. */
export async function countGoodTokens(tx: Tx, orgId: string): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`scim tokens ${orgId}`}, 5))`.execute(tx);
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from identity.scim_token
     where revoked_at is null and (expires_at is null or expires_at > platform.now())`.execute(tx);
  return rows[0]?.n ?? 0;
}

/** False when there is no such token. One that was revoked stays so. */
export async function revokeToken(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    update identity.scim_token set revoked_at = coalesce(revoked_at, platform.now()) where id = ${id} returning id`.execute(
    tx,
  );
  return rows.length > 0;
}

/** A good token that was not rotated before, locked: of two rotations the second sees the first. */
export async function lockToken(
  tx: Tx,
  id: string,
): Promise<{ readonly token: ScimToken; readonly isGood: boolean } | undefined> {
  const { rows } = await sql<TokenRow & { good: boolean }>`
    select ${columns}, revoked_at is null and replaced_by is null and (expires_at is null or expires_at > platform.now()) as good
      from identity.scim_token where id = ${id} for no key update`.execute(tx);
  return rows[0] && { token: fromRow(rows[0]), isGood: rows[0].good };
}

/** It ends after the overlap, or when it would have ended anyway. */
export async function replaceToken(tx: Tx, id: string, by: string, overlapSeconds: number): Promise<void> {
  await sql`
    update identity.scim_token
       set replaced_by = ${by},
           expires_at = least(coalesce(expires_at, 'infinity'), platform.now() + make_interval(secs => ${overlapSeconds}))
     where id = ${id}`.execute(tx);
}

export async function findSettings(tx: Tx): Promise<ScimSettings | undefined> {
  const { rows } = await sql<{ default_role: ScimSettings['defaultRole']; group_roles: ScimSettings['groupRoles'] }>`
    select default_role, group_roles from identity.scim_setting`.execute(tx);
  return rows[0] && { defaultRole: rows[0].default_role, groupRoles: rows[0].group_roles };
}

export async function putSettings(tx: Tx, orgId: string, settings: ScimSettings): Promise<void> {
  const groupRoles = JSON.stringify(settings.groupRoles);
  await sql`
    insert into identity.scim_setting (org_id, default_role, group_roles) values (${orgId}, ${settings.defaultRole}, ${groupRoles}::jsonb)
    on conflict (org_id) do update set default_role = excluded.default_role, group_roles = excluded.group_roles`.execute(
    tx,
  );
}
