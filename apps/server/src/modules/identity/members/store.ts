/** All SQL of organisations, their members and invitations. Where nothing else is said, in a transaction of the organisation. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';
import type { Role } from '../types.ts';
import type { Invitation, Member, OwnOrganisation } from './types.ts';

interface MemberRow {
  readonly id: string;
  readonly person_id: string | null;
  readonly email: string | null;
  readonly name: string;
  readonly role: Role;
  readonly created_at: Date;
  readonly created_by: string;
  readonly disabled: boolean | null;
}

const toMember = (row: MemberRow): Member => ({
  id: row.id,
  personId: row.person_id ?? undefined,
  email: row.email ?? undefined,
  name: row.name,
  role: row.role,
  isDisabled: row.disabled ?? false,
  createdAt: row.created_at,
  createdBy: row.created_by,
});

/** System role: the names of people are their own. In the order of ids, which is that of joining. */
export async function listMembers(
  tx: Tx,
  orgId: string,
  page: { readonly id?: string; readonly afterId?: string | undefined; readonly limit: number },
): Promise<Member[]> {
  const { rows } = await sql<MemberRow>`
    select id, person_id, email, name, role, created_at, created_by, disabled
      from identity.members_of(${orgId}, ${page.id ?? null}, ${page.afterId ?? null}, ${page.limit}::int)`.execute(tx);
  return rows.map(toMember);
}

/** A membership as it is judged: without names. */
export interface Standing {
  readonly id: string;
  readonly personId: string | undefined;
  readonly role: Role;
}

interface StandingRow {
  readonly id: string;
  readonly person_id: string | null;
  readonly role: Role;
}
const toStanding = (row: StandingRow): Standing => ({
  id: row.id,
  personId: row.person_id ?? undefined,
  role: row.role,
});

/** A member who is one now. */
export async function findStanding(tx: Tx, id: string): Promise<Standing | undefined> {
  const { rows } = await sql<StandingRow>`
    select id, person_id, role from identity.membership where id = ${id} and ended_at is null`.execute(tx);
  return rows[0] && toStanding(rows[0]);
}

export async function findStandingOf(tx: Tx, personId: string): Promise<Standing | undefined> {
  const { rows } = await sql<StandingRow>`
    select id, person_id, role from identity.membership where person_id = ${personId} and ended_at is null`.execute(tx);
  return rows[0] && toStanding(rows[0]);
}

export interface OrganisationState {
  readonly name: string;
  readonly createdAt: Date;
  readonly deletedAt: Date | undefined;
  /** Whether the grace after a deletion has not ended. */
  readonly canReturn: boolean;
}

/** Locks the organisation of this transaction: changes of members and of its life go one after the other. */
export async function lockOrganisation(tx: Tx): Promise<OrganisationState | undefined> {
  const { rows } = await sql<{ name: string; created_at: Date; deleted_at: Date | null; can_return: boolean }>`
    select name, created_at, deleted_at, coalesce(erase_at > platform.now() and erased_at is null, false) as can_return
      from identity.organisation where org_id = platform.current_org() for no key update`.execute(tx);
  const [row] = rows;
  return (
    row && {
      name: row.name,
      createdAt: row.created_at,
      deletedAt: row.deleted_at ?? undefined,
      canReturn: row.can_return,
    }
  );
}

export async function findOrganisation(
  tx: Tx,
): Promise<{ readonly name: string; readonly createdAt: Date } | undefined> {
  const { rows } = await sql<{ name: string; created_at: Date }>`
    select name, created_at from identity.organisation where org_id = platform.current_org()`.execute(tx);
  return rows[0] && { name: rows[0].name, createdAt: rows[0].created_at };
}

export async function renameOrganisation(tx: Tx, name: string): Promise<void> {
  await sql`update identity.organisation set name = ${name} where org_id = platform.current_org()`.execute(tx);
}

/** Begins the grace. */
export async function deleteOrganisation(
  tx: Tx,
  by: string,
  graceSeconds: number,
): Promise<{ readonly deletedAt: Date; readonly eraseAt: Date }> {
  const { rows } = await sql<{ deleted_at: Date; erase_at: Date }>`
    update identity.organisation
       set deleted_at = platform.now(), deleted_by = ${by}, erase_at = platform.now() + make_interval(secs => ${graceSeconds}), quiet_at = null
     where org_id = platform.current_org() returning deleted_at, erase_at`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error('the organisation was locked and is gone');
  return { deletedAt: row.deleted_at, eraseAt: row.erase_at };
}

