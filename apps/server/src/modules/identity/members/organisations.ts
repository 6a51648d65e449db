/**
 * The organisations of a person: making, leaving, handing over, deleting and bringing back. These run in a transaction of the person and act
 * as the organisation inside of it, so that both see all of it or nothing.
 */
import type { Tx } from '../../../platform/db/index.ts';
import { type Erase, eraser } from '../../../platform/erasure/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { mailText } from '../mail/index.ts';
import { asOrganisation } from '../store.ts';
import type { Self } from '../types.ts';
import { endMember, giveRole, type MembersDeps, recordIn } from './deps.ts';
import { memberErrors, organisationErrors } from './errors.ts';
import {
  deleteOrganisation,
  eraseStatement,
  findStanding,
  findStandingOf,
  listMembers,
  listOwnOrganisations,
  listToErase,
  listToQuiet,
  lockOrganisation,
  markErased,
  markQuiet,
  type OrganisationState,
  restoreOrganisation,
  type Standing,
} from './store.ts';
import type { MembersActor, OwnOrganisation } from './types.ts';

export interface OrganisationLife {
  /** Deleted ones that the person may still bring back are among them. */
  listOwn(personId: string): Promise<readonly OwnOrganisation[]>;
  /** The person is its owner; there is no trial credit and no key. @throws 409 `organisations.too-many` */
  found(tx: Tx, self: Self, name: string): Promise<OwnOrganisation>;
  /** @throws 404, 409 `members.last-owner` */
  leave(tx: Tx, self: Self, orgId: string): Promise<void>;
  /** The other becomes an owner, and who hands over an admin. @throws 403 `organisations.owners-only`, 404, 409 `members.not-a-person` */
  transfer(tx: Tx, self: Self, orgId: string, memberId: string): Promise<void>;
  /** Nobody acts in it from now on, and its keys answer as unknown ones. Owners get a mail. @throws 403 `organisations.owners-only`, 404 */
  delete(tx: Tx, self: Self, orgId: string): Promise<{ readonly deletedAt: Date; readonly eraseAt: Date }>;
  /** Members, roles and keys are as they were. @throws 404 after the grace, 409 `organisations.not-deleted` */
  restore(tx: Tx, self: Self, orgId: string): Promise<void>;
  /** For deleted organisations: ends what runs in each, by `cancelAll`, which tells how much is left. */
  quiet(cancelAll: (orgId: string) => Promise<number>): Promise<number>;
  /**
   * Erases organisations whose grace is over and in which nothing runs: what each of `parts` keeps, in this order, then what identity keeps.
   * Bounded: what is left is for the next turn. One that fails does not keep the others. Tells how many are over for good.
   */
  erase(parts: readonly Erase[]): Promise<number>;
}

const GRACE_SECONDS = 30 * 86_400;
// More than anybody runs by hand; a script ends here.
const OWNED_MAX = 20;
const QUIETED_AT_ONCE = 100;
const ERASED_AT_ONCE = 100;
// A process that stops waits for the turn under way.
const ERASE_TURN_MS = 3_000;
const OWNERS_MAILED_MAX = 50;

interface Entered {
  readonly state: OrganisationState;
  readonly me: Standing;
  readonly actor: MembersActor;
}

