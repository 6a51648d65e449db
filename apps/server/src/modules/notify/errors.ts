/** What notify can refuse. */
import { defineErrors } from '../../platform/errors/index.ts';

export const webhookErrors = defineErrors('webhooks', {
  notFound: [
    'not-found',
    404,
    'There is no such webhook endpoint.',
    'List your endpoints with GET /v1/webhook-endpoints.',
  ],
  deliveryNotFound: [
    'delivery-not-found',
    404,
    'This endpoint has no such delivery.',
    'List its deliveries with GET /v1/webhook-endpoints/{id}/deliveries; they are kept for 30 days.',
  ],
  urlRefused: [
    'url-refused',
    422,
    'Webhooks cannot be sent to this address.',
    'Use an http or https URL of a public host. The operator can open private networks with EGRESS_ALLOW_PRIVATE.',
  ],
  unknownEvent: [
    'unknown-event',
    422,
    'There is no such event.',
    'Name an event of the reference, a prefix such as run.*, or * for all.',
  ],
  auditRefused: [
    'audit-refused',
    403,
    'Only who may read the audit trail may have it sent somewhere.',
    'Use a live key with the scope audit:read, or leave out audit events.',
  ],
  tooManyEndpoints: [
    'too-many-endpoints',
    409,
    'The organisation has as many webhook endpoints as it may.',
    'Delete one that is no longer needed.',
  ],
  disabled: [
    'disabled',
    409,
    'This endpoint is disabled, so nothing can be sent to it again.',
    'Enable it first: PUT /v1/webhook-endpoints/{id} with enabled set to true.',
  ],
  tooManyToReplay: [
    'too-many-to-replay',
    422,
    'More deliveries were chosen than can be replayed at once.',
    'Name a shorter span of time with from and to.',
  ],
});
