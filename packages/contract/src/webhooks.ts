/** Webhooks out: endpoints, what was sent to them, and how it went. */
import { z } from 'zod';
import { instant, pageOf, pageQuery } from './common.ts';

/**
 * Everything that can be sent. An endpoint names these, a prefix such as `run.*`, or `*`. `budget.threshold.v1` is sent once a period for each
 * threshold: `{ budgetId, scope, period, limit, hard, threshold: { percent | null, amount }, spent, held, periodStart, resetsAt, mode }`. `audit.recorded.v1` is
 * one row of the audit trail, sent where an organisation asked for it; no pattern but its own name and `audit.*` stands for it.
 */
export const WEBHOOK_EVENTS = [
  'run.started.v1',
  'run.succeeded.v1',
  'run.failed.v1',
  'run.cancelled.v1',
  'budget.threshold.v1',
  'audit.recorded.v1',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

const url = z.string().min(1).max(2_048);
const description = z.string().trim().max(500);
const events = z
  .array(z.string().min(1).max(100))
  .min(1)
  .max(50)
  .refine((names) => new Set(names).size === names.length, 'each event may be named once');

/** Why nothing is sent: its owner said so, it answered 410, or every attempt failed for days. */
export const disabledReason = z.enum(['owner', 'gone', 'failing']);
export type DisabledReason = z.infer<typeof disabledReason>;

export const webhookEndpoint = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    events: z.array(z.string()),
    enabled: z.boolean(),
    disabledReason: disabledReason.nullable(),
    /** When the present row of failures began; null while the last attempt succeeded. */
    failingSince: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'WebhookEndpoint' });
export type WebhookEndpoint = z.infer<typeof webhookEndpoint>;

/** With the signing secret, shown this once: a retry of the same request gets `null` in its place. */
export const newWebhookEndpoint = webhookEndpoint
  .extend({ secret: z.string().nullable() })
  .meta({ id: 'NewWebhookEndpoint' });
export type NewWebhookEndpoint = z.infer<typeof newWebhookEndpoint>;

export const webhookEndpointPage = pageOf(webhookEndpoint);
export const webhookEndpointPageQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^whk_[0-9a-z]{26}$/)
    .optional(),
});
export const webhookEndpointParams = z.strictObject({ id: z.string().max(64) });

export const createWebhookEndpointBody = z.strictObject({ url, events, description: description.default('') });
export type CreateWebhookEndpointBody = z.output<typeof createWebhookEndpointBody>;

/** What is left out stays as it is. */
export const updateWebhookEndpointBody = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    description: description.optional(),
    enabled: z.boolean().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'name at least one member to change');
export type UpdateWebhookEndpointBody = z.output<typeof updateWebhookEndpointBody>;

/** For how long the former secret signs beside the new one: at most seven days. */
export const SECRET_OVERLAP_SECONDS_MAX = 604_800;
export const rotateWebhookSecretBody = z.strictObject({
  overlapSeconds: z.number().int().min(0).max(SECRET_OVERLAP_SECONDS_MAX),
});

/** `pending` waits for its next attempt or is being sent; `failed` has none left and can be replayed. */
export const deliveryStatus = z.enum(['pending', 'delivered', 'failed']);
export type DeliveryStatus = z.infer<typeof deliveryStatus>;

export const webhookDelivery = z
  .object({
    id: z.string(),
    /** The `webhook-id` of every attempt. */
    eventId: z.string(),
    eventType: z.string(),
    status: deliveryStatus,
    attempts: z.number().int(),
    /** HTTP status of the last answer; null when there was none. */
    responseStatus: z.number().int().nullable(),
    /** What went wrong at the last attempt, as a code. */
    error: z.string().nullable(),
    createdAt: instant,
    lastAttemptAt: instant.nullable(),
    nextAttemptAt: instant.nullable(),
    deliveredAt: instant.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof webhookDelivery>;

export const webhookDeliveryPage = pageOf(webhookDelivery);
export const webhookDeliveryPageQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^whd_[0-9a-z]{26}$/)
    .optional(),
  status: deliveryStatus.optional(),
});

const someInstant = z.iso.datetime();
/** One delivery, all made in a span of time (`to` excluded), or all that failed. */
export const replayWebhooksBody = z.union([
  z.strictObject({ deliveryId: z.string().max(64) }),
  z
    .strictObject({ from: someInstant, to: someInstant })
    .refine((body) => Date.parse(body.from) < Date.parse(body.to), { path: ['to'], message: 'must lie after from' }),
  z.strictObject({ failed: z.literal(true) }),
]);
export type ReplayWebhooksBody = z.output<typeof replayWebhooksBody>;

export const replayedWebhooks = z.object({ replayed: z.number().int() }).meta({ id: 'ReplayedWebhooks' });
