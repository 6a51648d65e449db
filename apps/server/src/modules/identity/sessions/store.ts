/** All SQL of sessions. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Role } from '../types.ts';
import type { Session, SessionMethod } from './types.ts';

export interface FoundMembership {
  readonly id: string;
  readonly orgId: string;
  readonly role: Role;
}

export interface FoundSession {
  readonly id: string;
  readonly personId: string;
  readonly tokenHash: Buffer;
  readonly activeOrg: string | undefined;
  readonly isVerified: boolean;
  readonly isOperator: boolean;
  /** Oldest first. */
  readonly memberships: readonly FoundMembership[];
  /** Organisations that are closed to them until they have a second factor. */
  readonly closed: readonly string[];
  /** Organisations that ask for their own identity provider, which this session did not come through. */
  readonly outside: readonly string[];
  readonly authenticatedAgoMs: number;
  readonly validForMs: number;
}

interface FoundRow {
  readonly id: string;
  readonly person_id: string;
  readonly token_hash: Buffer;
  readonly active_org: string | null;
  readonly verified: boolean;
  readonly operator: boolean;
  readonly memberships: [string, string, Role][];
  readonly closed: string[];
  readonly outside: string[];
  readonly authenticated_ago_ms: bigint;
  readonly valid_for_ms: bigint;
}

const foundColumns = sql.raw(
  `id, person_id, token_hash, active_org, verified, operator, memberships, authenticated_ago_ms, valid_for_ms,
   array(select c.org_id from identity.closed_without_factor(person_id) c) as closed,
   array(select o.org_id from identity.outside_of_sso(id) o where o.required) as outside`,
);

/** System role: acts before the person is known. */
export async function findSession(tx: Tx, hashes: readonly Buffer[]): Promise<FoundSession | undefined> {
  const { rows } =
    await sql<FoundRow>`select ${foundColumns} from identity.find_session(${[...hashes]}::bytea[])`.execute(tx);
  return foundIn(rows);
}

/** System role: the same for a session that a signed token names. */
export async function findSessionById(tx: Tx, id: string): Promise<FoundSession | undefined> {
  const { rows } = await sql<FoundRow>`select ${foundColumns} from identity.find_session_by_id(${id})`.execute(tx);
  return foundIn(rows);
}

function foundIn([row]: readonly FoundRow[]): FoundSession | undefined {
  return (
    row && {
      id: row.id,
      personId: row.person_id,
      tokenHash: row.token_hash,
      activeOrg: row.active_org ?? undefined,
      isVerified: row.verified,
      isOperator: row.operator,
      memberships: row.memberships.map(([id, orgId, role]) => ({ id, orgId, role })),
      closed: row.closed,
      outside: row.outside,
      authenticatedAgoMs: Number(row.authenticated_ago_ms),
      validForMs: Number(row.valid_for_ms),
    }
  );
}

/** System role. */
export async function touchSessions(tx: Tx, ids: readonly string[]): Promise<void> {
  await sql`select identity.touch_sessions(${[...ids]}::text[])`.execute(tx);
}

export async function insertSession(
  tx: Tx,
  session: {
    readonly id: string;
    readonly personId: string;
    readonly tokenHash: Buffer;
    readonly method: SessionMethod;
    readonly ip: string;
    readonly userAgent: string;
    readonly via: string | undefined;
  },
): Promise<void> {
  const via = session.via ?? null;
  await sql`
    insert into identity.session (id, person_id, token_hash, method, ip, user_agent, via_org, active_org)
    values (${session.id}, ${session.personId}, ${session.tokenHash}, ${session.method}, ${session.ip}, ${session.userAgent}, ${via}, ${via})`.execute(
    tx,
  );
}

interface SessionRow {
  readonly id: string;
  readonly method: SessionMethod;
  readonly active_org: string | null;
  readonly ip: string;
  readonly user_agent: string;
  readonly risk: number;
  readonly country: string | null;
  readonly created_at: Date;
  readonly used_at: Date;
  readonly authenticated_at: Date;
}

const fromRow = (row: SessionRow): Session => ({
  id: row.id,
  method: row.method,
  activeOrg: row.active_org ?? undefined,
  ip: row.ip,
  userAgent: row.user_agent,
  risk: row.risk,
  country: row.country ?? undefined,
  createdAt: row.created_at,
  usedAt: row.used_at,
  authenticatedAt: row.authenticated_at,
});

/** Those that are good at this moment, newest first. */
export async function listSessions(tx: Tx, limit: number): Promise<Session[]> {
  const { rows } = await sql<SessionRow>`
    select s.id, s.method, s.active_org, s.ip, s.user_agent, s.risk, s.country, s.created_at, s.used_at, s.authenticated_at
      from identity.session s join identity.person p on p.person_id = s.person_id
     where s.ended_at is null and identity.session_ends(p.operator, s.created_at, s.used_at) > platform.now()
     order by s.id desc limit ${limit}`.execute(tx);
  return rows.map(fromRow);
}

/** Ends one session; false when there is no such one, or it had ended. */
export async function endSession(tx: Tx, id: string): Promise<boolean> {
  const { numAffectedRows } =
    await sql`update identity.session set ended_at = platform.now() where id = ${id} and ended_at is null`.execute(tx);
  return numAffectedRows === 1n;
}

/** Ends all sessions of the person of this transaction but this one; tells how many. */
export async function endSessions(tx: Tx, exceptId: string | undefined): Promise<number> {
  const { numAffectedRows } = await sql`
    update identity.session set ended_at = platform.now()
     where ended_at is null and id is distinct from ${exceptId ?? null}::text`.execute(tx);
  return Number(numAffectedRows ?? 0n);
}

/** A new token, and a factor shown just now. */
export async function renewSession(tx: Tx, id: string, tokenHash: Buffer): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.session set token_hash = ${tokenHash}, authenticated_at = platform.now()
     where id = ${id} and ended_at is null`.execute(tx);
  return numAffectedRows === 1n;
}

export async function setActiveOrganisation(tx: Tx, id: string, orgId: string): Promise<void> {
  await sql`update identity.session set active_org = ${orgId} where id = ${id} and ended_at is null`.execute(tx);
}
