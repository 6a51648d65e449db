/** All SQL of factors, recovery codes and challenges. In the person's own transaction unless it says otherwise. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { SessionMethod } from '../sessions/types.ts';
import type { Factor, PasskeyRow } from './types.ts';

interface FactorRow {
  readonly id: string;
  readonly kind: 'totp' | 'passkey';
  readonly name: string;
  readonly created_at: Date;
  readonly confirmed_at: Date | null;
  readonly used_at: Date | null;
}

const columns = sql`id, kind, name, created_at, confirmed_at, used_at`;

const fromRow = (row: FactorRow): Factor => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
  confirmedAt: row.confirmed_at ?? undefined,
  usedAt: row.used_at ?? undefined,
});

/** The first row, where the statement always gives one. */
function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (!row) throw new Error('a statement that always gives a row gave none');
  return row;
}

/** Oldest first. */
export async function listFactors(tx: Tx): Promise<Factor[]> {
  const { rows } = await sql<FactorRow>`select ${columns} from identity.factor order by id`.execute(tx);
  return rows.map(fromRow);
}

export async function hasFactor(tx: Tx, personId: string): Promise<boolean> {
  const { rows } = await sql<{ yes: boolean }>`select identity.has_factor(${personId}) as yes`.execute(tx);
  return rows[0]?.yes ?? false;
}

/** A code generator that is pending; one that was pending before is forgotten. */
export async function insertTotp(
  tx: Tx,
  totp: { readonly id: string; readonly personId: string; readonly name: string; readonly secret: Buffer },
): Promise<Factor> {
  await sql`delete from identity.factor where person_id = ${totp.personId} and kind = 'totp' and confirmed_at is null`.execute(
    tx,
  );
  const { rows } = await sql<FactorRow>`
    insert into identity.factor (id, person_id, kind, name, secret)
    values (${totp.id}, ${totp.personId}, 'totp', ${totp.name}, ${totp.secret}) returning ${columns}`.execute(tx);
  return fromRow(only(rows));
}

/** The code generator that is pending or, with `isConfirmed`, the one in use. */
export async function findTotp(
  tx: Tx,
  which: { readonly isConfirmed: boolean; readonly id?: string },
): Promise<{ readonly id: string; readonly secret: Buffer } | undefined> {
  const { rows } = await sql<{ id: string; secret: Buffer }>`
    select id, secret from identity.factor
     where kind = 'totp' and (confirmed_at is not null) = ${which.isConfirmed} and id = coalesce(${which.id ?? null}, id)`.execute(
    tx,
  );
  return rows[0];
}

/** Uses the code of a step up: of all who try it at once, in every process, one gets true. What came before that step is used up with it. */
export async function useStep(tx: Tx, id: string, step: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.factor set last_step = ${step}, used_at = platform.now() where id = ${id} and last_step < ${step}`.execute(
    tx,
  );
  return numAffectedRows === 1n;
}

/** Takes the pending code generator into use, in the place of the one before it. */
export async function confirmTotp(tx: Tx, id: string): Promise<Factor | undefined> {
  await sql`delete from identity.factor where kind = 'totp' and confirmed_at is not null and id <> ${id}`.execute(tx);
  const { rows } = await sql<FactorRow>`
    update identity.factor set confirmed_at = platform.now() where id = ${id} and confirmed_at is null returning ${columns}`.execute(
    tx,
  );
  return rows[0] && fromRow(rows[0]);
}

export async function deleteFactor(tx: Tx, id: string): Promise<Factor | undefined> {
  const { rows } = await sql<FactorRow>`delete from identity.factor where id = ${id} returning ${columns}`.execute(tx);
  return rows[0] && fromRow(rows[0]);
}

/** All of the person, and what was being set up; tells how many were in use. */
export async function deleteFactors(tx: Tx, personId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with gone as (delete from identity.factor where person_id = ${personId} returning confirmed_at)
    select count(confirmed_at)::int as n from gone`.execute(tx);
  return only(rows).n;
}

