/** Who may give which role: pure decisions. */
import type { Scope } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { ROLE_SCOPES } from '../rules.ts';
import type { Role } from '../types.ts';
import { memberErrors } from './errors.ts';
import type { Invitation } from './types.ts';

// From the one that may do the most.
export const ROLES: readonly Role[] = ['owner', 'admin', 'developer', 'billing', 'viewer'];

/** A role is handed out by whoever has each of its rights themselves; so nobody rises by way of another account. */
export const mayHandOut = (rights: readonly Scope[], role: Role): boolean =>
  ROLE_SCOPES[role].every((scope) => rights.includes(scope));

/** @throws 403 `members.role-not-held` */
export function assertMayHandOutRoles(rights: readonly Scope[], ...roles: readonly Role[]): void {
  if (!roles.every((role) => mayHandOut(rights, role))) throw new GuildhallError(memberErrors.roleNotHeld);
}

/** The roles that a member of this role may invite to. */
export const invitableBy = (role: Role): readonly Role[] =>
  ROLE_SCOPES[role].includes('members:write') ? ROLES.filter((one) => mayHandOut(ROLE_SCOPES[role], one)) : [];

export function statusOf(invitation: Invitation): 'open' | 'used' | 'expired' | 'revoked' {
  if (invitation.revokedAt) return 'revoked';
  if (invitation.uses >= invitation.usesMax) return 'used';
  return invitation.isExpired ? 'expired' : 'open';
}
