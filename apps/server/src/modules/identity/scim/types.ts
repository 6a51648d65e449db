/** The nouns of provisioning by a directory. */
import type { Role } from '../types.ts';

/** By which a directory is known. Good until `revokedAt` or `expiresAt`, whichever comes first. */
export interface ScimToken {
  readonly id: string;
  readonly name: string;
  readonly last4: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | undefined;
  /** Exact to the minute. */
  readonly lastUsedAt: Date | undefined;
  readonly revokedAt: Date | undefined;
}

/** Who sends a request of SCIM: a directory, by one of its tokens. */
export interface Directory {
  readonly orgId: string;
  readonly tokenId: string;
  readonly requestId: string;
}

/** What a directory says of somebody. */
export interface UserFields {
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly givenName: string | undefined;
  readonly familyName: string | undefined;
  readonly displayName: string | undefined;
  readonly email: string | undefined;
  readonly active: boolean;
}

/**
 * Somebody as the directory knows them. **Joined** (`memberId` set) from when they are a member until they are deactivated; **invited**
 * (`invitationId` set) where their address belongs to no verified domain of the organisation; **inactive** otherwise.
 */
export interface ScimUser extends UserFields {
  readonly id: string;
  readonly personId: string | undefined;
  readonly memberId: string | undefined;
  readonly invitationId: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface GroupFields {
  readonly displayName: string;
  readonly externalId: string | undefined;
  /** Ids of users. */
  readonly members: readonly string[];
}

export interface ScimGroup extends Omit<GroupFields, 'members'> {
  readonly id: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Which role the members of a group get. A directory makes nobody an owner. */
export interface GroupRole {
  /** Its displayName. */
  readonly group: string;
  readonly role: Exclude<Role, 'owner'>;
}

export interface ScimSettings {
  /** Of those who are in no group with a role. */
  readonly defaultRole: Exclude<Role, 'owner'>;
  readonly groupRoles: readonly GroupRole[];
}
