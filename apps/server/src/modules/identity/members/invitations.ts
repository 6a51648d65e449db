/** Invitations into an organisation: by mail to one person, or by a link for several. Nothing is used up by looking. */
import type { InvitationBody } from '@guildhall/contract';
import { isUniqueViolation, type Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { mailText } from '../mail/index.ts';
import { getPerson } from '../people/account.ts';
import { parseEmail } from '../people/email.ts';
import { emailOf } from '../people/sign-up.ts';
import { insertMembership } from '../people/store.ts';
import { asOrganisation } from '../store.ts';
import type { Self } from '../types.ts';
import { judge, type MembersDeps, recordIn } from './deps.ts';
import { invitationErrors, memberErrors } from './errors.ts';
import { assertMayHandOutRoles } from './rules.ts';
import {
  type FoundInvitation,
  findInvitation,
  findOrganisation,
  insertInvitation,
  listInvitations,
  lockInvitation,
  revokeInvitation,
  useInvitation,
} from './store.ts';
import type { Invitation, MembersActor, OwnOrganisation } from './types.ts';

export interface Invitations {
  /**
   * Mails it where it has an address; else `url` is its link. An earlier one to the address ends. In a transaction of the organisation.
   * @throws 403 `members.role-not-held`, 422 `people.invalid-email`
   */
  invite(
    tx: Tx,
    actor: MembersActor,
    body: InvitationBody,
  ): Promise<{ readonly invitation: Invitation; readonly url: string | undefined }>;
  /** Newest first, ended ones included. */
  list(tx: Tx, page: { readonly beforeId: string | undefined; readonly limit: number }): Promise<readonly Invitation[]>;
  /** One that is over stays as it is. @throws 404 `invitations.not-found`, 403 */
  revoke(tx: Tx, actor: MembersActor, id: string): Promise<void>;
  /** What it offers. @throws 410 `invitations.invalid` */
  look(token: string): Promise<FoundInvitation>;
  /**
   * Makes the person a member, in their transaction. @throws 403 `invitations.other-address`, 409 `members.already`, 410 `invitations.invalid`
   */
  accept(tx: Tx, self: Self, token: string): Promise<OwnOrganisation>;
}

export const INVITATION_PURPOSE = 'invitation';
const TOKEN_BYTES = 32;

export function createInvitations(deps: MembersDeps): Invitations {
  const { db, ids, keyring, random, mailQueue, publicUrl } = deps;

  const look = async (token: string): Promise<FoundInvitation> => {
    const found = await db.system((tx) => findInvitation(tx, keyring.macs(INVITATION_PURPOSE, token)));
    if (!found) throw new GuildhallError(invitationErrors.invalid);
    return found;
  };

  const join = async (tx: Tx, self: Self, found: FoundInvitation): Promise<OwnOrganisation> => {
    const role = await useInvitation(tx, found.id);
    if (!role) throw new GuildhallError(invitationErrors.invalid);
    const { orgId, organisation } = found;
    const memberId = ids.make('mbr');
    await insertMembership(tx, { id: memberId, orgId, personId: self.personId, role, createdBy: found.id });
    const actor = { orgId, id: memberId, type: 'member', requestId: self.requestId } as const;
    const data = { invitation: found.id, role };
    await recordIn(deps, tx, actor, { action: 'invitation.accept', targetType: 'member', targetId: memberId, data });
    const memberSince = deps.clock.now();
    return { id: orgId, name: organisation, memberId, role, memberSince, deletedAt: undefined, eraseAt: undefined };
  };

  return {
    look,
    async invite(tx, actor, body) {
      const email = body.email === undefined ? undefined : emailOf(body.email);
      const rights = await judge(tx, actor, 'members:write');
      assertMayHandOutRoles(rights, body.role);
      const id = ids.make('inv');
      const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      // Behind the #, so that it reaches no server and no log, and a scanner that fetches the page uses nothing up.
      const url = `${publicUrl()}/auth/invitation#token=${token}`;
      const invitation = await insertInvitation(tx, {
        id,
        orgId: actor.orgId,
        role: body.role,
        email: email?.written,
        emailFolded: email?.folded,
        tokenHash: keyring.mac(INVITATION_PURPOSE, token),
        usesMax: body.usesMax,
        createdBy: actor.id,
        memberId: actor.memberId,
        ttlSeconds: body.expiresInSeconds,
      });
      if (email) {
        const organisation = (await findOrganisation(tx))?.name ?? '';
        const text = mailText('invitation', body.locale, { name: email.written, organisation, url });
        await mailQueue.enqueue(tx, actor.orgId, { to: email.written, idempotencyKey: id, ...text });
      }
      const data = { role: body.role, usesMax: body.usesMax, by: email ? 'mail' : 'link' };
      await recordIn(deps, tx, actor, { action: 'invitation.create', targetType: 'invitation', targetId: id, data });
      return { invitation, url: email ? undefined : url };
    },
    list: (tx, page) => listInvitations(tx, page),
    async revoke(tx, actor, id) {
      const rights = await judge(tx, actor, 'members:write');
      const invitation = await lockInvitation(tx, id);
      if (!invitation) throw new GuildhallError(invitationErrors.notFound);
      assertMayHandOutRoles(rights, invitation.role);
      await revokeInvitation(tx, id);
      await recordIn(deps, tx, actor, { action: 'invitation.delete', targetType: 'invitation', targetId: id });
    },
    async accept(tx, self, token) {
      const found = await look(token);
      const person = await getPerson(tx, self.personId);
      if (found.emailFolded !== undefined && parseEmail(person.email)?.folded !== found.emailFolded)
        throw new GuildhallError(invitationErrors.otherAddress);
      try {
        return await asOrganisation(tx, found.orgId, () => join(tx, self, found));
      } catch (error) {
        if (isUniqueViolation(error, 'membership_once'))
          throw new GuildhallError(memberErrors.already, { cause: error });
        throw error;
      }
    },
  };
}
