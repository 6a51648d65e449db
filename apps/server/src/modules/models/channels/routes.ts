/** The HTTP routes of provider keys, which organisations bring themselves. */
import {
  createProviderKeyBody,
  providerCheck,
  providerKey,
  providerKeyPage,
  providerKeyPageQuery,
  providerKeyParams,
} from '@guildhall/contract';
import { actorOf as auditActor, type Principal, type RouteDefinition, route } from '../../../platform/http/index.ts';
import type { ProviderService } from './service.ts';
import type { Actor, Check } from './types.ts';
import { toCheckView, toKeyView } from './views.ts';

const BASE = '/v1/provider-keys';
const TAG = 'Providers';

/** What routes ask of the memory of the process. */
export interface Remembered {
  /** Names of models as far as they are known. */
  models(channelId: string): readonly string[];
  /** To be called after the commit of a change. */
  changed(whom: string, checked?: { readonly id: string; readonly check: Check }): void;
}

export const actorOf = (
  { principal, requestId }: { readonly principal: Principal; readonly requestId: string },
  type: 'key' | 'operator',
): Actor => ({
  type: type === 'key' ? auditActor(principal).actorType : type,
  orgId: principal.orgId,
  keyId: principal.keyId,
  requestId,
});

export function providerKeyRoutes(service: ProviderService, memory: Remembered): readonly RouteDefinition[] {
  return [...readingRoutes(service, memory), ...changingRoutes(service, memory)];
}

function readingRoutes(service: ProviderService, memory: Remembered): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'List your own provider keys, newest first, revoked ones included; the keys themselves are never shown.',
      tag: TAG,
      scope: 'providers:read',
      query: providerKeyPageQuery,
      responses: { 200: providerKeyPage },
      async handler({ query: { limit, cursor }, read }) {
        const rows = await read((tx) => service.listKeys(tx, { limit: limit + 1, beforeId: cursor }));
        const shown = rows.slice(0, limit);
        const nextCursor = rows.length > limit ? (shown.at(-1)?.id ?? null) : null;
        return { status: 200, body: { data: shown.map((row) => toKeyView(row, memory.models(row.id))), nextCursor } };
      },
    }),
    route({
      method: 'GET',
      path: `${BASE}/{id}`,
      summary: 'Show one of your own provider keys, without the key.',
      tag: TAG,
      scope: 'providers:read',
      params: providerKeyParams,
      responses: { 200: providerKey },
      async handler({ params, read }) {
        const row = await read((tx) => service.getKey(tx, params.id));
        return { status: 200, body: toKeyView(row, memory.models(row.id)) };
      },
    }),
  ];
}

function changingRoutes(service: ProviderService, memory: Remembered): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: BASE,
      summary: 'Add a key of your own for a provider, after it was tried; calls with it cost the platform fee alone.',
      tag: TAG,
      scope: 'providers:write',
      body: createProviderKeyBody,
      responses: { 201: providerKey },
      async handler(call) {
        const store = await service.prepareKey(call.body);
        return call.mutate(async (tx) => {
          const { record, check } = await store(tx, actorOf(call, 'key'));
          memory.changed(call.principal.orgId, { id: record.id, check });
          return { status: 201, body: toKeyView(record, check.models) };
        });
      },
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/test`,
      summary: 'Try one of your own provider keys now.',
      tag: TAG,
      scope: 'providers:write',
      params: providerKeyParams,
      responses: { 200: providerCheck },
      async handler(call) {
        const store = await service.prepareKeyTest(call.principal.orgId, call.params.id);
        return call.mutate(async (tx) => ({
          status: 200,
          body: toCheckView(await store(tx, actorOf(call, 'key'))),
        }));
      },
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary: 'Revoke one of your own provider keys at once; the key is forgotten.',
      tag: TAG,
      scope: 'providers:write',
      params: providerKeyParams,
      responses: { 204: null },
      async handler(call) {
        const answer = await call.mutate(async (tx) => {
          await service.revokeKey(tx, actorOf(call, 'key'), call.params.id);
          return { status: 204, body: {} };
        });
        memory.changed(call.principal.orgId);
        return answer;
      },
    }),
  ];
}
