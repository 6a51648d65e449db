/** All SQL of tokens. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { SessionMethod } from '../sessions/types.ts';

export interface StoredKey {
  /** The thumbprint of the public half. */
  readonly id: string;
  readonly publicKey: string;
  readonly sealed: Buffer;
  /** Until it signs; zero or less once it does. */
  readonly signsInMs: number;
}

/** System role. The one that signs from latest first. */
export async function listSigningKeys(tx: Tx): Promise<StoredKey[]> {
  const { rows } = await sql<{ id: string; public_key: string; sealed: Buffer; signs_in_ms: bigint }>`
    select id, public_key, sealed, signs_in_ms from identity.signing_keys()`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    publicKey: row.public_key,
    sealed: row.sealed,
    signsInMs: Number(row.signs_in_ms),
  }));
}

/** System role. False where it should be the first and is not. */
export async function addSigningKey(
  tx: Tx,
  key: Omit<StoredKey, 'signsInMs'> & { readonly delaySeconds: number; readonly isFirst: boolean },
): Promise<boolean> {
  const { rows } = await sql<{ added: boolean }>`
    select identity.add_signing_key(${key.id}, ${key.publicKey}, ${key.sealed}, make_interval(secs => ${key.delaySeconds}), ${key.isFirst}) as added`.execute(
    tx,
  );
  return rows[0]?.added ?? false;
}

/** System role: what all keys but this one signed is void; tells how many. */
export async function revokeSigningKeys(tx: Tx, exceptId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select identity.revoke_signing_keys(${exceptId}) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}

/**
 * In the person's own transaction: a session, just begun, is used by tokens from now on. A factor counts as shown when it was shown in the
 * session that it is made from.
 */
export async function insertTokenSession(
  tx: Tx,
  session: {
    readonly sessionId: string;
    readonly personId: string;
    readonly madeFrom: string;
    readonly organisation: string | undefined;
    readonly refreshHash: Buffer;
  },
): Promise<void> {
  const { sessionId, personId, madeFrom, refreshHash } = session;
  const organisation = session.organisation ?? null;
  await sql`
    update identity.session s set authenticated_at = o.authenticated_at, active_org = ${organisation}
      from identity.session o where s.id = ${sessionId} and o.id = ${madeFrom}`.execute(tx);
  await sql`
    insert into identity.token_session (session_id, person_id, made_from, organisation, current_hash)
    values (${sessionId}, ${personId}, ${madeFrom}, ${organisation}, ${refreshHash})`.execute(tx);
  await sql`
    insert into identity.refresh_token (token_hash, person_id, session_id)
    values (${refreshHash}, ${personId}, ${sessionId})`.execute(tx);
}

export interface FoundRefreshToken {
  readonly tokenHash: Buffer;
  readonly personId: string;
  readonly sessionId: string;
}

/** System role: acts before the person is known. */
export async function findRefreshToken(tx: Tx, hashes: readonly Buffer[]): Promise<FoundRefreshToken | undefined> {
  const { rows } = await sql<{ token_hash: Buffer; person_id: string; session_id: string }>`
    select token_hash, person_id, session_id from identity.find_refresh_token(${[...hashes]}::bytea[])`.execute(tx);
  const [row] = rows;
  return row && { tokenHash: row.token_hash, personId: row.person_id, sessionId: row.session_id };
}

/** What came of an exchange; `identity.exchange_refresh_token` says when. */
export type Exchange = 'rotated' | 'busy' | 'reused' | 'ended';

/** In the person's own transaction. */
export async function exchangeRefreshToken(tx: Tx, found: FoundRefreshToken, newHash: Buffer): Promise<Exchange> {
  const { rows } = await sql<{ outcome: Exchange }>`
    select identity.exchange_refresh_token(${found.sessionId}, ${found.tokenHash}, ${newHash}) as outcome`.execute(tx);
  return rows[0]?.outcome ?? 'ended';
}

/** In the person's own transaction. */
export async function findTokenOrganisation(tx: Tx, sessionId: string): Promise<string | undefined> {
  const { rows } = await sql<{ organisation: string | null }>`
    select organisation from identity.token_session where session_id = ${sessionId}`.execute(tx);
  return rows[0]?.organisation ?? undefined;
}

/** In the person's own transaction: how the person came into this session. */
export async function findOrigin(
  tx: Tx,
  sessionId: string,
): Promise<{ readonly method: SessionMethod; readonly via: string | undefined } | undefined> {
  const { rows } = await sql<{ method: SessionMethod; via_org: string | null }>`
    select method, via_org from identity.session where id = ${sessionId} and ended_at is null`.execute(tx);
  return rows[0] && { method: rows[0].method, via: rows[0].via_org ?? undefined };
}
