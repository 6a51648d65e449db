/** The audit trail as the interface shows it. */
import { z } from 'zod';
import { instant, pageOf, pageQuery } from './common.ts';

/** One thing that was done. `hash` covers the whole row and `prevHash`, which is the hash of the row before. */
export const auditEvent = z
  .object({
    id: z.string(),
    /** Its place in the chain, counted from 1. */
    seq: z.string(),
    actorType: z.enum(['key', 'member', 'operator', 'system']),
    actorId: z.string().nullable(),
    action: z.string(),
    targetType: z.string().nullable(),
    targetId: z.string().nullable(),
    requestId: z.string().nullable(),
    data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    createdAt: instant,
    prevHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditEvent' });
export type AuditEventView = z.infer<typeof auditEvent>;
export const auditEventPage = pageOf(auditEvent);

const text = z.string().min(1).max(256);
const filter = {
  /** The id of a key, a member or a person, or the name of a part of the program. */
  actor: text.optional(),
  /** `key.create`, or `key.*` for all of a noun. */
  action: z
    .string()
    .regex(/^[a-z-]{1,64}(\.(\*|[a-z-]{1,64}))?$/, 'must be such as key.create or key.*')
    .optional(),
  target: text.optional(),
  from: z.iso.datetime().optional(),
  /** Excluded. */
  to: z.iso.datetime().optional(),
  /** Stands somewhere in action, actor, target, request or data. */
  q: z.string().trim().min(1).max(100).optional(),
};
export const auditPageQuery = pageQuery.extend({
  ...filter,
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
});
export type AuditPageQuery = z.output<typeof auditPageQuery>;

export const auditExportQuery = z.strictObject({ ...filter, format: z.enum(['ndjson', 'csv']).default('ndjson') });
export type AuditExportQuery = z.output<typeof auditExportQuery>;

/** Whether each row is also sent to webhook endpoints that name `audit.recorded.v1`. */
export const auditStream = z.object({ enabled: z.boolean() }).meta({ id: 'AuditStream' });
export const auditStreamBody = z.strictObject({ enabled: z.boolean() });