/** True where the person had a password that is long enough only beside a factor; now they have none. */
export async function deleteShortPassword(tx: Tx, personId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.person set password_hash = null, password_is_short = false
     where person_id = ${personId} and password_hash is not null and password_is_short`.execute(tx);
  return numAffectedRows === 1n;
}

/** Whether the password of the person is long enough only beside a factor. */
export async function hasShortPassword(tx: Tx, personId: string): Promise<boolean> {
  const { rows } = await sql<{ yes: boolean }>`
    select password_hash is not null and password_is_short as yes from identity.person where person_id = ${personId}`.execute(
    tx,
  );
  return rows[0]?.yes ?? false;
}

/** @throws a unique violation (`factor_credential_id_key`) for a passkey that somebody has. */
export async function insertPasskey(
  tx: Tx,
  passkey: {
    readonly id: string;
    readonly personId: string;
    readonly name: string;
    readonly credentialId: Buffer;
    readonly publicKey: Buffer;
    readonly counter: number;
    readonly transports: readonly string[];
  },
): Promise<Factor> {
  const { rows } = await sql<FactorRow>`
    insert into identity.factor (id, person_id, kind, name, confirmed_at, credential_id, public_key, counter, transports)
    values (${passkey.id}, ${passkey.personId}, 'passkey', ${passkey.name}, platform.now(), ${passkey.credentialId}, ${passkey.publicKey},
            ${passkey.counter}, ${[...passkey.transports]}::text[]) returning ${columns}`.execute(tx);
  return fromRow(only(rows));
}

export async function listPasskeys(tx: Tx): Promise<PasskeyRow[]> {
  const { rows } = await sql<{
    id: string;
    credential_id: Buffer;
    public_key: Buffer;
    counter: bigint;
    transports: string[];
  }>`select id, credential_id, public_key, counter, transports from identity.factor where kind = 'passkey' order by id`.execute(
    tx,
  );
  return rows.map((row) => ({
    id: row.id,
    credentialId: row.credential_id,
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
  }));
}

/** False where the passkey has counted as far already: a copy of it was used. Those that do not count stay at 0. */
export async function usePasskey(tx: Tx, id: string, counter: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.factor set counter = ${counter}, used_at = platform.now()
     where id = ${id} and (counter < ${counter} or (counter = 0 and ${counter}::bigint = 0))`.execute(tx);
  return numAffectedRows === 1n;
}

/** Takes the place of all codes there were. */
export async function replaceRecoveryCodes(
  tx: Tx,
  personId: string,
  made: { readonly salt: Buffer; readonly hashes: readonly Buffer[] },
): Promise<void> {
  await deleteRecoveryCodes(tx, personId);
  await sql`
    insert into identity.recovery_code (person_id, code_hash, salt)
    select ${personId}, h, ${made.salt} from unnest(${[...made.hashes]}::bytea[]) h`.execute(tx);
}

export async function deleteRecoveryCodes(tx: Tx, personId: string): Promise<void> {
  await sql`delete from identity.recovery_code where person_id = ${personId}`.execute(tx);
}

/** What codes of the person are hashed with; undefined when they have none. */
export async function findSalt(tx: Tx, personId: string): Promise<Buffer | undefined> {
  const { rows } = await sql<{ salt: Buffer }>`
    select salt from identity.recovery_code where person_id = ${personId} limit 1`.execute(tx);
  return rows[0]?.salt;
}

/** Of two with the same code, one gets true. */
export async function useRecoveryCode(tx: Tx, personId: string, hash: Buffer): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.recovery_code set used_at = platform.now()
     where person_id = ${personId} and code_hash = ${hash} and used_at is null`.execute(tx);
  return numAffectedRows === 1n;
}

export async function countRecoveryCodes(tx: Tx, personId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from identity.recovery_code where person_id = ${personId} and used_at is null`.execute(
    tx,
  );
  return rows[0]?.n ?? 0;
}

