/** The SQL of the caches. What the functions lock stands in the migration. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Mode } from '../types.ts';
import type { CacheSettings, Entry, EntryKind, Section, Seen } from './types.ts';

export interface FoundRow {
  readonly key: Buffer;
  readonly content: Buffer;
  readonly mac: Buffer;
  readonly expires_at: Date;
}

export async function findEntries(tx: Tx, orgId: string, keys: readonly Buffer[]): Promise<FoundRow[]> {
  const found = await sql<FoundRow>`select * from models.cache_find(${orgId}, ${keys}::bytea[])`.execute(tx);
  return found.rows;
}

export interface Keeping {
  readonly section: Section;
  readonly entries: readonly (Entry & { readonly mac: Buffer })[];
  readonly ttlSeconds: number;
  /** Of the whole section. */
  readonly bytesMax: number;
}

export async function keepEntries(tx: Tx, { section, entries, ttlSeconds, bytesMax }: Keeping): Promise<void> {
  const { orgId, mode, kind } = section;
  const keys = entries.map(({ key }) => key);
  const contents = entries.map(({ content }) => content);
  const macs = entries.map(({ mac }) => mac);
  await sql`select models.cache_keep(${orgId}, ${mode}, ${kind}, ${keys}::bytea[], ${contents}::bytea[], ${macs}::bytea[],
    ${ttlSeconds}::int, ${bytesMax}::bigint)`.execute(tx);
}

export async function tellSeen(tx: Tx, { orgId, mode, kind }: Section, seen: Seen): Promise<void> {
  const { hits, misses, savedNanos } = seen;
  await sql`select models.cache_tell(${orgId}, ${mode}, ${kind}, ${hits}::bigint, ${misses}::bigint, ${savedNanos}::bigint)`.execute(
    tx,
  );
}

export async function pruneEntries(tx: Tx): Promise<number> {
  const pruned = await sql<{ n: number }>`select models.cache_prune() as n`.execute(tx);
  return pruned.rows[0]?.n ?? 0;
}

interface SettingRow {
  readonly responses: boolean;
  readonly ttl_seconds: number;
  readonly vectors: boolean;
  readonly generation: number;
}

/** Undefined where the organisation has set nothing. */
export async function findSettings(tx: Tx): Promise<CacheSettings | undefined> {
  const found = await sql<SettingRow>`
    select responses, ttl_seconds, vectors, generation from models.cache_setting where org_id = platform.current_org()`.execute(
    tx,
  );
  const row = found.rows[0];
  return (
    row && { responses: row.responses, ttlSeconds: row.ttl_seconds, vectors: row.vectors, generation: row.generation }
  );
}

export async function putSettings(tx: Tx, settings: Omit<CacheSettings, 'generation'>): Promise<void> {
  await sql`
    insert into models.cache_setting as s (org_id, responses, ttl_seconds, vectors)
    values (platform.current_org(), ${settings.responses}, ${settings.ttlSeconds}, ${settings.vectors})
    on conflict (org_id) do update set responses = excluded.responses, ttl_seconds = excluded.ttl_seconds, vectors = excluded.vectors,
      generation = s.generation + 1, updated_at = platform.now()`.execute(tx);
}

/** Deletes everything that is kept of the organisation; what it was good for stays told. */
export async function forgetEntries(tx: Tx): Promise<void> {
  // The tally before the entries, as everywhere.
  await sql`update models.cache_tally set entries = 0, bytes = 0 where org_id = platform.current_org()`.execute(tx);
  await sql`delete from models.cache_entry where org_id = platform.current_org()`.execute(tx);
}

export interface Tally {
  readonly kind: EntryKind;
  readonly entries: bigint;
  readonly bytes: bigint;
  readonly hits: bigint;
  readonly misses: bigint;
  readonly savedNanos: bigint;
}

export async function listTallies(tx: Tx, mode: Mode): Promise<Tally[]> {
  const found = await sql<Omit<Tally, 'savedNanos'> & { readonly saved_nanos: bigint }>`
    select kind, entries, bytes, hits, misses, saved_nanos from models.cache_tally
    where org_id = platform.current_org() and mode = ${mode}`.execute(tx);
  return found.rows.map(({ saved_nanos: savedNanos, ...row }) => ({ ...row, savedNanos }));
}
