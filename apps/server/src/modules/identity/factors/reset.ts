/** What an operator does for somebody who has lost every factor and every recovery code. */
import { emailBody, factorReset } from '@guildhall/contract';
import type { Tx } from '../../../platform/db/index.ts';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { getPerson } from '../people/account.ts';
import { peopleErrors } from '../people/errors.ts';
import { emailOf } from '../people/sign-up.ts';
import { findPeople } from '../people/store.ts';
import { assertLive } from '../rules.ts';
import { endSessions } from '../sessions/store.ts';
import { asOrganisation } from '../store.ts';
import type { FactorDeps } from './deps.ts';
import { deleteFactors, deleteRecoveryCodes, deleteShortPassword } from './store.ts';

export interface Reset {
  readonly factorsRemoved: number;
  readonly sessionsEnded: number;
  /** It was one that is long enough only beside a factor: a link by mail sets another one. */
  readonly isPasswordRemoved: boolean;
}

type ResetDeps = Pick<FactorDeps, 'db' | 'audit' | 'links'>;

/**
 * Takes all factors and recovery codes from a person, ends their sessions everywhere within a second, and tells them by mail. Changes nothing for who
 * has no factor. In the operator's transaction. @throws 404 `people.not-found`
 */
async function resetFactors(
  deps: ResetDeps,
  tx: Tx,
  operator: { readonly principal: Principal; readonly requestId: string },
  personId: string,
): Promise<Reset> {
  return asOrganisation(tx, personId, async () => {
    const person = await getPerson(tx, personId);
    const factorsRemoved = await deleteFactors(tx, personId);
    const had = factorsRemoved > 0;
    await deleteRecoveryCodes(tx, personId);
    const isPasswordRemoved = had && (await deleteShortPassword(tx, personId));
    const sessionsEnded = had ? await endSessions(tx, undefined) : 0;
    if (had) await deps.links.mail(tx, { ...person, personId }, 'factors-reset');
    const reset = { factorsRemoved, sessionsEnded, isPasswordRemoved };
    await deps.audit.append(tx, {
      orgId: personId,
      actorType: 'operator',
      actorId: operator.principal.keyId,
      requestId: operator.requestId,
      action: 'person.reset-factors',
      targetType: 'person',
      targetId: personId,
      data: reset,
    });
    return reset;
  });
}

export function resetRoute(deps: ResetDeps): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/operator/factor-resets',
    summary:
      'Remove all second factors and recovery codes of the person with this address, who has lost them. Their sessions end, and they are told by mail.',
    tag: 'Operator',
    scope: 'operator',
    stepUp: true,
    body: emailBody,
    responses: { 200: factorReset },
    async handler(call) {
      assertLive(call.principal);
      const { folded } = emailOf(call.body.email);
      const found = await deps.db.system((tx) => findPeople(tx, folded));
      const person = found.find(({ isVerified }) => isVerified);
      if (!person) throw new GuildhallError(peopleErrors.notFound);
      const { personId } = person;
      return call.mutate(async (tx) => ({
        status: 200,
        body: { personId, ...(await resetFactors(deps, tx, call, personId)) },
      }));
    },
  });
}