export type StoredPurpose = 'sign-in' | 'step-up' | 'passkey' | 'register';

export interface StoredChallenge {
  readonly id: string;
  readonly purpose: StoredPurpose;
  readonly method: SessionMethod | undefined;
  /** The organisation whose own identity provider said who it is. */
  readonly via: string | undefined;
  readonly sessionId: string | undefined;
  readonly source: Buffer;
}

/** False for one that was there before. */
export async function insertChallenge(
  tx: Tx,
  challenge: {
    readonly id: string;
    readonly personId: string;
    readonly tokenHash: Buffer;
    readonly purpose: StoredPurpose;
    readonly method?: SessionMethod | undefined;
    readonly via?: string | undefined;
    readonly sessionId?: string | undefined;
    readonly source: Buffer;
    readonly ttlSeconds: number;
    readonly isUsed: boolean;
  },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into identity.challenge (id, person_id, token_hash, purpose, method, via_org, session_id, source, expires_at, used_at)
    values (${challenge.id}, ${challenge.personId}, ${challenge.tokenHash}, ${challenge.purpose}, ${challenge.method ?? null},
            ${challenge.via ?? null}, ${challenge.sessionId ?? null}, ${challenge.source}, platform.now() + make_interval(secs => ${challenge.ttlSeconds}),
            case when ${challenge.isUsed} then platform.now() end)
    on conflict (token_hash) do nothing`.execute(tx);
  return numAffectedRows === 1n;
}

/** System role: whose challenge it is. */
export async function findChallenge(
  tx: Tx,
  hashes: readonly Buffer[],
): Promise<{ readonly id: string; readonly personId: string } | undefined> {
  const { rows } = await sql<{ id: string; person_id: string }>`
    select id, person_id from identity.find_challenge(${[...hashes]}::bytea[])`.execute(tx);
  return rows[0] && { id: rows[0].id, personId: rows[0].person_id };
}

/** Keeps it for this transaction: whoever else answers it waits, and finds it used if this one succeeds. */
export async function lockChallenge(tx: Tx, id: string): Promise<StoredChallenge | undefined> {
  const { rows } = await sql<{
    id: string;
    purpose: StoredPurpose;
    method: SessionMethod | null;
    via_org: string | null;
    session_id: string | null;
    source: Buffer;
  }>`select id, purpose, method, via_org, session_id, source from identity.challenge
      where id = ${id} and used_at is null and expires_at > platform.now() for no key update`.execute(tx);
  const [row] = rows;
  return (
    row && {
      id: row.id,
      purpose: row.purpose,
      method: row.method ?? undefined,
      via: row.via_org ?? undefined,
      sessionId: row.session_id ?? undefined,
      source: row.source,
    }
  );
}

export async function useChallenge(tx: Tx, id: string): Promise<void> {
  await sql`update identity.challenge set used_at = platform.now() where id = ${id}`.execute(tx);
}

/** System role: whose passkey it is; nobody's where they may not come in. */
export async function findPasskeyOwner(tx: Tx, credentialId: Buffer): Promise<string | undefined> {
  const { rows } = await sql<{ person_id: string }>`
    select person_id from identity.find_passkey(${credentialId})`.execute(tx);
  return rows[0]?.person_id;
}

/** In a transaction of the organisation. */
export async function setSecondFactorRequired(tx: Tx, orgId: string, isRequired: boolean): Promise<void> {
  await sql`update identity.organisation set second_factor_required = ${isRequired} where org_id = ${orgId}`.execute(
    tx,
  );
}

export async function isSecondFactorRequired(tx: Tx, orgId: string): Promise<boolean> {
  const { rows } = await sql<{ yes: boolean }>`
    select second_factor_required as yes from identity.organisation where org_id = ${orgId}`.execute(tx);
  return rows[0]?.yes ?? false;
}

/** System role. */
export async function pruneFactors(tx: Tx, keep: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select identity.prune_factors(${keep}::interval) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}
