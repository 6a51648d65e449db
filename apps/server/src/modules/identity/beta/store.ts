/** All SQL of who may sign up. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Locale } from '../people/types.ts';
import type { Code, Waiting } from './types.ts';

/** System role. */
export async function setPeopleMax(tx: Tx, peopleMax: number | undefined): Promise<void> {
  await sql`select identity.set_people_max(${peopleMax ?? null}::int)`.execute(tx);
}

/** System role: a good code for this address. */
export async function findCode(tx: Tx, hashes: readonly Buffer[], emailFolded: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from identity.find_beta_code(${[...hashes]}::bytea[], ${emailFolded})`.execute(tx);
  return rows[0]?.id;
}

/** System role. */
export async function isInvited(tx: Tx, emailFolded: string): Promise<boolean> {
  const { rows } = await sql<{ invited: boolean }>`select identity.is_invited(${emailFolded}) as invited`.execute(tx);
  return rows[0]?.invited ?? false;
}

/** In the transaction of the person. */
export async function insertTicket(tx: Tx, personId: string, codeId: string): Promise<void> {
  await sql`insert into identity.beta_ticket (person_id, code_id) values (${personId}, ${codeId})`.execute(tx);
}

export async function findTicket(tx: Tx, personId: string): Promise<string | undefined> {
  const { rows } = await sql<{ code_id: string }>`
    select code_id from identity.beta_ticket where person_id = ${personId}`.execute(tx);
  return rows[0]?.code_id;
}

/** Of all who use a code at once, as many as it is for are told true. */
export async function useCode(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.beta_code set uses = uses + 1
     where id = ${id} and revoked_at is null and uses < uses_max and (expires_at is null or expires_at > platform.now())`.execute(
    tx,
  );
  return numAffectedRows === 1n;
}

interface CodeRow {
  readonly id: string;
  readonly note: string;
  readonly uses_max: number;
  readonly uses: number;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

const codeColumns = sql.raw('id, note, uses_max, uses, created_at, created_by, expires_at, revoked_at');

const toCode = (row: CodeRow): Code => ({
  id: row.id,
  note: row.note,
  usesMax: row.uses_max,
  uses: row.uses,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
});

export async function insertCode(
  tx: Tx,
  code: {
    readonly id: string;
    readonly codeHash: Buffer;
    readonly note: string;
    readonly emailFolded: string | undefined;
    readonly usesMax: number;
    readonly createdBy: string;
    readonly expiresAt: Date | undefined;
  },
): Promise<Code> {
  const { rows } = await sql<CodeRow>`
    insert into identity.beta_code (id, code_hash, note, email_folded, uses_max, created_by, expires_at)
    values (${code.id}, ${code.codeHash}, ${code.note}, ${code.emailFolded ?? null}, ${code.usesMax}, ${code.createdBy}, ${code.expiresAt ?? null})
    returning ${codeColumns}`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error('the statement gave no row');
  return toCode(row);
}

/** Newest first. */
export async function listCodes(
  tx: Tx,
  page: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<Code[]> {
  const { rows } = await sql<CodeRow>`
    select ${codeColumns} from identity.beta_code
     where ${page.beforeId ?? null}::text is null or id < ${page.beforeId ?? null}::text
     order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(toCode);
}

/** False for one that is not there. */
export async function revokeCode(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.beta_code set revoked_at = coalesce(revoked_at, platform.now()) where id = ${id}`.execute(tx);
  return numAffectedRows === 1n;
}

/** System role: who waits with this address, or with this link. */
export async function findWaiting(
  tx: Tx,
  by: { readonly emailFolded?: string; readonly hashes?: readonly Buffer[] },
): Promise<string | undefined> {
  const { rows } = await sql<{ person_id: string }>`
    select person_id from identity.find_waiting(${by.emailFolded ?? null}, ${[...(by.hashes ?? [])]}::bytea[])`.execute(
    tx,
  );
  return rows[0]?.person_id;
}

/** In a transaction of who waits. A second time renews the link alone. */
export async function putWaiting(
  tx: Tx,
  one: {
    readonly personId: string;
    readonly email: string;
    readonly emailFolded: string;
    readonly locale: Locale;
    readonly tokenHash: Buffer;
  },
): Promise<void> {
  await sql`
    insert into identity.waiting (person_id, email, email_folded, locale, token_hash)
    values (${one.personId}, ${one.email}, ${one.emailFolded}, ${one.locale}, ${one.tokenHash})
    on conflict (person_id) do update set token_hash = ${one.tokenHash}, locale = excluded.locale`.execute(tx);
}

/** True the first time. */
export async function confirmWaiting(tx: Tx, personId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.waiting set confirmed_at = platform.now() where person_id = ${personId} and confirmed_at is null`.execute(
    tx,
  );
  return numAffectedRows === 1n;
}

/** Of two operators who invite the same person at once, one is told true. */
export async function markInvited(tx: Tx, personId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.waiting set invited_at = platform.now() where person_id = ${personId} and invited_at is null`.execute(
    tx,
  );
  return numAffectedRows === 1n;
}

/** System role. First come first. */
export async function listWaiting(
  tx: Tx,
  page: { readonly ids?: readonly string[] | undefined; readonly afterId?: string | undefined; readonly limit: number },
): Promise<Waiting[]> {
  const { rows } = await sql<{
    person_id: string;
    email: string;
    email_folded: string;
    locale: Locale;
    created_at: Date;
    confirmed_at: Date;
  }>`select person_id, email, email_folded, locale, created_at, confirmed_at
       from identity.waiting_line(${page.ids ? [...page.ids] : null}::text[], ${page.afterId ?? null}, ${page.limit}::int)`.execute(
    tx,
  );
  return rows.map((row) => ({
    personId: row.person_id,
    email: row.email,
    emailFolded: row.email_folded,
    locale: row.locale,
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at,
  }));
}

/** System role. */
export async function countPeople(
  tx: Tx,
): Promise<{ readonly people: number; readonly waiting: number; readonly invited: number }> {
  const { rows } = await sql<{ people: number; waiting: number; invited: number }>`
    select people, waiting, invited from identity.beta_counts()`.execute(tx);
  return rows[0] ?? { people: 0, waiting: 0, invited: 0 };
}

/** System role. */
export async function pruneWaiting(
  tx: Tx,
  keep: { readonly unconfirmed: string; readonly invited: string },
): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select identity.prune_waiting(${keep.unconfirmed}::interval, ${keep.invited}::interval) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}
