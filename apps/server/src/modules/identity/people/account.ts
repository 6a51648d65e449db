/** What a person sees of themselves. */
import type { Me } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import type { IdentityDeps } from '../types.ts';
import { peopleErrors } from './errors.ts';
import { findPerson, listMembershipsOf } from './store.ts';
import type { Person } from './types.ts';

/** The person of this transaction. @throws 404 `people.not-found` */
export async function getPerson(tx: Tx, personId: string): Promise<Person> {
  const person = await findPerson(tx, personId);
  if (!person) throw new GuildhallError(peopleErrors.notFound);
  return person;
}

/** Who is signed in, and what they may do where their requests are for. */
export async function describeMe(
  { db }: Pick<IdentityDeps, 'db'>,
  person: Person,
  principal: Pick<Principal, 'orgId' | 'role' | 'scopes' | 'sessionId'>,
): Promise<Me> {
  const memberships = await db.system((tx) => listMembershipsOf(tx, person.id));
  return {
    id: person.id,
    email: person.email,
    name: person.name,
    locale: person.locale,
    isVerified: person.verifiedAt !== undefined,
    isOperator: person.isOperator,
    hasPassword: person.hasPassword,
    createdAt: person.createdAt.toISOString(),
    sessionId: principal.sessionId ?? null,
    organisationId: principal.orgId || null,
    role: principal.role ?? null,
    scopes: [...principal.scopes],
    memberships: memberships.map((one) => ({
      id: one.id,
      organisation: { id: one.orgId, name: one.organisation },
      role: one.role,
      createdAt: one.createdAt.toISOString(),
    })),
  };
}
