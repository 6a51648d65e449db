/** Single sign-on by SAML as the interface shows it. */
import { z } from 'zod';
import { instant } from './common.ts';
import { personName } from './people.ts';

/** The roles that an organisation's own systems may hand out; an owner is made by an owner. */
export const provisionedRole = z.enum(['admin', 'developer', 'billing', 'viewer']);

const attributeName = z.string().min(1).max(255);

export const samlConnectionBody = z.strictObject({
  name: personName,
  /** What the identity provider calls itself. */
  entityId: z.string().min(1).max(1_024),
  /** Where it takes requests by redirect; https. */
  ssoUrl: z.url({ protocol: /^https$/ }).max(2_048),
  /** One or two X.509 certificates in PEM form: only what their keys signed is taken. */
  certificates: z.array(z.string().min(1).max(10_000)).min(1).max(2),
  /** The attribute that holds the address; the subject itself, when left out. */
  emailAttribute: attributeName.nullable().default(null),
  /** The attribute that holds the name; the address, when left out. */
  nameAttribute: attributeName.nullable().default(null),
  /** The attribute whose values give roles, as `roleMappings` says; it is read at every sign-in. */
  roleAttribute: attributeName.nullable().default(null),
  roleMappings: z
    .array(z.strictObject({ value: z.string().min(1).max(255), role: provisionedRole }))
    .max(100)
    .default([]),
  /** Of those whom no mapping fits. */
  defaultRole: provisionedRole.default('viewer'),
  /** Whether somebody of a verified domain who is no member becomes one by signing in. */
  joinsMembers: z.boolean().default(true),
  enabled: z.boolean().default(true),
});
export type SamlConnectionBody = z.output<typeof samlConnectionBody>;

export const samlConnection = z
  .object({
    ...samlConnectionBody.shape,
    id: z.string(),
    /** What the identity provider needs to know of us. */
    serviceProvider: z.object({ entityId: z.string(), acsUrl: z.string(), metadataUrl: z.string() }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'SamlConnection' });
export type SamlConnection = z.infer<typeof samlConnection>;
export const samlConnectionList = z.object({ data: z.array(samlConnection) });
export const samlConnectionParams = z.strictObject({ id: z.string().max(64) });

export const startSamlBody = z.strictObject({
  connectionId: z.string().max(64),
  /** Where the person goes on afterwards: a path of this installation. */
  returnTo: z.string().max(2_048).default('/'),
});
/** Where the browser goes now. */
export const samlStart = z.object({ url: z.string() }).meta({ id: 'SamlStart' });

/** What the identity provider has the browser post. */
export const samlResponseForm = z.object({ SAMLResponse: z.string(), RelayState: z.string().max(1_024) });
