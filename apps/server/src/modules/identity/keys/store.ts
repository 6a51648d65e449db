/** SQL of leaked and ageing keys. */
import type { Mode } from '@guildhall/contract';
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Locale } from '../people/types.ts';

/** Whom a mail about a key goes to. */
export interface KeyReader {
  readonly email: string;
  readonly name: string;
  readonly locale: Locale;
}

/** System role: acts before the organisation is known. Ended keys are found too. */
export async function findLeakedKey(
  tx: Tx,
  hashes: readonly Buffer[],
): Promise<{ readonly id: string; readonly orgId: string; readonly mode: Mode } | undefined> {
  const { rows } = await sql<{ id: string; org_id: string; mode: Mode }>`
    select id, org_id, mode from identity.find_leaked_key(${[...hashes]}::bytea[])`.execute(tx);
  return rows[0] && { id: rows[0].id, orgId: rows[0].org_id, mode: rows[0].mode };
}

/** System role. The member who made it, and the owners. */
export async function listPeopleOfKey(
  tx: Tx,
  key: { readonly orgId: string; readonly memberId: string | undefined },
): Promise<KeyReader[]> {
  const { rows } = await sql<KeyReader>`
    select email, name, locale from identity.people_of_key(${key.orgId}, ${key.memberId ?? null})`.execute(tx);
  return rows;
}

export interface DueReminder {
  readonly keyId: string;
  readonly orgId: string;
  readonly days: number;
}

/** System role. */
export async function listDueReminders(tx: Tx, limit: number): Promise<DueReminder[]> {
  const { rows } = await sql<{ id: string; org_id: string; days: number }>`
    select id, org_id, days from identity.due_key_reminders(${limit}::int)`.execute(tx);
  return rows.map((row) => ({ keyId: row.id, orgId: row.org_id, days: row.days }));
}

/** Of two processes that remind of one key at once, one gets true. */
export async function markReminded(tx: Tx, keyId: string, days: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.api_key set reminded_days = ${days}
     where id = ${keyId} and revoked_at is null and (reminded_days is null or reminded_days > ${days})`.execute(tx);
  return numAffectedRows === 1n;
}
