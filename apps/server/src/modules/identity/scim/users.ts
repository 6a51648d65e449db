/** Users of a directory, and what follows from them: members come, change their role and go as the directory says. */
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { endMember, giveRole } from '../members/deps.ts';
import { memberErrors } from '../members/errors.ts';
import type { Invitations } from '../members/invitations.ts';
import { statusOf } from '../members/rules.ts';
import { findStanding, lockInvitation, revokeInvitation } from '../members/store.ts';
import { type Email, parseEmail } from '../people/email.ts';
import { insertMembership } from '../people/store.ts';
import { highestOf, type OwnerOf, type ProvisionedRole, provisionPerson } from '../provision.ts';
import { ROLE_SCOPES } from '../rules.ts';
import { asOrganisation } from '../store.ts';
import type { IdentityDeps } from '../types.ts';
import { scimErrors } from './errors.ts';
import { invalid, type Json } from './json.ts';
import { applyPatch } from './patch.ts';
import { addressOf, nameOf, USER_SHAPE, unchanged, userFields, userResource } from './resources.ts';
import * as store from './store.ts';
import { findSettings } from './store-tokens.ts';
import type { Directory, ScimSettings, ScimUser, UserFields } from './types.ts';

export interface ScimDeps extends IdentityDeps {
  readonly ownerOf: OwnerOf;
  readonly invitations: Pick<Invitations, 'invite'>;
  /** Ends the sessions of the person of this transaction. */
  readonly endSessions: (tx: Tx, exceptId: string | undefined) => Promise<number>;
}

/** All in a transaction of the organisation of the directory. */
export interface ScimUsers {
  /** @throws 409 `scim.uniqueness`, 400 */
  create(tx: Tx, directory: Directory, user: UserFields): Promise<ScimUser>;
  /** @throws 404 `scim.not-found` */
  get(tx: Tx, id: string): Promise<ScimUser>;
  /** @throws 404, 409 `scim.uniqueness`, `scim.keeps-owner`, 400 */
  replace(tx: Tx, directory: Directory, id: string, user: UserFields): Promise<ScimUser>;
  /** @throws the same */
  patch(tx: Tx, directory: Directory, id: string, body: Json): Promise<ScimUser>;
  /** They are no member from now on. @throws 404, 409 `scim.keeps-owner` */
  remove(tx: Tx, directory: Directory, id: string): Promise<void>;
}

// More than any customer of ours has people; a directory that goes wrong ends here.
const USERS_MAX = 50_000;
const INVITATION_SECONDS = 7 * 86_400;

const USUAL: ScimSettings = { defaultRole: 'viewer', groupRoles: [] };

/** What a member in these groups is. Names of groups are compared as they are found: without their case. */
export function roleOf({ defaultRole, groupRoles }: ScimSettings, groups: readonly string[]): ProvisionedRole {
  const names = new Set(groups.map(store.foldedName));
  const roles = groupRoles.filter(({ group }) => names.has(store.foldedName(group))).map(({ role }) => role);
  return highestOf(roles, defaultRole);
}

/** Members get the roles of their groups; owners stay what they are. Of these users, or of all when none are named. */
export async function settleRoles(tx: Tx, userIds: readonly string[] | undefined): Promise<void> {
  const settings = (await findSettings(tx)) ?? USUAL;
  for (const { memberId, role, groups } of await store.roleFacts(tx, userIds)) {
    const wanted = roleOf(settings, groups);
    if (role !== 'owner' && role !== wanted) await giveRole(tx, memberId, wanted);
  }
}

/** @throws 409 `scim.uniqueness` for a name that is taken. */
export async function orTaken<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (isUniqueViolation(error)) throw new GuildhallError(scimErrors.uniqueness, { cause: error });
    throw error;
  }
}

export function createScimUsers(deps: ScimDeps): ScimUsers {
  const record = (tx: Tx, { orgId, tokenId, requestId }: Directory, action: string, id: string) =>
    deps.audit.append(tx, {
      orgId,
      actorType: 'key',
      actorId: tokenId,
      requestId,
      action: `scim-user.${action}`,
      targetType: 'scim-user',
      targetId: id,
    });

  const follow = createFollower(deps);

  const get = async (tx: Tx, id: string): Promise<ScimUser> => {
    const user = await store.findUser(tx, id);
    if (!user) throw new GuildhallError(scimErrors.notFound);
    return user;
  };

  const change = async (
    tx: Tx,
    directory: Directory,
    id: string,
    fieldsOf: (before: ScimUser) => UserFields,
  ): Promise<ScimUser> => {
    await store.lockDirectory(tx, directory.orgId);
    const fields = fieldsOf(await get(tx, id));
    const changed = await orTaken(store.updateUser(tx, id, fields));
    await follow(tx, directory, changed);
    await record(tx, directory, changed.active ? 'update' : 'deactivate', id);
    return changed;
  };

  return {
    get,
    async create(tx, directory, fields) {
      await store.lockDirectory(tx, directory.orgId);
      const { total } = await store.listUsers(tx, [], { offset: 0, limit: 0 });
      if (total >= USERS_MAX)
        throw new GuildhallError(scimErrors.tooMany, { detail: `The limit is ${USERS_MAX} users.` });
      const user = await orTaken(store.insertUser(tx, directory.orgId, deps.ids.make('scu'), fields));
      await follow(tx, directory, user);
      await record(tx, directory, 'create', user.id);
      return user;
    },
    replace: (tx, directory, id, fields) => change(tx, directory, id, () => fields),
    patch: (tx, directory, id, body) =>
      change(tx, directory, id, (before) =>
        userFields(applyPatch(unchanged(userResource(before, '')), body, USER_SHAPE)),
      ),
    async remove(tx, directory, id) {
      await store.lockDirectory(tx, directory.orgId);
      const user = await get(tx, id);
      await follow(tx, directory, { ...user, active: false });
      await store.deleteUser(tx, id);
      await record(tx, directory, 'delete', id);
    },
  };
}

