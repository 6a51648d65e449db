/** The door of identity: organisations, API keys, who a request comes from. */
import type { RouteDefinition } from '../../platform/http/index.ts';
import { type Authenticator, createAuthenticator } from './authentication.ts';
import { identityRoutes } from './routes.ts';
import { createService, type IdentityService } from './service.ts';
import type { IdentityDeps } from './types.ts';

export { authErrors, keyErrors } from './errors.ts';
export { parseKey } from './key-format.ts';
export { assertLive, ROLE_SCOPES } from './rules.ts';
export type { NewKeyInput, NewOrganisationInput, OrganisationWithKey } from './service.ts';
export { asOrganisation } from './store.ts';
export type { Actor, Founder, IdentityDeps, Key, KeyWithSecret, Organisation, Role } from './types.ts';

export interface Identity extends IdentityService, Authenticator {
  readonly routes: readonly RouteDefinition[];
}

/** Opens nothing; `start` does. Without it every authentication asks the database, which is right for short commands. */
export function createIdentity(deps: IdentityDeps): Identity {
  const service = createService(deps);
  return { ...service, ...createAuthenticator(deps), routes: identityRoutes(service) };
}
