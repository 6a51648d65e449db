/** The operator gives an organisation credit. */
import { fromMoney, money } from '@guildhall/contract';
import { z } from 'zod';
import type { Tx } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import { type RouteDefinition, route } from '../../platform/http/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Audit } from '../audit/index.ts';
import { asOrganisation, assertLive } from '../identity/index.ts';
import { type Ledger, ledgerErrors } from '../ledger/index.ts';
import { opsErrors } from './errors.ts';

export interface CreditDeps {
  readonly ids: Ids;
  readonly ledger: Ledger;
  readonly audit: Audit;
}

interface CreditGrant {
  readonly transferId: string;
  readonly orgId: string;
  readonly amountNanos: bigint;
  readonly reason: string;
  readonly by: { readonly type: 'key' | 'operator'; readonly id: string };
  readonly requestId: string | undefined;
}

// 1,000,000 USD: more than one grant should ever be, far below what a bigint holds.
const GRANT_MAX_NANOS = 1_000_000n * 1_000_000_000n;

const body = z.strictObject({
  organisationId: z.string().min(1).max(80),
  amount: money.refine((value) => fromMoney(value) > 0n && fromMoney(value) <= GRANT_MAX_NANOS, {
    message: 'must be above 0 and at most 1000000 USD',
    path: ['nanos'],
  }),
  reason: z.string().trim().min(1).max(200),
});
const granted = z.object({ id: z.string(), organisationId: z.string(), amount: money, reason: z.string() });

/**
 * Books a grant in an open transaction, whichever organisation that one belongs to. The same transfer id twice is booked once.
 * @throws 404 for an unknown organisation.
 */
async function grantCredit(deps: CreditDeps, tx: Tx, grant: CreditGrant): Promise<void> {
  await asOrganisation(tx, grant.orgId, async () => {
    try {
      await deps.ledger.grant(tx, {
        transferId: grant.transferId,
        orgId: grant.orgId,
        amountNanos: grant.amountNanos,
        reason: grant.reason,
      });
    } catch (error) {
      const unknown = error instanceof GuildhallError && error.spec.code === ledgerErrors.accountsMissing.code;
      throw unknown
        ? new GuildhallError(opsErrors.noOrganisation, {
            errors: [{ path: '/organisationId', message: 'is not known' }],
          })
        : error;
    }
    await deps.audit.append(tx, {
      orgId: grant.orgId,
      actorType: grant.by.type,
      actorId: grant.by.id,
      action: 'credit.grant',
      targetType: 'transfer',
      targetId: grant.transferId,
      requestId: grant.requestId,
      data: { nanos: grant.amountNanos.toString() },
    });
  });
}

export function creditsRoute(deps: CreditDeps): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/operator/credits',
    summary: 'Give an organisation credit',
    tag: 'Operator',
    scope: 'operator',
    body,
    responses: { 201: granted },
    handler: async (call) => {
      assertLive(call.principal);
      const { organisationId, amount, reason } = call.body;
      return call.mutate(async (tx) => {
        const transferId = deps.ids.make('tr');
        const by = { type: 'operator' as const, id: call.principal.keyId };
        await grantCredit(deps, tx, {
          transferId,
          orgId: organisationId,
          amountNanos: fromMoney(amount),
          reason,
          by,
          requestId: call.requestId,
        });
        return { status: 201, body: { id: transferId, organisationId, amount, reason } };
      });
    },
  });
}
