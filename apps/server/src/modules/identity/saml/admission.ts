/** Who a subject of an identity provider is here, and in which role: known by the subject, found or made by an address that is the organisation's. */
import type { Tx } from '../../../platform/db/index.ts';
import { findStandingOf } from '../members/store.ts';
import { parseEmail } from '../people/email.ts';
import { admitMember, highestOf, type OwnerOf, type ProvisionedRole, provisionPerson } from '../provision.ts';
import type { IdentityDeps } from '../types.ts';
import type { Assertion } from './assertion.ts';
import { findSubject, insertSubject } from './store.ts';
import type { SamlConnection } from './types.ts';
import { demand } from './xml.ts';

export interface AdmissionDeps extends IdentityDeps {
  readonly ownerOf: OwnerOf;
  /** Whether the directory of the organisation of this transaction has switched this person off. */
  readonly isSwitchedOff: (tx: Tx, personId: string) => Promise<boolean>;
}

const NAME_MAX = 100;

const first = (assertion: Assertion, attribute: string | undefined): string | undefined =>
  attribute === undefined ? assertion.subject : assertion.attributes.get(attribute)?.[0];

/** Undefined where the connection says nothing of roles. */
function roleIn(connection: SamlConnection, assertion: Assertion): ProvisionedRole | undefined {
  if (connection.roleAttribute === undefined) return undefined;
  const values = assertion.attributes.get(connection.roleAttribute) ?? [];
  const roles = connection.roleMappings.filter(({ value }) => values.includes(value)).map(({ role }) => role);
  return highestOf(roles, connection.defaultRole);
}

async function personOf(deps: AdmissionDeps, tx: Tx, { connection, assertion, requestId }: Entry): Promise<string> {
  const known = await findSubject(tx, connection.id, assertion.subject);
  if (known !== undefined) return known;
  const email = parseEmail(first(assertion, connection.emailAttribute) ?? '');
  demand(email !== undefined, 'admission: no address');
  demand((await deps.ownerOf(email.folded))?.orgId === connection.orgId, 'admission: an address of no verified domain');
  const name =
    (connection.nameAttribute === undefined ? undefined : first(assertion, connection.nameAttribute)) ?? email.written;
  const { orgId } = connection;
  const personId = await provisionPerson(deps, tx, { orgId, email, name: name.slice(0, NAME_MAX), requestId });
  await insertSubject(tx, { orgId, connectionId: connection.id, subject: assertion.subject, personId });
  return personId;
}

export interface Entry {
  readonly connection: SamlConnection;
  readonly assertion: Assertion;
  readonly requestId: string;
}

/**
 * The person that the assertion is about, who is a member from now on if they were none. In a transaction of the organisation.
 * @throws Unacceptable when the organisation does not let them in.
 */
export async function admit(deps: AdmissionDeps, tx: Tx, entry: Entry): Promise<string> {
  const { connection, assertion } = entry;
  const personId = await personOf(deps, tx, entry);
  demand(!(await deps.isSwitchedOff(tx, personId)), 'admission: switched off by the directory');
  demand(connection.joinsMembers || (await findStandingOf(tx, personId)) !== undefined, 'admission: no member');
  const mapped = roleIn(connection, assertion);
  await admitMember(deps, tx, { connection, personId, mapped, requestId: entry.requestId });
  return personId;
}
