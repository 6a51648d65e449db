/** Whether an organisation is open only to members with a second factor. */
import { secondFactorRule, secondFactorRuleBody } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { FactorDeps } from './deps.ts';
import { factorErrors } from './errors.ts';
import { hasFactor, isSecondFactorRequired, setSecondFactorRequired } from './store.ts';

const TAG = 'Second factors';

/** Who closes the organisation must not stand outside. */
async function assertInside({ db }: Pick<FactorDeps, 'db'>, { personId }: Principal): Promise<void> {
  if (personId !== undefined && !(await db.tenant(personId, (tx) => hasFactor(tx, personId))))
    throw new GuildhallError(factorErrors.noFactor);
}

export function organisationFactorRoutes(deps: Pick<FactorDeps, 'db' | 'audit'>): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/organisation/second-factor',
      summary: 'Show whether members need a second factor.',
      tag: TAG,
      scope: 'members:read',
      responses: { 200: secondFactorRule },
      async handler({ principal, read }) {
        return { status: 200, body: { isRequired: await read((tx) => isSecondFactorRequired(tx, principal.orgId)) } };
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/organisation/second-factor',
      summary:
        'Say whether members need a second factor. Those who have none are kept out at once, until they set one up.',
      tag: TAG,
      scope: 'members:write',
      stepUp: true,
      body: secondFactorRuleBody,
      responses: { 200: secondFactorRule },
      async handler(call) {
        const { principal, requestId } = call;
        const { orgId, keyId, personId, memberId } = principal;
        const { isRequired } = call.body;
        if (isRequired) await assertInside(deps, principal);
        return call.mutate(async (tx) => {
          await setSecondFactorRequired(tx, orgId, isRequired);
          await deps.audit.append(tx, {
            orgId,
            actorType: personId === undefined ? 'key' : 'member',
            actorId: personId === undefined ? keyId : memberId,
            requestId,
            action: 'organisation.put-second-factor',
            targetType: 'organisation',
            targetId: orgId,
            data: { isRequired },
          });
          return { status: 200, body: { isRequired } };
        });
      },
    }),
  ];
}
