/** All SQL of people, their memberships and their links. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Role } from '../types.ts';
import { peopleErrors } from './errors.ts';
import type { Candidate, LinkKind, Locale, Membership, Person } from './types.ts';

/** However somebody comes, the database counts. @throws 409 `people.full` for one too many. */
async function orFull<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof Error && (error as { constraint?: string }).constraint === 'people_max')
      throw new GuildhallError(peopleErrors.full, { cause: error });
    throw error;
  }
}

/** System role: acts before the person is known. The verified person first. */
export async function findPeople(tx: Tx, emailFolded: string): Promise<Candidate[]> {
  const { rows } = await sql<{
    person_id: string;
    email: string;
    locale: Locale;
    password_hash: string | null;
    verified: boolean;
    disabled: boolean;
  }>`select person_id, email, locale, password_hash, verified, disabled from identity.find_people(${emailFolded})`.execute(
    tx,
  );
  return rows.map((row) => ({
    personId: row.person_id,
    email: row.email,
    locale: row.locale,
    passwordHash: row.password_hash ?? undefined,
    isVerified: row.verified,
    isDisabled: row.disabled,
  }));
}

/** System role. Oldest first. */
export async function listMembershipsOf(tx: Tx, personId: string): Promise<Membership[]> {
  const { rows } = await sql<{ id: string; org_id: string; organisation: string; role: Role; created_at: Date }>`
    select id, org_id, organisation, role, created_at from identity.memberships_of(${personId})`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    orgId: row.org_id,
    organisation: row.organisation,
    role: row.role,
    createdAt: row.created_at,
  }));
}

/** In a transaction of the organisation. @throws a unique violation (`membership_once`) for who is a member already. */
export async function insertMembership(
  tx: Tx,
  membership: {
    readonly id: string;
    readonly orgId: string;
    readonly personId: string;
    readonly role: Role;
    readonly createdBy: string;
  },
): Promise<void> {
  await sql`
    insert into identity.membership (id, org_id, person_id, role, created_by)
    values (${membership.id}, ${membership.orgId}, ${membership.personId}, ${membership.role}, ${membership.createdBy})`.execute(
    tx,
  );
}

interface PersonRow {
  readonly person_id: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale;
  readonly has_password: boolean;
  readonly operator: boolean;
  readonly created_at: Date;
  readonly verified_at: Date | null;
  readonly disabled_at: Date | null;
}

/** In the person's own transaction. */
export async function findPerson(tx: Tx, personId: string): Promise<Person | undefined> {
  const { rows } = await sql<PersonRow>`
    select person_id, email, name, locale, password_hash is not null as has_password, operator, created_at, verified_at, disabled_at
      from identity.person where person_id = ${personId}`.execute(tx);
  const [row] = rows;
  return (
    row && {
      id: row.person_id,
      email: row.email,
      name: row.name,
      locale: row.locale,
      hasPassword: row.has_password,
      isOperator: row.operator,
      createdAt: row.created_at,
      verifiedAt: row.verified_at ?? undefined,
      disabledAt: row.disabled_at ?? undefined,
    }
  );
}

/** In the person's own transaction. @throws a unique violation (`person_pending_by_email`, `person_by_email`) for an address that is taken. */
export async function insertPerson(
  tx: Tx,
  person: {
    readonly id: string;
    readonly email: string;
    readonly emailFolded: string;
    readonly name: string;
    readonly locale: Locale;
    readonly passwordHash: string | undefined;
    readonly firstOrganisation: string | undefined;
    readonly isVerified: boolean;
  },
): Promise<void> {
  const insert = sql`
    insert into identity.person (person_id, email, email_folded, name, locale, password_hash, first_organisation, verified_at)
    values (${person.id}, ${person.email}, ${person.emailFolded}, ${person.name}, ${person.locale}, ${person.passwordHash ?? null},
            ${person.firstOrganisation ?? null}, case when ${person.isVerified} then platform.now() end)`;
  await orFull(insert.execute(tx));
}

/** System role: forgets a sign-up that nobody verified, with its sessions and links. */
export async function forgetPending(tx: Tx, emailFolded: string): Promise<void> {
  await sql`select identity.forget_pending(${emailFolded})`.execute(tx);
}

/** Marks the address as verified and tells the organisation to be made, once. @throws a unique violation where another person has it. */
export async function verifyPerson(
  tx: Tx,
  personId: string,
): Promise<{ readonly firstOrganisation: string | undefined } | undefined> {
  const update = sql<{ first_organisation: string | null }>`
    update identity.person set verified_at = platform.now()
     where person_id = ${personId} and verified_at is null returning first_organisation`;
  const { rows } = await orFull(update.execute(tx));
  return rows[0] && { firstOrganisation: rows[0].first_organisation ?? undefined };
}