export async function restoreOrganisation(tx: Tx): Promise<void> {
  await sql`update identity.organisation set deleted_at = null, deleted_by = null, erase_at = null, quiet_at = null
     where org_id = platform.current_org()`.execute(tx);
}

/** @throws a check violation (`organisation_keeps_owner`) for the last owner. */
export async function setRole(tx: Tx, id: string, role: Role): Promise<void> {
  await sql`update identity.membership set role = ${role} where id = ${id} and ended_at is null`.execute(tx);
}

/** Ends a membership and the keys of the member. @throws a check violation (`organisation_keeps_owner`) for the last owner. */
export async function endMembership(tx: Tx, id: string): Promise<number> {
  await sql`update identity.membership set ended_at = platform.now() where id = ${id} and ended_at is null`.execute(tx);
  const { numAffectedRows } = await sql`
    update identity.api_key set revoked_at = platform.now() where member_id = ${id} and revoked_at is null`.execute(tx);
  return Number(numAffectedRows ?? 0n);
}

export async function insertServiceAccount(
  tx: Tx,
  account: {
    readonly id: string;
    readonly orgId: string;
    readonly name: string;
    readonly role: Role;
    readonly createdBy: string;
  },
): Promise<Date> {
  const { rows } = await sql<{ created_at: Date }>`
    insert into identity.membership (id, org_id, role, name, created_by)
    values (${account.id}, ${account.orgId}, ${account.role}, ${account.name}, ${account.createdBy}) returning created_at`.execute(
    tx,
  );
  const [row] = rows;
  if (!row) throw new Error('the statement gave no row');
  return row.created_at;
}

interface InvitationRow {
  readonly id: string;
  readonly role: Role;
  readonly email: string | null;
  readonly uses_max: number;
  readonly uses: number;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
  readonly expired: boolean;
}

const invitationColumns = sql.raw(
  'id, role, email, uses_max, uses, created_at, created_by, expires_at, revoked_at, expires_at <= platform.now() as expired',
);

const toInvitation = (row: InvitationRow): Invitation => ({
  id: row.id,
  role: row.role,
  email: row.email ?? undefined,
  usesMax: row.uses_max,
  uses: row.uses,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at ?? undefined,
  isExpired: row.expired,
});

export interface NewInvitationRow {
  readonly id: string;
  readonly orgId: string;
  readonly role: Role;
  readonly email: string | undefined;
  readonly emailFolded: string | undefined;
  readonly tokenHash: Buffer;
  readonly usesMax: number;
  readonly createdBy: string;
  readonly memberId: string | undefined;
  readonly ttlSeconds: number;
}

/** An earlier one to the same address is of no use from now on. */
export async function insertInvitation(tx: Tx, row: NewInvitationRow): Promise<Invitation> {
  if (row.emailFolded !== undefined)
    await sql`update identity.invitation set revoked_at = platform.now()
       where email_folded = ${row.emailFolded} and revoked_at is null and uses < uses_max`.execute(tx);
  const { rows } = await sql<InvitationRow>`
    insert into identity.invitation (id, org_id, role, email, email_folded, token_hash, uses_max, created_by, member_id, expires_at)
    values (${row.id}, ${row.orgId}, ${row.role}, ${row.email ?? null}, ${row.emailFolded ?? null}, ${row.tokenHash}, ${row.usesMax},
            ${row.createdBy}, ${row.memberId ?? null}, platform.now() + make_interval(secs => ${row.ttlSeconds}))
    returning ${invitationColumns}`.execute(tx);
  const [made] = rows;
  if (!made) throw new Error('the statement gave no row');
  return toInvitation(made);
}

