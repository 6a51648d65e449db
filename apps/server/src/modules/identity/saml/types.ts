/** The nouns of single sign-on by SAML. */
import type { ProvisionedRole } from '../provision.ts';

/** How the members of an organisation sign in with its identity provider. */
export interface SamlConnection {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  /** What the provider calls itself. */
  readonly entityId: string;
  readonly ssoUrl: string;
  /** PEM; only what their keys signed is taken. */
  readonly certificates: readonly string[];
  readonly emailAttribute: string | undefined;
  readonly nameAttribute: string | undefined;
  readonly roleAttribute: string | undefined;
  readonly roleMappings: readonly { readonly value: string; readonly role: ProvisionedRole }[];
  readonly defaultRole: ProvisionedRole;
  readonly joinsMembers: boolean;
  readonly enabled: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A sign-in that a browser began. It is good until it is answered, or expires. */
export interface SamlRequest {
  readonly id: string;
  readonly connectionId: string;
  readonly returnTo: string;
}
