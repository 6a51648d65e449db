/** The door of organisations: their life, members, roles, invitations and service accounts. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { MembersDeps } from './deps.ts';
import { createInvitations } from './invitations.ts';
import { createOrganisationLife, type OrganisationLife } from './organisations.ts';
import { organisationRoutes } from './person-routes.ts';
import { memberRoutes } from './routes.ts';
import { createMemberService, type MemberService } from './service.ts';

export { invitationErrors, memberErrors, organisationErrors } from './errors.ts';
export type { Member, OwnOrganisation } from './types.ts';

export interface Members extends MemberService, Pick<OrganisationLife, 'quiet' | 'erase'> {
  readonly routes: readonly RouteDefinition[];
}

/** Opens nothing. */
export function createMembers(deps: MembersDeps): Members {
  const members = createMemberService(deps);
  const life = createOrganisationLife(deps);
  const invitations = createInvitations(deps);
  return {
    ...members,
    quiet: life.quiet,
    erase: life.erase,
    routes: [...memberRoutes(members, invitations), ...organisationRoutes(life, invitations, deps)],
  };
}
