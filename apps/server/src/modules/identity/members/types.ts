/** The nouns of organisations and their members. */
import type { Scope } from '@guildhall/contract';
import type { Role } from '../types.ts';

/** A person in an organisation, or a service account: a membership without a person, for machines. */
export interface Member {
  readonly id: string;
  readonly personId: string | undefined;
  readonly email: string | undefined;
  readonly name: string;
  readonly role: Role;
  readonly isDisabled: boolean;
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** An organisation as one of its people sees it. **Deleted** until an owner brings it back, or `eraseAt` is reached. */
export interface OwnOrganisation {
  readonly id: string;
  readonly name: string;
  readonly memberId: string;
  readonly role: Role;
  readonly memberSince: Date;
  readonly deletedAt: Date | undefined;
  readonly eraseAt: Date | undefined;
}

/** An offer to become a member: to one person when it has an address, else to whoever holds its link. */
export interface Invitation {
  readonly id: string;
  readonly role: Role;
  readonly email: string | undefined;
  readonly usesMax: number;
  readonly uses: number;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  readonly isExpired: boolean;
}

/** Who changes an organisation: a member, or a key of it. */
export interface MembersActor {
  readonly orgId: string;
  /** A membership or a key. */
  readonly id: string;
  readonly type: 'key' | 'member';
  /** The member behind it; a key may have none. */
  readonly memberId: string | undefined;
  readonly scopes: readonly Scope[];
  readonly requestId: string;
}
