/** All SQL of users and groups of directories. Where nothing else is said, in a transaction of the organisation. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import { parseEmail } from '../people/email.ts';
import type { Role } from '../types.ts';
import type { Comparison } from './filter.ts';
import type { GroupFields, ScimGroup, ScimUser, UserFields } from './types.ts';

interface UserRow {
  readonly id: string;
  readonly user_name: string;
  readonly external_id: string | null;
  readonly given_name: string | null;
  readonly family_name: string | null;
  readonly display_name: string | null;
  readonly email: string | null;
  readonly active: boolean;
  readonly person_id: string | null;
  readonly member_id: string | null;
  readonly invitation_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const userColumns = sql.raw(
  'id, user_name, external_id, given_name, family_name, display_name, email, active, person_id, member_id, invitation_id, created_at, updated_at',
);

const toUser = (row: UserRow): ScimUser => ({
  id: row.id,
  userName: row.user_name,
  externalId: row.external_id ?? undefined,
  givenName: row.given_name ?? undefined,
  familyName: row.family_name ?? undefined,
  displayName: row.display_name ?? undefined,
  email: row.email ?? undefined,
  active: row.active,
  personId: row.person_id ?? undefined,
  memberId: row.member_id ?? undefined,
  invitationId: row.invitation_id ?? undefined,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

export const foldedName = (name: string): string => name.normalize('NFC').toLowerCase();
const foldedEmail = ({ email, userName }: UserFields): string | null => parseEmail(email ?? userName)?.folded ?? null;

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement gave no row');
  return row;
}

/** What a directory changes, it changes one after the other: groups, roles and memberships hang together. */
export async function lockDirectory(tx: Tx, orgId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`scim ${orgId}`}, 5))`.execute(tx);
}

/** @throws a unique violation (`scim_user_by_name`) for a name that is taken. */
export async function insertUser(tx: Tx, orgId: string, id: string, user: UserFields): Promise<ScimUser> {
  const { rows } = await sql<UserRow>`
    insert into identity.scim_user (id, org_id, user_name, user_name_folded, external_id, given_name, family_name, display_name, email,
        email_folded, active)
    values (${id}, ${orgId}, ${user.userName}, ${foldedName(user.userName)}, ${user.externalId ?? null}, ${user.givenName ?? null},
        ${user.familyName ?? null}, ${user.displayName ?? null}, ${user.email ?? null}, ${foldedEmail(user)}, ${user.active})
    returning ${userColumns}`.execute(tx);
  return toUser(only(rows));
}

/** @throws a unique violation (`scim_user_by_name`) for a name that is taken. */
export async function updateUser(tx: Tx, id: string, user: UserFields): Promise<ScimUser> {
  const { rows } = await sql<UserRow>`
    update identity.scim_user
       set user_name = ${user.userName}, user_name_folded = ${foldedName(user.userName)}, external_id = ${user.externalId ?? null},
           given_name = ${user.givenName ?? null}, family_name = ${user.familyName ?? null}, display_name = ${user.displayName ?? null},
           email = ${user.email ?? null}, email_folded = ${foldedEmail(user)}, active = ${user.active}, updated_at = platform.now()
     where id = ${id} returning ${userColumns}`.execute(tx);
  return toUser(only(rows));
}

export interface Standing {
  readonly personId: string | undefined;
  readonly memberId: string | undefined;
  readonly invitationId: string | undefined;
}

/** Who they are here from now on. */
export async function setStandingOf(tx: Tx, id: string, to: Standing): Promise<void> {
  await sql`
    update identity.scim_user
       set person_id = ${to.personId ?? null}, member_id = ${to.memberId ?? null}, invitation_id = ${to.invitationId ?? null}
     where id = ${id}`.execute(tx);
}

export async function findUser(tx: Tx, id: string): Promise<ScimUser | undefined> {
  const { rows } = await sql<UserRow>`select ${userColumns} from identity.scim_user where id = ${id}`.execute(tx);
  return rows[0] && toUser(rows[0]);
}

export async function deleteUser(tx: Tx, id: string): Promise<void> {
  await sql`delete from identity.scim_user where id = ${id}`.execute(tx);
}

export interface PageOf<T> {
  readonly found: readonly T[];
  readonly total: number;
}

export const USER_FILTERS = ['username', 'externalid', 'id', 'emails', 'emails.value', 'active'] as const;

function userTerm({ attribute, value }: Comparison) {
  const text = String(value);
  switch (attribute) {
    case 'username':
      return sql`user_name_folded = ${foldedName(text)}`;
    case 'externalid':
      return sql`external_id = ${text}`;
    case 'id':
      return sql`id = ${text}`;
    case 'active':
      return sql`active = ${value === true}`;
    default:
      return sql`email_folded = ${parseEmail(text)?.folded ?? ''}`;
  }
}

const allOf = (terms: readonly ReturnType<typeof userTerm>[]) =>
  terms.length === 0 ? sql`true` : sql.join([...terms], sql` and `);

/** In the order of ids, which is that of making. */
export async function listUsers(
  tx: Tx,
  filter: readonly Comparison[],
  page: { readonly offset: number; readonly limit: number },
): Promise<PageOf<ScimUser>> {
  const where = allOf(filter.map(userTerm));
  const { rows } = await sql<UserRow>`
    select ${userColumns} from identity.scim_user where ${where} order by id limit ${page.limit} offset ${page.offset}`.execute(
    tx,
  );
  const total = await sql<{ n: number }>`select count(*)::int as n from identity.scim_user where ${where}`.execute(tx);
  return { found: rows.map(toUser), total: total.rows[0]?.n ?? 0 };
}

interface GroupRow {
  readonly id: string;
  readonly display_name: string;
  readonly external_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const groupColumns = sql.raw('id, display_name, external_id, created_at, updated_at');

const toGroup = (row: GroupRow): ScimGroup => ({
  id: row.id,
  displayName: row.display_name,
  externalId: row.external_id ?? undefined,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** @throws a unique violation (`scim_group_by_name`) for a name that is taken. */
export async function putGroup(tx: Tx, orgId: string, id: string, group: GroupFields): Promise<ScimGroup> {
  const { rows } = await sql<GroupRow>`
    insert into identity.scim_group (id, org_id, display_name, display_name_folded, external_id)
    values (${id}, ${orgId}, ${group.displayName}, ${foldedName(group.displayName)}, ${group.externalId ?? null})
    on conflict (id) do update set display_name = excluded.display_name, display_name_folded = excluded.display_name_folded,
        external_id = excluded.external_id, updated_at = platform.now()
    returning ${groupColumns}`.execute(tx);
  return toGroup(only(rows));
}

export async function findGroup(tx: Tx, id: string): Promise<ScimGroup | undefined> {
  const { rows } = await sql<GroupRow>`select ${groupColumns} from identity.scim_group where id = ${id}`.execute(tx);
  return rows[0] && toGroup(rows[0]);
}

export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  await sql`delete from identity.scim_group where id = ${id}`.execute(tx);
}

export const GROUP_FILTERS = ['displayname', 'externalid', 'id'] as const;

function groupTerm({ attribute, value }: Comparison) {
  const text = String(value);
  if (attribute === 'displayname') return sql`display_name_folded = ${foldedName(text)}`;
  return attribute === 'id' ? sql`id = ${text}` : sql`external_id = ${text}`;
}

export async function listGroups(
  tx: Tx,
  filter: readonly Comparison[],
  page: { readonly offset: number; readonly limit: number },
): Promise<PageOf<ScimGroup>> {
  const where = allOf(filter.map(groupTerm));
  const { rows } = await sql<GroupRow>`
    select ${groupColumns} from identity.scim_group where ${where} order by id limit ${page.limit} offset ${page.offset}`.execute(
    tx,
  );
  const total = await sql<{ n: number }>`select count(*)::int as n from identity.scim_group where ${where}`.execute(tx);
  return { found: rows.map(toGroup), total: total.rows[0]?.n ?? 0 };
}

/** Ids of the users of each of these groups. */
export async function membersOf(tx: Tx, groupIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ group_id: string; user_ids: string[] }>`
    select group_id, array_agg(user_id order by user_id) as user_ids from identity.scim_group_member
     where group_id = any(${[...groupIds]}::text[]) group by group_id`.execute(tx);
  return new Map(rows.map((row) => [row.group_id, row.user_ids]));
}

/** Those of these ids that are users of the organisation. */
export async function knownUsers(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{
    id: string;
  }>`select id from identity.scim_user where id = any(${[...ids]}::text[])`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}

export async function setMembers(tx: Tx, orgId: string, groupId: string, userIds: readonly string[]): Promise<void> {
  await sql`delete from identity.scim_group_member where group_id = ${groupId} and user_id <> all(${[...userIds]}::text[])`.execute(
    tx,
  );
  await sql`insert into identity.scim_group_member (org_id, group_id, user_id)
    select ${orgId}, ${groupId}, u from unnest(${[...userIds]}::text[]) u on conflict do nothing`.execute(tx);
}

/** Of users who are members now: the role they have, and the groups they are in. */
export interface RoleFacts {
  readonly memberId: string;
  readonly role: Role;
  readonly groups: readonly string[];
}

/** All of the organisation, when no ids are given. */
export async function roleFacts(tx: Tx, userIds: readonly string[] | undefined): Promise<readonly RoleFacts[]> {
  const ids = userIds === undefined ? null : [...userIds];
  const { rows } = await sql<{ member_id: string; role: Role; groups: string[] }>`
    select m.id as member_id, m.role,
           (select coalesce(array_agg(g.display_name), '{}') from identity.scim_group_member gm
              join identity.scim_group g on g.id = gm.group_id where gm.user_id = u.id) as groups
      from identity.scim_user u join identity.membership m on m.id = u.member_id and m.ended_at is null
     where ${ids}::text[] is null or u.id = any(${ids}::text[]) order by m.id`.execute(tx);
  return rows.map((row) => ({ memberId: row.member_id, role: row.role, groups: row.groups }));
}

/** The names of the groups of one user. */
export async function groupsOf(tx: Tx, userId: string): Promise<readonly string[]> {
  const { rows } = await sql<{ display_name: string }>`
    select g.display_name from identity.scim_group_member gm join identity.scim_group g on g.id = gm.group_id
     where gm.user_id = ${userId}`.execute(tx);
  return rows.map((row) => row.display_name);
}

/** Whether a directory has switched this person off, and no other entry of it says otherwise. */
export async function isSwitchedOff(tx: Tx, personId: string): Promise<boolean> {
  const { rows } = await sql<{ off: boolean }>`
    select coalesce(bool_and(not active), false) as off from identity.scim_user where person_id = ${personId}`.execute(
    tx,
  );
  return rows[0]?.off ?? false;
}

/** System role: people are tenants of their own. */
export async function findMemberByAddress(
  tx: Tx,
  orgId: string,
  emailFolded: string,
): Promise<{ readonly memberId: string; readonly personId: string } | undefined> {
  const { rows } = await sql<{ member_id: string; person_id: string }>`
    select member_id, person_id from identity.member_by_address(${orgId}, ${emailFolded})`.execute(tx);
  return rows[0] && { memberId: rows[0].member_id, personId: rows[0].person_id };
}
