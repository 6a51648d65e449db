/** Where webhooks, steps of runs and provider keys of an organisation may lead. */
import { z } from 'zod';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { Audit } from '../../audit/index.ts';
import { assertLive } from '../../identity/index.ts';
import type { EgressHosts } from './remembered.ts';
import { findHosts, putHosts } from './store.ts';

const PATH = '/v1/egress-hosts';
const HOSTS_MAX = 100;
const NAME = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{1,63}$/;

const host = z
  .string()
  .max(253)
  .regex(NAME, 'must be a host in lower case, such as api.example.com, or *.example.com for all below it');
const shown = z.object({ hosts: z.array(z.string()).nullable() });
const body = z.strictObject({ hosts: z.array(host).max(HOSTS_MAX).nullable() });

export interface EgressHostRoutesDeps {
  readonly hosts: EgressHosts;
  readonly audit: Pick<Audit, 'append'>;
}

export const egressHostRoutes = ({ hosts, audit }: EgressHostRoutesDeps): RouteDefinition[] => [
  route({
    method: 'GET',
    path: PATH,
    summary: 'Show which hosts may be called on behalf of your organisation; null stands for all public ones',
    tag: 'Limits',
    scope: 'providers:read',
    responses: { 200: shown },
    async handler({ read }) {
      const found = await read(findHosts);
      return { status: 200, body: { hosts: found ? [...found] : null } };
    },
  }),
  route({
    method: 'PUT',
    path: PATH,
    summary: 'Allow these hosts alone to webhooks, steps of runs and provider keys, or with null all public ones',
    tag: 'Limits',
    scope: 'providers:write',
    body,
    responses: { 200: shown },
    async handler(call) {
      assertLive(call.principal);
      const { orgId, keyId, personId } = call.principal;
      const list = call.body.hosts === null ? undefined : [...new Set(call.body.hosts)];
      const answer = await call.mutate(async (tx) => {
        await putHosts(tx, list);
        await audit.append(tx, {
          orgId,
          actorType: personId === undefined ? 'key' : 'member',
          actorId: keyId,
          action: 'egress-hosts.set',
          targetType: 'organisation',
          targetId: orgId,
          requestId: call.requestId,
          data: { hosts: list?.length ?? 'all' },
        });
        return { status: 200, body: { hosts: list ?? null } };
      });
      hosts.changed(orgId);
      return answer;
    },
  }),
];
