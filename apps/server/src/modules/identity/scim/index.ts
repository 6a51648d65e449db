/** The door of provisioning by a directory, SCIM 2.0. */
import type { Principal, RouteDefinition } from '../../../platform/http/index.ts';
import { createScimGroups } from './groups.ts';
import { scimRoutes } from './routes.ts';
import { scimTokenRoutes } from './token-routes.ts';
import { createScimTokens } from './tokens.ts';
import { createScimUsers, type ScimDeps, settleRoles } from './users.ts';

export { scimErrors } from './errors.ts';
export { isSwitchedOff } from './store.ts';
export { looksLikeScimToken } from './tokens.ts';

export interface Scim {
  /** @throws 401 `scim.invalid-token` */
  authenticate(presented: string): Promise<Principal>;
  readonly routes: readonly RouteDefinition[];
}

/** Opens nothing. */
export function createScim(deps: ScimDeps): Scim {
  const tokens = createScimTokens(deps);
  return {
    authenticate: tokens.authenticate,
    routes: [
      ...scimTokenRoutes(tokens, (tx) => settleRoles(tx, undefined), deps.publicUrl),
      ...scimRoutes(createScimUsers(deps), createScimGroups(deps), deps.publicUrl),
    ],
  };
}
