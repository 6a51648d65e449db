/** Domains, single sign-on and accounts at outside providers as the interface shows them. */
import { z } from 'zod';
import { instant } from './common.ts';

export const claimDomainBody = z.strictObject({ domain: z.string().min(1).max(300) });
export const domainParams = z.strictObject({ id: z.string().max(64) });

/** A domain, and the DNS record that proves that it is the organisation's own. */
export const domainView = z
  .object({
    id: z.string(),
    domain: z.string(),
    record: z.object({ type: z.literal('TXT'), name: z.string(), value: z.string() }),
    createdAt: instant,
    verifiedAt: instant.nullable(),
  })
  .meta({ id: 'Domain' });
export type DomainView = z.infer<typeof domainView>;
export const domainList = z.object({ data: z.array(domainView) });

/** Where the browser goes on. */
export const redirect = z.object({ url: z.string() }).meta({ id: 'Redirect' });
/** A path of ours, where the browser comes back to at the end. */
const returnTo = z.string().max(1_000).default('/');

export const providerList = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) });
export const signInProviderParams = z.strictObject({ provider: z.string().max(64) });
export const beginSignInBody = z.strictObject({ returnTo });
export const ssoBody = z.strictObject({ email: z.string().min(3).max(320), returnTo });
/** What a provider sends along is its own business; what we know of it is checked where it is used. */
export const callbackQuery = z.record(z.string().max(100), z.string().max(4_096));

export const linkIdentityBody = z.strictObject({ provider: z.string().max(64), returnTo });
export const identityLink = z
  .object({
    id: z.string(),
    provider: z.string(),
    issuer: z.string(),
    email: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'IdentityLink' });
export const identityLinkList = z.object({ data: z.array(identityLink) });
export const identityLinkParams = z.strictObject({ id: z.string().max(64) });

const mappedRole = z.enum(['admin', 'developer', 'billing', 'viewer']);
const connectionName = z.string().trim().min(1).max(100);
const issuer = z.url({ protocol: /^https?$/ }).max(500);
const clientSecret = z.string().regex(/^[\x21-\x7e]{8,1024}$/, 'must be 8 to 1024 printable characters without spaces');
const roleByValue = z
  .record(z.string().min(1).max(200), mappedRole)
  .refine((map) => Object.keys(map).length <= 100, 'at most 100 values');

export const oidcConnectionBody = z.strictObject({
  name: connectionName,
  issuer,
  clientId: z.string().min(1).max(500),
  clientSecret,
  defaultRole: mappedRole.default('viewer'),
  /** The claim of the ID token or of userinfo that holds a group or a list of them. */
  roleClaim: z.string().min(1).max(100).nullish(),
  roleByValue: roleByValue.default({}),
});
export type OidcConnectionBody = z.output<typeof oidcConnectionBody>;

/** What is left out stays as it is. */
export const updateOidcConnectionBody = z.strictObject({
  name: connectionName.optional(),
  issuer: issuer.optional(),
  clientId: z.string().min(1).max(500).optional(),
  clientSecret: clientSecret.optional(),
  defaultRole: mappedRole.optional(),
  roleClaim: z.string().min(1).max(100).nullish(),
  roleByValue: roleByValue.optional(),
  enabled: z.boolean().optional(),
});
export type UpdateOidcConnectionBody = z.output<typeof updateOidcConnectionBody>;

/** What asking the provider gave, in words. */
export const connectionCheck = z
  .object({ ok: z.boolean(), message: z.string(), checkedAt: instant })
  .meta({ id: 'ConnectionCheck' });

/** The secret is written and never shown. */
export const oidcConnection = z
  .object({
    id: z.string(),
    name: z.string(),
    issuer: z.string(),
    clientId: z.string(),
    defaultRole: mappedRole,
    roleClaim: z.string().nullable(),
    roleByValue: z.record(z.string(), mappedRole),
    enabled: z.boolean(),
    /** What to enter at the provider, exactly. */
    redirectUri: z.string(),
    lastCheck: connectionCheck,
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'OidcConnection' });
export type OidcConnectionView = z.infer<typeof oidcConnection>;
export const oidcConnectionList = z.object({ data: z.array(oidcConnection) });
export const connectionParams = z.strictObject({ id: z.string().max(64) });

/** Whether addresses of verified domains must come through a connection. */
export const ssoPolicy = z.object({ required: z.boolean() }).meta({ id: 'SsoPolicy' });
export const ssoPolicyBody = z.strictObject({ required: z.boolean() });
