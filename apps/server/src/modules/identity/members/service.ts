/** Who belongs to an organisation and as what. Everything here runs in a transaction of the organisation. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { Principal } from '../../../platform/http/index.ts';
import { keyErrors } from '../errors.ts';
import { ROLE_SCOPES } from '../rules.ts';
import type { NewKeyInput } from '../service.ts';
import type { KeyWithSecret, Role } from '../types.ts';
import { endMember, giveRole, judge, type MembersDeps, recordIn } from './deps.ts';
import { memberErrors, organisationErrors } from './errors.ts';
import { assertMayHandOutRoles } from './rules.ts';
import {
  findOrganisation,
  findStanding,
  insertServiceAccount,
  listMembers,
  renameOrganisation,
  type Standing,
} from './store.ts';
import type { Member, MembersActor } from './types.ts';

export interface MemberService {
  getOrganisation(tx: Tx): Promise<{ readonly name: string; readonly createdAt: Date }>;
  rename(tx: Tx, actor: MembersActor, name: string): Promise<{ readonly createdAt: Date }>;
  /** In the order of joining; one more than `limit` tells that there is a next page. */
  list(
    orgId: string,
    page: { readonly afterId: string | undefined; readonly limit: number },
  ): Promise<readonly Member[]>;
  /** @throws 404 `members.not-found` */
  get(orgId: string, id: string): Promise<Member>;
  /**
   * Holds at the next request everywhere: sessions, and keys of the member, which never do more than their role. Open invitations that they
   * could not make any more end. @throws 403 `members.role-not-held`, 404, 409 `members.last-owner`
   */
  changeRole(tx: Tx, actor: MembersActor, id: string, role: Role): Promise<Member>;
  /** Their keys end with them, and so do their open invitations. @throws as `changeRole` */
  remove(tx: Tx, actor: MembersActor, id: string): Promise<void>;
  /** A membership for machines. @throws 403 `members.role-not-held` */
  createServiceAccount(
    tx: Tx,
    actor: MembersActor,
    account: { readonly name: string; readonly role: Role },
  ): Promise<Member>;
  /** A key that belongs to the service account. @throws 403 `keys.scope-not-held`, 409 `members.not-a-service-account` */
  createServiceKey(
    tx: Tx,
    call: { readonly principal: Principal; readonly requestId: string },
    accountId: string,
    input: NewKeyInput,
  ): Promise<KeyWithSecret>;
}

export const actorOf = ({ principal, requestId }: { principal: Principal; requestId: string }): MembersActor => ({
  orgId: principal.orgId,
  id: principal.keyId,
  type: principal.personId === undefined ? 'key' : 'member',
  memberId: principal.memberId,
  scopes: principal.scopes,
  requestId,
});

async function getStanding(tx: Tx, id: string): Promise<Standing> {
  const standing = await findStanding(tx, id);
  if (!standing) throw new GuildhallError(memberErrors.notFound);
  return standing;
}

export function createMemberService(deps: MembersDeps): MemberService {
  const { db, ids } = deps;

  const get: MemberService['get'] = async (orgId, id) => {
    const [member] = await db.system((tx) => listMembers(tx, orgId, { id, limit: 1 }));
    if (!member) throw new GuildhallError(memberErrors.notFound);
    return member;
  };

  return {
    get,
    list: (orgId, page) => db.system((tx) => listMembers(tx, orgId, page)),
    async getOrganisation(tx) {
      const organisation = await findOrganisation(tx);
      if (!organisation) throw new GuildhallError(organisationErrors.notFound);
      return organisation;
    },
    async rename(tx, actor, name) {
      await judge(tx, actor, 'organisation:write');
      await renameOrganisation(tx, name);
      await recordIn(deps, tx, actor, {
        action: 'organisation.put',
        targetType: 'organisation',
        targetId: actor.orgId,
      });
      const organisation = await findOrganisation(tx);
      if (!organisation) throw new GuildhallError(organisationErrors.notFound);
      return organisation;
    },
    async changeRole(tx, actor, id, role) {
      const rights = await judge(tx, actor, 'members:write');
      const before = await getStanding(tx, id);
      assertMayHandOutRoles(rights, before.role, role);
      await giveRole(tx, id, role);
      const data = { from: before.role, to: role };
      await recordIn(deps, tx, actor, { action: 'member.put', targetType: 'member', targetId: id, data });
      return { ...(await get(actor.orgId, id)), role };
    },
    async remove(tx, actor, id) {
      const rights = await judge(tx, actor, 'members:write');
      const { role } = await getStanding(tx, id);
      assertMayHandOutRoles(rights, role);
      const keys = await endMember(tx, id);
      await recordIn(deps, tx, actor, {
        action: 'member.delete',
        targetType: 'member',
        targetId: id,
        data: { role, keys },
      });
    },
    async createServiceAccount(tx, actor, { name, role }) {
      const rights = await judge(tx, actor, 'members:write');
      assertMayHandOutRoles(rights, role);
      const id = ids.make('svc');
      const createdAt = await insertServiceAccount(tx, { id, orgId: actor.orgId, name, role, createdBy: actor.id });
      await recordIn(deps, tx, actor, { action: 'member.create', targetType: 'member', targetId: id, data: { role } });
      return {
        id,
        personId: undefined,
        email: undefined,
        name,
        role,
        isDisabled: false,
        createdAt,
        createdBy: actor.id,
      };
    },
    async createServiceKey(tx, { principal, requestId }, accountId, input) {
      await judge(tx, actorOf({ principal, requestId }), 'keys:write');
      const account = await getStanding(tx, accountId);
      if (account.personId !== undefined) throw new GuildhallError(memberErrors.notAServiceAccount);
      const beyond = input.scopes.flatMap((scope, index) =>
        ROLE_SCOPES[account.role].includes(scope)
          ? []
          : [{ path: `/scopes/${index}`, message: `the role of the service account does not have the scope ${scope}` }],
      );
      if (beyond.length > 0) throw new GuildhallError(keyErrors.scopeNotHeld, { errors: beyond });
      return deps.createKey(tx, { type: 'key', principal, requestId }, { ...input, memberId: accountId });
    },
  };
}
