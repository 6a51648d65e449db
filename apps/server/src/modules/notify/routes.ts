/** The HTTP routes of webhooks out. */
import {
  createWebhookEndpointBody,
  newWebhookEndpoint,
  replayedWebhooks,
  replayWebhooksBody,
  rotateWebhookSecretBody,
  updateWebhookEndpointBody,
  type WebhookDelivery,
  type WebhookEndpoint,
  webhookDeliveryPage,
  webhookDeliveryPageQuery,
  webhookEndpoint,
  webhookEndpointPage,
  webhookEndpointPageQuery,
  webhookEndpointParams,
} from '@guildhall/contract';
import { type Principal, type RouteDefinition, route } from '../../platform/http/index.ts';
import type { WebhookService } from './service.ts';
import type { Actor, Delivery, Endpoint } from './types.ts';

const BASE = '/v1/webhook-endpoints';
const TAG = 'Webhooks';

const actorOf = ({ principal, requestId }: { principal: Principal; requestId: string }): Actor => ({
  orgId: principal.orgId,
  mode: principal.mode,
  keyId: principal.keyId,
  personId: principal.personId,
  requestId,
  mayReadAudit: principal.mode === 'live' && principal.scopes.includes('audit:read'),
});

const toEndpointView = (row: Endpoint): WebhookEndpoint => ({
  id: row.id,
  url: row.url,
  description: row.description,
  events: [...row.events],
  enabled: row.enabled,
  disabledReason: row.disabledReason ?? null,
  failingSince: row.failingSince?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

const toDeliveryView = (row: Delivery): WebhookDelivery => ({
  id: row.id,
  eventId: row.eventId,
  eventType: row.eventType,
  status: row.status,
  attempts: row.attempts,
  responseStatus: row.responseStatus ?? null,
  error: row.error ?? null,
  createdAt: row.createdAt.toISOString(),
  lastAttemptAt: row.lastAttemptAt?.toISOString() ?? null,
  nextAttemptAt: row.nextAttemptAt?.toISOString() ?? null,
  deliveredAt: row.deliveredAt?.toISOString() ?? null,
});

/** One row more than asked for tells whether there is a next page. */
function pageOf<Row extends { readonly id: string }, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
) {
  const shown = rows.slice(0, limit);
  return { data: shown.map(view), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

/** `wake` is called after the commit of whatever made deliveries due. */
export function webhookRoutes(webhooks: WebhookService, wake: () => void): readonly RouteDefinition[] {
  return [...endpointRoutes(webhooks, wake), ...changingRoutes(webhooks), ...deliveryRoutes(webhooks, wake)];
}

function endpointRoutes(webhooks: WebhookService, wake: () => void): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: BASE,
      summary: 'List webhook endpoints, newest first.',
      tag: TAG,
      scope: 'webhooks:read',
      query: webhookEndpointPageQuery,
      responses: { 200: webhookEndpointPage },
      async handler({ principal: { mode }, query: { limit, cursor }, read }) {
        const rows = await read((tx) => webhooks.list(tx, { mode, limit: limit + 1, beforeId: cursor }));
        return { status: 200, body: pageOf(rows, limit, toEndpointView) };
      },
    }),
    route({
      method: 'GET',
      path: `${BASE}/{id}`,
      summary: 'Show a webhook endpoint.',
      tag: TAG,
      scope: 'webhooks:read',
      params: webhookEndpointParams,
      responses: { 200: webhookEndpoint },
      async handler({ principal: { mode }, params, read }) {
        return { status: 200, body: toEndpointView(await read((tx) => webhooks.get(tx, mode, params.id))) };
      },
    }),
    route({
      method: 'PUT',
      path: `${BASE}/{id}`,
      summary: 'Change, disable or enable a webhook endpoint; what is left out stays.',
      tag: TAG,
      scope: 'webhooks:write',
      params: webhookEndpointParams,
      body: updateWebhookEndpointBody,
      responses: { 200: webhookEndpoint },
      async handler(call) {
        const answer = await call.mutate(async (tx) => {
          const endpoint = await webhooks.update(tx, actorOf(call), call.params.id, call.body);
          return { status: 200, body: toEndpointView(endpoint) };
        });
        wake();
        return answer;
      },
    }),
  ];
}

function changingRoutes(webhooks: WebhookService): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: BASE,
      summary: 'Create a webhook endpoint; its signing secret is shown this once.',
      tag: TAG,
      scope: 'webhooks:write',
      body: createWebhookEndpointBody,
      responses: { 201: newWebhookEndpoint },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { endpoint, secret } = await webhooks.create(tx, actorOf(call), call.body);
          return { status: 201, body: { ...toEndpointView(endpoint), secret }, once: ['secret'] };
        }),
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/rotate`,
      summary: 'Replace the signing secret, shown this once; the former one signs beside it until the overlap ends.',
      tag: TAG,
      scope: 'webhooks:write',
      params: webhookEndpointParams,
      body: rotateWebhookSecretBody,
      responses: { 200: newWebhookEndpoint },
      handler: (call) =>
        call.mutate(async (tx) => {
          const { id } = call.params;
          const { endpoint, secret } = await webhooks.rotate(tx, actorOf(call), id, call.body.overlapSeconds);
          return { status: 200, body: { ...toEndpointView(endpoint), secret }, once: ['secret'] };
        }),
    }),
    route({
      method: 'DELETE',
      path: `${BASE}/{id}`,
      summary: 'Delete a webhook endpoint and its deliveries.',
      tag: TAG,
      scope: 'webhooks:write',
      params: webhookEndpointParams,
      responses: { 204: null },
      handler: (call) =>
        call.mutate(async (tx) => {
          await webhooks.remove(tx, actorOf(call), call.params.id);
          return { status: 204, body: {} };
        }),
    }),
  ];
}

function deliveryRoutes(webhooks: WebhookService, wake: () => void): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: `${BASE}/{id}/deliveries`,
      summary: 'List what was sent to a webhook endpoint, or is to be, newest first.',
      tag: TAG,
      scope: 'webhooks:read',
      params: webhookEndpointParams,
      query: webhookDeliveryPageQuery,
      responses: { 200: webhookDeliveryPage },
      async handler({ principal: { mode }, params, query: { limit, cursor, status }, read }) {
        const rows = await read((tx) =>
          webhooks.listDeliveries(tx, { mode, endpointId: params.id, status, limit: limit + 1, beforeId: cursor }),
        );
        return { status: 200, body: pageOf(rows, limit, toDeliveryView) };
      },
    }),
    route({
      method: 'POST',
      path: `${BASE}/{id}/replay`,
      summary: 'Send again, under the same ids: one delivery, those of a span of time, or all that failed.',
      tag: TAG,
      scope: 'webhooks:write',
      params: webhookEndpointParams,
      body: replayWebhooksBody,
      responses: { 202: replayedWebhooks },
      async handler(call) {
        const answer = await call.mutate(async (tx) => {
          const replayed = await webhooks.replay(tx, actorOf(call), call.params.id, call.body);
          return { status: 202, body: { replayed } };
        });
        wake();
        return answer;
      },
    }),
  ];
}
