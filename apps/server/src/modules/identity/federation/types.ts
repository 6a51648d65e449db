/** The nouns of federation. */
import type { Secret } from '../../../platform/crypto/index.ts';
import type { Role } from '../types.ts';

/** What an outside provider needs to know us by, and how it is reached. */
export interface Provider {
  /** `google`, `github`, `oidc`, or the id of a connection. Stands in the redirect address, so that each provider has one of its own. */
  readonly id: string;
  readonly name: string;
  /** GitHub speaks OAuth 2.0 alone: who it is comes from its API. */
  readonly protocol: 'oidc' | 'github';
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** The organisation whose own it is, for a connection; undefined for what the operator set. */
  readonly orgId?: string;
}

/** Who somebody is at a provider: issuer and subject. Everything else is what the provider says of them. */
export interface OutsideIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  /** The provider says that it has seen mail arrive there. */
  readonly isEmailVerified: boolean;
  readonly name: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Roles that a claim may give. Nobody becomes an owner by what another system says. */
export type MappedRole = Exclude<Role, 'owner'>;

export interface ConnectionCheck {
  readonly ok: boolean;
  readonly message: string;
  readonly checkedAt: string;
}

/** An organisation's own identity provider. **Enabled** or not; without its secret, which is sealed. */
export interface OidcConnection {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly sealed: Buffer;
  readonly defaultRole: MappedRole;
  readonly roleClaim: string | undefined;
  readonly roleByValue: Readonly<Record<string, MappedRole>>;
  readonly isEnabled: boolean;
  readonly lastCheck: ConnectionCheck;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A person's account at a provider. */
export interface IdentityLink {
  readonly id: string;
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly createdAt: Date;
}

/** A sign-in that went out and came back. */
export interface Flow {
  readonly browserHash: Buffer;
  readonly provider: string;
  /** Whoever links another account to theirs. */
  readonly linksPerson: string | undefined;
  readonly returnTo: string;
}
