/** Provisioning by a directory: its tokens and roles as the interface shows them, and the outlines of what SCIM itself sends. */
import { z } from 'zod';
import { instant } from './common.ts';
import { personName } from './people.ts';
import { provisionedRole } from './saml.ts';

const id = z.string().max(64);

export const scimTokenBody = z.strictObject({ name: personName, expiresAt: instant.nullable().default(null) });
export const rotateScimTokenBody = z.strictObject({
  /** How long the old token works on; up to a week. */
  overlapSeconds: z.number().int().min(0).max(604_800).default(0),
});
export const scimTokenParams = z.strictObject({ id });

export const scimToken = z
  .object({
    id: z.string(),
    name: z.string(),
    last4: z.string(),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.nullable(),
    /** Exact to the minute. */
    lastUsedAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: 'ScimToken' });
export type ScimToken = z.infer<typeof scimToken>;
/** `secret` is the token, shown this once, and `null` in the answer to a retry. */
export const newScimToken = scimToken.extend({ secret: z.string().nullable() }).meta({ id: 'NewScimToken' });
export const scimTokenList = z.object({ data: z.array(scimToken) });

export const scimSettingsBody = z.strictObject({
  /** Of those who are in no group with a role. */
  defaultRole: provisionedRole,
  /** By the displayName of a group; of several the role that may do the most. */
  groupRoles: z.array(z.strictObject({ group: z.string().min(1).max(320), role: provisionedRole })).max(100),
});
export type ScimSettingsBody = z.output<typeof scimSettingsBody>;
/** `baseUrl` is what a directory is given, with a token. */
export const scimSettings = z.object({ ...scimSettingsBody.shape, baseUrl: z.string() }).meta({ id: 'ScimSettings' });

/** What SCIM sends is judged by its own rules, which pass over what they do not know. */
export const scimBody = z.looseObject({});
export const scimParams = z.strictObject({ id: z.string().max(128) });
export const scimQuery = z.looseObject({
  filter: z.string().optional(),
  startIndex: z.string().optional(),
  count: z.string().optional(),
  attributes: z.string().max(2_000).optional(),
  excludedAttributes: z.string().max(2_000).optional(),
});
export const scimResource = z.looseObject({});
