/** Organisations that ask for their own identity provider: who has an address at one of their domains comes in no other way. */
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { entryErrors } from '../errors.ts';
import { asOrganisation } from '../store.ts';
import type { EntryRule, IdentityDeps, SecondFactor } from '../types.ts';
import { findSsoDemand, leavesSso } from './store.ts';

/** Owners keep a way in for the day on which the provider is broken: password and second factor, and it is recorded. */
export function createEntryRule({
  db,
  audit,
  secondFactor,
}: Pick<IdentityDeps, 'db' | 'audit'> & { readonly secondFactor: SecondFactor }): EntryRule {
  const recordBreakGlass = (tx: Tx, orgId: string, personId: string, requestId: string): Promise<void> =>
    asOrganisation(tx, orgId, () =>
      audit.append(tx, {
        orgId,
        actorType: 'member',
        actorId: personId,
        requestId,
        action: 'sso.break-glass',
        targetType: 'person',
        targetId: personId,
      }),
    );
  return {
    async assertOpen(tx, { personId, method, attempt, via }) {
      const demand = await db.system((system) => findSsoDemand(system, personId));
      if (!demand || via === demand.orgId) return;
      if (demand.role !== 'owner' || method !== 'password' || !(await secondFactor.required(tx, personId)))
        throw new GuildhallError(entryErrors.ssoRequired);
      await recordBreakGlass(tx, demand.orgId, personId, attempt.requestId);
    },
    async assertMayMove(personId, emailFolded) {
      if (await db.system((system) => leavesSso(system, personId, emailFolded)))
        throw new GuildhallError(entryErrors.addressHeld);
    },
  };
}
