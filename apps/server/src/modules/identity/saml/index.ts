/** The door of single sign-on by SAML. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { createConnections } from './connections.ts';
import { samlRoutes } from './routes.ts';
import { createSamlSignIn, type SamlDeps } from './sign-in.ts';
import { pruneSaml } from './store.ts';

export { samlErrors } from './errors.ts';

export interface Saml {
  readonly routes: readonly RouteDefinition[];
  /** Forgets requests and assertions that nobody can use any more; tells how many. */
  prune(): Promise<number>;
}

// For who looks into what happened yesterday.
const KEEP = '1 day';

/** Opens nothing. */
export function createSaml(deps: SamlDeps): Saml {
  return {
    routes: samlRoutes(createConnections(deps), createSamlSignIn(deps), deps.publicUrl),
    prune: () => deps.db.system((tx) => pruneSaml(tx, KEEP)),
  };
}
