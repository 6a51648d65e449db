/** The nouns of people. */
import type { Role } from '../types.ts';

export type Locale = 'en' | 'ar';

/** Someone with an account. **Pending** until the address is verified, then **verified**; **disabled** by an operator, until lifted. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly locale: Locale;
  readonly hasPassword: boolean;
  readonly isOperator: boolean;
  readonly createdAt: Date;
  readonly verifiedAt: Date | undefined;
  readonly disabledAt: Date | undefined;
}

/** Who signs in with an address, as far as that must be known before. */
export interface Candidate {
  readonly personId: string;
  readonly email: string;
  readonly locale: Locale;
  readonly passwordHash: string | undefined;
  readonly isVerified: boolean;
  readonly isDisabled: boolean;
}

/** An organisation as one of its members sees it. */
export interface Membership {
  readonly id: string;
  readonly orgId: string;
  readonly organisation: string;
  readonly role: Role;
  readonly createdAt: Date;
}

/**
 * What is mailed to act without being signed in. `verify` ends a sign-up, `reset` sets a password, `magic` signs in, `email` moves an account
 * to another address.
 */
export type LinkKind = 'verify' | 'reset' | 'magic' | 'email';
