/** The nouns of sessions. */

/** How somebody showed who they are. */
export type SessionMethod = 'password' | 'magic-link' | 'passkey' | 'oidc' | 'saml';

/** Where a person is signed in, without what would let somebody else in. */
export interface Session {
  readonly id: string;
  readonly method: SessionMethod;
  readonly activeOrg: string | undefined;
  readonly ip: string;
  readonly userAgent: string;
  /** How unusual its beginning was, from 0 to 100. */
  readonly risk: number;
  readonly country: string | undefined;
  readonly createdAt: Date;
  /** Exact to a second or two. */
  readonly usedAt: Date;
  readonly authenticatedAt: Date;
}
