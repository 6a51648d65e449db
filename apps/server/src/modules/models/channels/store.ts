/** All SQL of channels. Sealed keys leave it as they lie there. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ProviderKind } from '../types.ts';
import type { KeyRecord, ProviderRecord, StoredCheck } from './types.ts';

interface ProviderRow {
  readonly id: string;
  readonly kind: ProviderKind;
  readonly name: string;
  readonly base_url: string;
  readonly sealed: Buffer | null;
  readonly key_last4: string | null;
  readonly weight: number;
  readonly priority: number;
  readonly regions: string[];
  readonly retains_data: boolean;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly concurrency_max: number | null;
  readonly enabled: boolean;
  readonly last_check: StoredCheck;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface KeyRow {
  readonly id: string;
  readonly org_id: string;
  readonly kind: ProviderKind;
  readonly name: string;
  readonly base_url: string;
  readonly sealed: Buffer | null;
  readonly key_last4: string | null;
  readonly weight: number;
  readonly priority: number;
  readonly last_check: StoredCheck;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

const toProvider = (row: ProviderRow): ProviderRecord => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  baseUrl: row.base_url,
  sealed: row.sealed ?? undefined,
  keyLast4: row.key_last4 ?? undefined,
  weight: row.weight,
  priority: row.priority,
  regions: row.regions,
  retainsData: row.retains_data,
  requestsPerMinute: row.requests_per_minute ?? undefined,
  tokensPerMinute: row.tokens_per_minute ?? undefined,
  concurrencyMax: row.concurrency_max ?? undefined,
  enabled: row.enabled,
  lastCheck: row.last_check,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

const toKey = (row: KeyRow): KeyRecord => ({
  id: row.id,
  orgId: row.org_id,
  kind: row.kind,
  name: row.name,
  baseUrl: row.base_url,
  sealed: row.sealed ?? undefined,
  keyLast4: row.key_last4 ?? undefined,
  weight: row.weight,
  priority: row.priority,
  lastCheck: row.last_check,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
});

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('assertion failed: the statement gave no row');
  return row;
}

/** Oldest first. */
export async function listProviders(tx: Tx): Promise<ProviderRecord[]> {
  const { rows } = await sql<ProviderRow>`select * from models.provider order by id`.execute(tx);
  return rows.map(toProvider);
}

export async function findProvider(tx: Tx, id: string): Promise<ProviderRecord | undefined> {
  const { rows } = await sql<ProviderRow>`select * from models.provider where id = ${id}`.execute(tx);
  return rows[0] && toProvider(rows[0]);
}

export async function lockProvider(tx: Tx, id: string): Promise<ProviderRecord | undefined> {
  const { rows } = await sql<ProviderRow>`select * from models.provider where id = ${id} for no key update`.execute(tx);
  return rows[0] && toProvider(rows[0]);
}

