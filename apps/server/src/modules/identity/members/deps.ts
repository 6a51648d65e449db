/** What the use cases of organisations and members share. */
import type { Scope } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { boundBy } from '../rules.ts';
import type { IdentityService } from '../service.ts';
import type { IdentityDeps, Role } from '../types.ts';
import { memberErrors, organisationErrors } from './errors.ts';
import { invitableBy } from './rules.ts';
import { endMembership, findStanding, lockOrganisation, revokeInvitationsBeyond, setRole } from './store.ts';
import type { MembersActor } from './types.ts';

export interface MembersDeps extends IdentityDeps {
  readonly foundOrganisationIn: IdentityService['foundOrganisationIn'];
  readonly createKey: IdentityService['createKey'];
  /** Tells the memory of this process that a person may do something else from now on. */
  readonly forget: (personId: string) => void;
}

/**
 * Locks the organisation and says what the actor may do now. A request may have been let in a moment before the role of its sender was
 * taken: who is judged under the lock is judged by what has been committed.
 * @throws 403 `members.not-allowed`, 404 `organisations.not-found`
 */
export async function judge(tx: Tx, actor: MembersActor, needed: Scope): Promise<readonly Scope[]> {
  const organisation = await lockOrganisation(tx);
  if (!organisation || organisation.deletedAt) throw new GuildhallError(organisationErrors.notFound);
  if (actor.memberId === undefined) return actor.scopes;
  const standing = await findStanding(tx, actor.memberId);
  const rights = standing ? boundBy(actor.scopes, standing.role, true) : [];
  if (!rights.includes(needed)) throw new GuildhallError(memberErrors.notAllowed);
  return rights;
}

const isOwnerless = (error: unknown): boolean =>
  error instanceof Error && (error as { constraint?: string }).constraint === 'organisation_keeps_owner';

/** @throws 409 `members.last-owner` where the database says so. */
async function orLastOwner<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (isOwnerless(error)) throw new GuildhallError(memberErrors.lastOwner, { cause: error });
    throw error;
  }
}

/** From now on the member has this role; what they offered and could not offer now ends. @throws 409 `members.last-owner` */
export async function giveRole(tx: Tx, id: string, role: Role): Promise<void> {
  await orLastOwner(setRole(tx, id, role));
  await revokeInvitationsBeyond(tx, id, invitableBy(role));
}

/** They are no member any more, and their keys and what they offered end; tells how many keys. @throws 409 `members.last-owner` */
export async function endMember(tx: Tx, id: string): Promise<number> {
  const keys = await orLastOwner(endMembership(tx, id));
  await revokeInvitationsBeyond(tx, id, []);
  return keys;
}

/** What was done in an organisation, for its chain. */
export function recordIn(
  { audit }: Pick<IdentityDeps, 'audit'>,
  tx: Tx,
  actor: Pick<MembersActor, 'orgId' | 'id' | 'type' | 'requestId'>,
  entry: {
    readonly action: string;
    readonly targetType: 'member' | 'invitation' | 'organisation';
    readonly targetId: string;
    readonly data?: Readonly<Record<string, string | number | boolean>>;
  },
): Promise<void> {
  return audit.append(tx, {
    ...entry,
    orgId: actor.orgId,
    actorType: actor.type,
    actorId: actor.id,
    requestId: actor.requestId,
  });
}