/** Makes the membership what the directory says. */
function createFollower(deps: ScimDeps) {
  const { ids, ownerOf, invitations } = deps;

  /** Membership, its keys, what it offered and, where the address is the organisation's, all sessions end in this transaction. */
  const leave = async (tx: Tx, { orgId }: Directory, user: ScimUser): Promise<void> => {
    const { memberId, personId, invitationId } = user;
    if (invitationId !== undefined) await revokeInvitation(tx, invitationId);
    if (memberId !== undefined && (await findStanding(tx, memberId))) {
      try {
        await endMember(tx, memberId);
      } catch (error) {
        if (error instanceof GuildhallError && error.spec === memberErrors.lastOwner)
          throw new GuildhallError(scimErrors.keepsOwner, { cause: error });
        throw error;
      }
      const address = addressOf(user);
      if (personId !== undefined && address && (await ownerOf(address.folded))?.orgId === orgId)
        await asOrganisation(tx, personId, () => deps.endSessions(tx, undefined));
    }
    await store.setStandingOf(tx, user.id, { personId, memberId: undefined, invitationId: undefined });
  };

  const invite = async (tx: Tx, directory: Directory, user: ScimUser, role: ProvisionedRole): Promise<void> => {
    const { orgId, tokenId, requestId } = directory;
    const actor = {
      orgId,
      id: tokenId,
      type: 'key',
      memberId: undefined,
      scopes: ROLE_SCOPES.owner,
      requestId,
    } as const;
    const email = addressOf(user)?.written;
    const { invitation } = await invitations.invite(tx, actor, {
      role,
      email,
      locale: 'en',
      usesMax: 1,
      expiresInSeconds: INVITATION_SECONDS,
    });
    await store.setStandingOf(tx, user.id, { personId: undefined, memberId: undefined, invitationId: invitation.id });
  };

  /** Whether there is nothing to mail: an open invitation to this address, or one that was taken back here, which the directory does not undo. */
  const isInvited = async (tx: Tx, { invitationId }: ScimUser, address: Email): Promise<boolean> => {
    const invitation = invitationId === undefined ? undefined : await lockInvitation(tx, invitationId);
    if (!invitation) return false;
    if (parseEmail(invitation.email ?? '')?.folded === address.folded)
      return ['open', 'revoked'].includes(statusOf(invitation));
    await revokeInvitation(tx, invitation.id);
    return false;
  };

  /** Somebody who is no member yet, or whom nobody has told us of: by invitation, or at once where the address is the organisation's. */
  const join = async (tx: Tx, directory: Directory, user: ScimUser): Promise<void> => {
    const { orgId, requestId } = directory;
    const address = addressOf(user);
    if (!address) throw invalid('Neither emails nor userName holds an address.');
    const there = await deps.db.system((system) => store.findMemberByAddress(system, orgId, address.folded));
    if (there) {
      await store.setStandingOf(tx, user.id, { ...there, invitationId: undefined });
      return settleRoles(tx, [user.id]);
    }
    const role = roleOf((await findSettings(tx)) ?? USUAL, await store.groupsOf(tx, user.id));
    if ((await ownerOf(address.folded))?.orgId !== orgId)
      return (await isInvited(tx, user, address)) ? undefined : invite(tx, directory, user, role);
    const personId = await provisionPerson(deps, tx, { orgId, email: address, name: nameOf(user), requestId });
    const memberId = ids.make('mbr');
    await insertMembership(tx, { id: memberId, orgId, personId, role, createdBy: user.id });
    await store.setStandingOf(tx, user.id, { personId, memberId, invitationId: undefined });
  };

  return async (tx: Tx, directory: Directory, user: ScimUser): Promise<void> => {
    if (!user.active) return leave(tx, directory, user);
    const isMember = user.memberId !== undefined && (await findStanding(tx, user.memberId)) !== undefined;
    return isMember ? settleRoles(tx, [user.id]) : orTaken(join(tx, directory, user));
  };
}
