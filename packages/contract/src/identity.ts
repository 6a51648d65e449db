/** Organisations and API keys as the interface shows them. */
import { z } from 'zod';
import { instant, mode, pageOf, pageQuery, scope } from './common.ts';

const name = z.string().trim().min(1).max(100);

/** Networks as `203.0.113.0/24` or `2001:db8::/32`. */
const allowedCidrs = z
  .array(
    z
      .union([z.cidrv4(), z.cidrv6()], 'must be a network such as 203.0.113.0/24 or 2001:db8::/32')
      .refine((cidr) => !/^::ffff:/i.test(cidr), 'must be written as the IPv4 network that it is'),
  )
  .min(1)
  .max(50);

/** A key without its secret: what a list shows. */
export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string(),
    last4: z.string(),
    scopes: z.array(scope),
    mode,
    createdAt: instant,
    expiresAt: instant.nullable(),
    lastUsedAt: instant.nullable(),
    revokedAt: instant.nullable(),
    /** The networks it may be used from; null: from everywhere. */
    allowedCidrs: z.array(z.string()).nullable(),
    /** True for a key that works and was not used for 90 days: revoke it, unless you know what it is for. */
    isUnused: z.boolean(),
    /** The member who made it, or the key that did. */
    createdBy: z.string(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof apiKey>;

/** A new key. The secret is shown this once: a retry of the same request gets `null` in its place. */
export const newApiKey = apiKey.extend({ secret: z.string().nullable() }).meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof newApiKey>;

export const apiKeyPage = pageOf(apiKey);
export const keyPageQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^key_[0-9a-z]{26}$/)
    .optional(),
});

export const createKeyBody = z.strictObject({
  name,
  scopes: z
    .array(scope)
    .min(1)
    .refine((scopes) => new Set(scopes).size === scopes.length, 'each scope may be named once'),
  mode,
  /** Any precision is understood here; answers always carry milliseconds. */
  expiresAt: z.iso.datetime().nullish(),
  allowedCidrs: allowedCidrs.nullish(),
});
export type CreateKeyBody = z.output<typeof createKeyBody>;

/** Longest time for which a rotated key may go on working: seven days. */
export const OVERLAP_SECONDS_MAX = 604_800;
export const rotateKeyBody = z.strictObject({ overlapSeconds: z.number().int().min(0).max(OVERLAP_SECONDS_MAX) });
export type RotateKeyBody = z.output<typeof rotateKeyBody>;

export const keyParams = z.strictObject({ id: z.string().max(64) });

/** What secret scanners send, in the form of GitHub's: other members are theirs and not looked at. */
export const leakedKeys = z
  .array(
    z.object({
      token: z.string().min(1).max(500),
      type: z.string().max(100).optional(),
      url: z.string().max(2_048).nullish(),
      source: z.string().max(100).nullish(),
    }),
  )
  .min(1)
  .max(100);
export type LeakedKey = z.output<typeof leakedKeys>[number];

/** One for each, in the same order. A key of ours was revoked, now or before. */
export const leakVerdict = z
  .object({
    /** SHA-256 of the token, in hex. */
    token_hash: z.string(),
    token_type: z.string(),
    label: z.enum(['true_positive', 'false_positive']),
  })
  .meta({ id: 'LeakVerdict' });
export type LeakVerdict = z.infer<typeof leakVerdict>;
export const leakVerdicts = z.array(leakVerdict);

export const createOrganisationBody = z.strictObject({ name });

/** A new organisation and its first key, whose secret is shown this once. */
export const newOrganisation = z
  .object({ id: z.string(), name: z.string(), createdAt: instant, key: newApiKey })
  .meta({ id: 'NewOrganisation' });
export type NewOrganisation = z.infer<typeof newOrganisation>;