/** Newest first. */
export async function listInvitations(
  tx: Tx,
  page: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<Invitation[]> {
  const { rows } = await sql<InvitationRow>`
    select ${invitationColumns} from identity.invitation
     where ${page.beforeId ?? null}::text is null or id < ${page.beforeId ?? null}::text
     order by id desc limit ${page.limit}`.execute(tx);
  return rows.map(toInvitation);
}

export async function lockInvitation(tx: Tx, id: string): Promise<Invitation | undefined> {
  const { rows } = await sql<InvitationRow>`
    select ${invitationColumns} from identity.invitation where id = ${id} for no key update`.execute(tx);
  return rows[0] && toInvitation(rows[0]);
}

export async function revokeInvitation(tx: Tx, id: string): Promise<void> {
  await sql`update identity.invitation set revoked_at = platform.now() where id = ${id} and revoked_at is null`.execute(
    tx,
  );
}

/** Ends what this member offered and could not offer now. */
export async function revokeInvitationsBeyond(tx: Tx, memberId: string, roles: readonly Role[]): Promise<void> {
  await sql`update identity.invitation set revoked_at = platform.now()
     where member_id = ${memberId} and revoked_at is null and uses < uses_max and not (role = any(${[...roles]}::text[]))`.execute(
    tx,
  );
}

export interface FoundInvitation {
  readonly id: string;
  readonly orgId: string;
  readonly organisation: string;
  readonly role: Role;
  readonly email: string | undefined;
  readonly emailFolded: string | undefined;
  readonly expiresAt: Date;
}

/** System role: acts before the organisation is known. Uses nothing up. */
export async function findInvitation(tx: Tx, hashes: readonly Buffer[]): Promise<FoundInvitation | undefined> {
  const { rows } = await sql<{
    id: string;
    org_id: string;
    organisation: string;
    role: Role;
    email: string | null;
    email_folded: string | null;
    expires_at: Date;
  }>`select id, org_id, organisation, role, email, email_folded, expires_at from identity.find_invitation(${[...hashes]}::bytea[])`.execute(
    tx,
  );
  const [row] = rows;
  return (
    row && {
      id: row.id,
      orgId: row.org_id,
      organisation: row.organisation,
      role: row.role,
      email: row.email ?? undefined,
      emailFolded: row.email_folded ?? undefined,
      expiresAt: row.expires_at,
    }
  );
}

/** Of all who use it at once, as many as it is for get an answer: the role as it is now. */
export async function useInvitation(tx: Tx, id: string): Promise<Role | undefined> {
  const { rows } = await sql<{ role: Role }>`
    update identity.invitation set uses = uses + 1
     where id = ${id} and revoked_at is null and uses < uses_max and expires_at > platform.now() returning role`.execute(
    tx,
  );
  return rows[0]?.role;
}

/** System role. Oldest membership first, with deleted organisations that this person may bring back. */
export async function listOwnOrganisations(tx: Tx, personId: string): Promise<OwnOrganisation[]> {
  const { rows } = await sql<{
    member_id: string;
    org_id: string;
    name: string;
    role: Role;
    created_at: Date;
    deleted_at: Date | null;
    erase_at: Date | null;
  }>`select member_id, org_id, name, role, created_at, deleted_at, erase_at from identity.organisations_of(${personId})`.execute(
    tx,
  );
  return rows.map((row) => ({
    id: row.org_id,
    name: row.name,
    memberId: row.member_id,
    role: row.role,
    memberSince: row.created_at,
    deletedAt: row.deleted_at ?? undefined,
    eraseAt: row.erase_at ?? undefined,
  }));
}

/** System role. */
export async function listToQuiet(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await sql<{
    org_id: string;
  }>`select org_id from identity.organisations_to_quiet(${limit}::int)`.execute(tx);
  return rows.map((row) => row.org_id);
}

/** System role. */
export async function markQuiet(tx: Tx, orgId: string): Promise<void> {
  await sql`select identity.mark_quiet(${orgId})`.execute(tx);
}

/** System role. Those whose grace is over, the longest ago first. */
export async function listToErase(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await sql<{
    org_id: string;
  }>`select org_id from identity.organisations_to_erase(${limit}::int)`.execute(tx);
  return rows.map((row) => row.org_id);
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select identity.erase(${orgId}, ${limit}::int) as more`;

/** The bare row stays, so that its id is never given again. False when it was marked before. */
export async function markErased(tx: Tx): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update identity.organisation set erased_at = platform.now(), name = 'Erased'
     where org_id = platform.current_org() and erased_at is null and erase_at <= platform.now()`.execute(tx);
  return numAffectedRows === 1n;
}