/** Counts under a lock, so that two requests at once cannot both be the last that fits. */
export async function countProviders(tx: Tx): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended('model providers', 3))`.execute(tx);
  return only((await sql<{ n: number }>`select count(*)::int as n from models.provider`.execute(tx)).rows).n;
}

export type NewProvider = Omit<ProviderRecord, 'createdAt' | 'updatedAt'>;

/** Inserts, or replaces all but the time of making. */
export async function putProvider(tx: Tx, record: NewProvider): Promise<ProviderRecord> {
  const { rows } = await sql<ProviderRow>`
    insert into models.provider as p (id, kind, name, base_url, sealed, key_last4, weight, priority, regions, retains_data,
        requests_per_minute, tokens_per_minute, concurrency_max, enabled, last_check)
    values (${record.id}, ${record.kind}, ${record.name}, ${record.baseUrl}, ${record.sealed ?? null}, ${record.keyLast4 ?? null},
        ${record.weight}, ${record.priority}, ${[...record.regions]}, ${record.retainsData}, ${record.requestsPerMinute ?? null},
        ${record.tokensPerMinute ?? null}, ${record.concurrencyMax ?? null}, ${record.enabled}, ${JSON.stringify(record.lastCheck)}::jsonb)
    on conflict (id) do update set name = excluded.name, base_url = excluded.base_url, sealed = excluded.sealed,
        key_last4 = excluded.key_last4, weight = excluded.weight, priority = excluded.priority, regions = excluded.regions,
        retains_data = excluded.retains_data, requests_per_minute = excluded.requests_per_minute,
        tokens_per_minute = excluded.tokens_per_minute, concurrency_max = excluded.concurrency_max, enabled = excluded.enabled,
        last_check = excluded.last_check, updated_at = platform.now()
    returning p.*`.execute(tx);
  return toProvider(only(rows));
}

export async function deleteProvider(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`delete from models.provider where id = ${id} returning id`.execute(tx);
  return rows.length > 0;
}

export async function noteProviderCheck(tx: Tx, id: string, check: StoredCheck): Promise<void> {
  await sql`update models.provider set last_check = ${JSON.stringify(check)}::jsonb where id = ${id}`.execute(tx);
}

/** Newest first, revoked ones included. */
export async function listKeys(
  tx: Tx,
  page: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<KeyRecord[]> {
  const beforeId = page.beforeId ?? null;
  const { rows } = await sql<KeyRow>`select * from models.provider_key
    where ${beforeId}::text is null or id < ${beforeId}::text order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(toKey);
}

/** Those that can be used, oldest first. */
export async function listActiveKeys(tx: Tx): Promise<KeyRecord[]> {
  const { rows } = await sql<KeyRow>`select * from models.provider_key where revoked_at is null order by id`.execute(
    tx,
  );
  return rows.map(toKey);
}

export async function findKey(tx: Tx, id: string): Promise<KeyRecord | undefined> {
  const { rows } = await sql<KeyRow>`select * from models.provider_key where id = ${id}`.execute(tx);
  return rows[0] && toKey(rows[0]);
}

/** Counts the active ones under a lock of the organisation, so that two requests at once cannot both be the last that fits. */
export async function countKeys(tx: Tx, orgId: string): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`provider keys ${orgId}`}, 3))`.execute(tx);
  const { rows } = await sql<{
    n: number;
  }>`select count(*)::int as n from models.provider_key where revoked_at is null`.execute(tx);
  return only(rows).n;
}

export type NewKey = Omit<KeyRecord, 'createdAt' | 'lastUsedAt' | 'revokedAt'> & { readonly createdBy: string };

export async function insertKey(tx: Tx, key: NewKey): Promise<KeyRecord> {
  const { rows } = await sql<KeyRow>`
    insert into models.provider_key (id, org_id, kind, name, base_url, sealed, key_last4, weight, priority, last_check, created_by)
    values (${key.id}, ${key.orgId}, ${key.kind}, ${key.name}, ${key.baseUrl}, ${key.sealed ?? null}, ${key.keyLast4 ?? null},
      ${key.weight}, ${key.priority}, ${JSON.stringify(key.lastCheck)}::jsonb, ${key.createdBy})
    returning *`.execute(tx);
  return toKey(only(rows));
}

/** Ends a key and forgets what it was. False when there was none that was active. */
export async function revokeKey(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`update models.provider_key set revoked_at = platform.now(), sealed = null
    where id = ${id} and revoked_at is null returning id`.execute(tx);
  return rows.length > 0;
}

export async function noteKeyCheck(tx: Tx, id: string, check: StoredCheck): Promise<void> {
  await sql`update models.provider_key set last_check = ${JSON.stringify(check)}::jsonb where id = ${id}`.execute(tx);
}

/** System role. The first use of a day leaves a row in the audit trail, under the id that stands at the key's place. */
export async function noteKeyUse(tx: Tx, ids: readonly string[], auditIds: readonly string[]): Promise<void> {
  await sql`select models.note_key_use(${[...ids]}::text[], ${[...auditIds]}::text[])`.execute(tx);
}
