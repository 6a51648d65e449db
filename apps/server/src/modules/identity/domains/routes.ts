/** The HTTP routes of domains. */
import { claimDomainBody, type DomainView, domainList, domainParams, domainView } from '@guildhall/contract';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { type Domains, recordName } from './service.ts';
import type { Domain } from './types.ts';

const TAG = 'Single sign-on';

const toWire = ({ id, domain, challenge, createdAt, verifiedAt }: Domain): DomainView => ({
  id,
  domain,
  record: { type: 'TXT', name: recordName(domain), value: challenge },
  createdAt: createdAt.toISOString(),
  verifiedAt: verifiedAt?.toISOString() ?? null,
});

export function domainRoutes(domains: Domains): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/organisation/domains',
      summary: 'Claim a domain; the answer shows the DNS record that proves it.',
      tag: TAG,
      scope: 'sso:write',
      body: claimDomainBody,
      responses: { 201: domainView },
      handler: (call) =>
        call.mutate(async (tx) => ({ status: 201, body: toWire(await domains.claim(tx, call, call.body.domain)) })),
    }),
    route({
      method: 'GET',
      path: '/v1/organisation/domains',
      summary: 'List the domains of the organisation.',
      tag: TAG,
      scope: 'sso:read',
      responses: { 200: domainList },
      handler: async (call) => ({
        status: 200,
        body: { data: (await call.read((tx) => domains.list(tx))).map(toWire) },
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/organisation/domains/{id}/verify',
      summary:
        'Look for the DNS record of a domain. Once it is verified, its addresses are let in by your identity provider.',
      tag: TAG,
      scope: 'sso:write',
      params: domainParams,
      responses: { 200: domainView },
      async handler(call) {
        const { id } = call.params;
        const isProven = await domains.isProven(call.principal.orgId, id);
        return call.mutate(async (tx) => ({
          status: 200,
          body: toWire(await domains.verify(tx, call, id, isProven)),
        }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/organisation/domains/{id}',
      summary: 'Release a domain; its addresses are let in by their own passwords again.',
      tag: TAG,
      scope: 'sso:write',
      params: domainParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await domains.release(tx, call, call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}