export async function findPasswordHash(tx: Tx, personId: string): Promise<string | undefined> {
  const { rows } = await sql<{ password_hash: string | null }>`
    select password_hash from identity.person where person_id = ${personId}`.execute(tx);
  return rows[0]?.password_hash ?? undefined;
}

export async function setPasswordHash(
  tx: Tx,
  personId: string,
  password: { readonly hash: string; readonly isShort: boolean },
): Promise<void> {
  await sql`
    update identity.person set password_hash = ${password.hash}, password_is_short = ${password.isShort}
     where person_id = ${personId}`.execute(tx);
}

/** A new hash of the same password, where nobody has changed it meanwhile. */
export async function upgradePasswordHash(
  tx: Tx,
  personId: string,
  hash: { readonly old: string; readonly new: string },
): Promise<void> {
  await sql`update identity.person set password_hash = ${hash.new} where person_id = ${personId} and password_hash = ${hash.old}`.execute(
    tx,
  );
}

/** @throws a unique violation (`person_by_email`) where another person has the address. */
export async function setEmail(
  tx: Tx,
  personId: string,
  to: { readonly email: string; readonly emailFolded: string },
): Promise<void> {
  await sql`update identity.person set email = ${to.email}, email_folded = ${to.emailFolded} where person_id = ${personId}`.execute(
    tx,
  );
}

export async function setProfile(
  tx: Tx,
  personId: string,
  profile: { readonly name: string | undefined; readonly locale: Locale | undefined },
): Promise<void> {
  await sql`
    update identity.person set name = coalesce(${profile.name ?? null}, name), locale = coalesce(${profile.locale ?? null}, locale)
     where person_id = ${personId}`.execute(tx);
}

/** In the person's own transaction: what only an operator decides. Left out, it stays as it is. */
export async function setStanding(
  tx: Tx,
  personId: string,
  to: { readonly isDisabled: boolean | undefined; readonly isOperator: boolean | undefined },
): Promise<void> {
  const isDisabled = to.isDisabled ?? null;
  await sql`
    update identity.person
       set disabled_at = case when ${isDisabled}::boolean is null then disabled_at
                              when ${isDisabled}::boolean then coalesce(disabled_at, platform.now()) end,
           operator = coalesce(${to.isOperator ?? null}::boolean, operator)
     where person_id = ${personId}`.execute(tx);
}

/** Earlier unused links of the kind are of no use from now on. */
export async function insertLink(
  tx: Tx,
  link: {
    readonly id: string;
    readonly personId: string;
    readonly kind: LinkKind;
    readonly tokenHash: Buffer;
    readonly ttlSeconds: number;
    readonly email?: string;
    readonly emailFolded?: string;
  },
): Promise<void> {
  await sql`update identity.link set used_at = platform.now() where person_id = ${link.personId} and kind = ${link.kind} and used_at is null`.execute(
    tx,
  );
  await sql`
    insert into identity.link (id, person_id, kind, token_hash, email, email_folded, expires_at)
    values (${link.id}, ${link.personId}, ${link.kind}, ${link.tokenHash}, ${link.email ?? null}, ${link.emailFolded ?? null},
            platform.now() + make_interval(secs => ${link.ttlSeconds}))`.execute(tx);
}

/** System role: whose link it is. It stays unused until `useLink`. */
export async function findLink(
  tx: Tx,
  hashes: readonly Buffer[],
  kind: LinkKind,
): Promise<{ readonly id: string; readonly personId: string } | undefined> {
  const { rows } = await sql<{ id: string; person_id: string }>`
    select id, person_id from identity.find_link(${[...hashes]}::bytea[], ${kind})`.execute(tx);
  return rows[0] && { id: rows[0].id, personId: rows[0].person_id };
}

/** In the person's own transaction: of two with the same link, one gets an answer. */
export async function useLink(
  tx: Tx,
  id: string,
): Promise<{ readonly email: string | undefined; readonly emailFolded: string | undefined } | undefined> {
  const { rows } = await sql<{ email: string | null; email_folded: string | null }>`
    update identity.link set used_at = platform.now()
     where id = ${id} and used_at is null and expires_at > platform.now() returning email, email_folded`.execute(tx);
  return rows[0] && { email: rows[0].email ?? undefined, emailFolded: rows[0].email_folded ?? undefined };
}

/** What was mailed before and not used is of no use from now on. */
export async function voidLinks(tx: Tx, personId: string, kinds: readonly LinkKind[]): Promise<void> {
  await sql`update identity.link set used_at = platform.now()
     where person_id = ${personId} and kind = any(${[...kinds]}::text[]) and used_at is null`.execute(tx);
}

/** System role. */
export async function prunePeople(tx: Tx, keep: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select identity.prune_people(${keep}::interval) as n`.execute(tx);
  return rows[0]?.n ?? 0;
}
