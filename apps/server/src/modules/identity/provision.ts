/** People who come into being because their organisation says so: by its directory, or by its identity provider. */
import type { Tx } from '../../platform/db/index.ts';
import { giveRole } from './members/deps.ts';
import { findStandingOf } from './members/store.ts';
import { recordPerson } from './people/deps.ts';
import type { Email } from './people/email.ts';
import { findPeople, insertMembership, insertPerson } from './people/store.ts';
import { asOrganisation } from './store.ts';
import type { IdentityDeps, Role } from './types.ts';

/** The organisation that has shown the domain of a folded address to be its own: of such an address it says who it is. */
export type OwnerOf = (email: string) => Promise<{ readonly orgId: string } | undefined>;

/** The roles that an organisation's own systems hand out. An owner is made by an owner. */
export type ProvisionedRole = Exclude<Role, 'owner'>;

// From the one that may do the most.
const ORDER: readonly ProvisionedRole[] = ['admin', 'developer', 'billing', 'viewer'];

/** Of several roles the one that may do the most; `otherwise` of none. */
export const highestOf = (roles: readonly ProvisionedRole[], otherwise: ProvisionedRole): ProvisionedRole =>
  ORDER.find((role) => roles.includes(role)) ?? otherwise;

/**
 * The person of an address that belongs to the organisation of this transaction; made, and verified, where there is none yet. Whoever calls has
 * asked whose domain it is. @throws a unique violation (`person_by_email`) where another is faster by a moment.
 */
export async function provisionPerson(
  deps: Pick<IdentityDeps, 'db' | 'ids' | 'audit'>,
  tx: Tx,
  input: { readonly orgId: string; readonly email: Email; readonly name: string; readonly requestId: string },
): Promise<string> {
  const { email, name, orgId, requestId } = input;
  const known = (await deps.db.system((system) => findPeople(system, email.folded))).find((one) => one.isVerified);
  if (known) return known.personId;
  const personId = deps.ids.make('usr');
  await asOrganisation(tx, personId, async () => {
    await insertPerson(tx, {
      id: personId,
      email: email.written,
      emailFolded: email.folded,
      name,
      locale: 'en',
      passwordHash: undefined,
      firstOrganisation: undefined,
      isVerified: true,
    });
    await recordPerson(deps, tx, { personId, action: 'person.provision', requestId, data: { organisation: orgId } });
  });
  return personId;
}

/**
 * Makes somebody who came through a connection a member of its organisation, or gives them the role that its rules say, where they speak of
 * them; owners stay what they are. In a transaction of the organisation.
 */
export async function admitMember(
  { ids, audit }: Pick<IdentityDeps, 'ids' | 'audit'>,
  tx: Tx,
  input: {
    readonly connection: { readonly id: string; readonly orgId: string; readonly defaultRole: ProvisionedRole };
    readonly personId: string;
    readonly mapped: ProvisionedRole | undefined;
    readonly requestId: string;
  },
): Promise<void> {
  const { connection, personId, mapped, requestId } = input;
  const { id: connectionId, orgId, defaultRole } = connection;
  const member = await findStandingOf(tx, personId);
  const role = mapped ?? (member ? undefined : defaultRole);
  if (role === undefined || member?.role === 'owner' || member?.role === role) return;
  const id = member?.id ?? ids.make('mbr');
  if (member) await giveRole(tx, id, role);
  else await insertMembership(tx, { id, orgId, personId, role, createdBy: connectionId });
  await audit.append(tx, {
    orgId,
    actorType: 'system',
    actorId: connectionId,
    requestId,
    action: member ? 'member.change-role' : 'member.join',
    targetType: 'member',
    targetId: id,
    data: { role, connection: connectionId },
  });
}