export function createOrganisationLife(deps: MembersDeps): OrganisationLife {
  const { db } = deps;

  /** Does `work` as the organisation, under its lock, as the member that the person is there. */
  const entering = <T>(
    tx: Tx,
    self: Self,
    { orgId, alsoDeleted }: { readonly orgId: string; readonly alsoDeleted?: boolean },
    work: (entered: Entered) => Promise<T>,
  ): Promise<T> =>
    asOrganisation(tx, orgId, async () => {
      const state = await lockOrganisation(tx);
      const me = await findStandingOf(tx, self.personId);
      if (!state || !me || (state.deletedAt && !alsoDeleted)) throw new GuildhallError(organisationErrors.notFound);
      const { requestId } = self;
      return work({ state, me, actor: { orgId, id: me.id, type: 'member', memberId: me.id, scopes: [], requestId } });
    });

  const assertOwner = (me: Standing): void => {
    if (me.role !== 'owner') throw new GuildhallError(organisationErrors.ownersOnly);
  };

  const tellOwners = async (tx: Tx, orgId: string, organisation: string): Promise<void> => {
    const members = await db.system((system) => listMembers(system, orgId, { limit: 10_000 }));
    const owners = members.filter(({ role, email }) => role === 'owner' && email !== undefined);
    for (const { email = '', name } of owners.slice(0, OWNERS_MAILED_MAX))
      await deps.mailQueue.enqueue(tx, orgId, {
        to: email,
        idempotencyKey: deps.ids.make('lnk'),
        ...mailText('organisation-deleted', 'en', { name, organisation, url: deps.publicUrl() }),
      });
  };

  const finishErasure = (orgId: string): Promise<boolean> =>
    db.tenant(orgId, async (tx) => {
      const isMine = await markErased(tx);
      if (isMine)
        await deps.audit.append(tx, {
          orgId,
          actorType: 'system',
          actorId: 'organisations.erase',
          action: 'organisation.erase',
          targetType: 'organisation',
          targetId: orgId,
        });
      return isMine;
    });

  return {
    listOwn: (personId) => db.system((tx) => listOwnOrganisations(tx, personId)),
    async found(tx, self, name) {
      const own = await db.system((system) => listOwnOrganisations(system, self.personId));
      if (own.filter(({ role }) => role === 'owner').length >= OWNED_MAX)
        throw new GuildhallError(organisationErrors.tooMany);
      const { personId, requestId } = self;
      const { organisation, memberId } = await deps.foundOrganisationIn(tx, { name, personId, requestId });
      const { id, createdAt } = organisation;
      return { id, name, memberId, role: 'owner', memberSince: createdAt, deletedAt: undefined, eraseAt: undefined };
    },
    leave: (tx, self, orgId) =>
      entering(tx, self, { orgId }, async ({ me, actor }) => {
        const keys = await endMember(tx, me.id);
        await recordIn(deps, tx, actor, {
          action: 'member.leave',
          targetType: 'member',
          targetId: me.id,
          data: { keys },
        });
      }),
    transfer: (tx, self, orgId, memberId) =>
      entering(tx, self, { orgId }, async ({ me, actor }) => {
        assertOwner(me);
        const other = await findStanding(tx, memberId);
        if (!other) throw new GuildhallError(memberErrors.notFound);
        if (other.personId === undefined || other.id === me.id) throw new GuildhallError(memberErrors.notAPerson);
        await giveRole(tx, other.id, 'owner');
        await giveRole(tx, me.id, 'admin');
        await recordIn(deps, tx, actor, {
          action: 'organisation.transfer',
          targetType: 'member',
          targetId: other.id,
          data: { from: me.id },
        });
      }),
    delete: (tx, self, orgId) =>
      entering(tx, self, { orgId }, async ({ me, actor, state }) => {
        assertOwner(me);
        const deleted = await deleteOrganisation(tx, me.id, GRACE_SECONDS);
        await tellOwners(tx, orgId, state.name);
        await recordIn(deps, tx, actor, { action: 'organisation.delete', targetType: 'organisation', targetId: orgId });
        return deleted;
      }),
    restore: (tx, self, orgId) =>
      entering(tx, self, { orgId, alsoDeleted: true }, async ({ me, actor, state }) => {
        if (state.deletedAt && (me.role !== 'owner' || !state.canReturn))
          throw new GuildhallError(organisationErrors.notFound);
        assertOwner(me);
        if (!state.deletedAt) throw new GuildhallError(organisationErrors.notDeleted);
        await restoreOrganisation(tx);
        await recordIn(deps, tx, actor, {
          action: 'organisation.restore',
          targetType: 'organisation',
          targetId: orgId,
        });
      }),
    async quiet(cancelAll) {
      const all = await db.system((tx) => listToQuiet(tx, QUIETED_AT_ONCE));
      for (const orgId of all) if ((await cancelAll(orgId)) === 0) await db.system((tx) => markQuiet(tx, orgId));
      return all.length;
    },
    async erase(parts) {
      const all = [...parts, eraser(db, eraseStatement)];
      const faults: unknown[] = [];
      const endMs = deps.clock.monotonicMs() + ERASE_TURN_MS;
      const isOver = () => deps.clock.monotonicMs() >= endMs;
      let erased = 0;
      for (const orgId of await db.system((tx) => listToErase(tx, ERASED_AT_ONCE))) {
        try {
          for (const part of all) while (!isOver() && (await part(orgId)));
          if (isOver()) break;
          if (await finishErasure(orgId)) erased += 1;
        } catch (error) {
          faults.push(error);
        }
      }
      if (faults.length > 0) throw new AggregateError(faults, 'organisations could not be erased');
      return erased;
    },
  };
}
