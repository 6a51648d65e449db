/** The door of federation: signing in with an account elsewhere, and organisations' own identity providers. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { Domains } from '../domains/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { IdentityDeps, Outside } from '../types.ts';
import { type ArrivalDeps, createArrivals } from './arrival.ts';
import { connectionRoutes } from './connection-routes.ts';
import { createConnections } from './connections.ts';
import { createFlows } from './flows.ts';
import { createProviderClient } from './provider-client.ts';
import { createProviders } from './providers.ts';
import { federationRoutes } from './routes.ts';
import { createFederation, type OtherSso } from './service.ts';

export { createEntryRule } from './enforcement.ts';
export { federationErrors } from './errors.ts';
export { ownPage } from './return-to.ts';
export type { OtherSso } from './service.ts';

export interface FederationPartDeps
  extends IdentityDeps,
    Pick<ArrivalDeps, 'guard' | 'admission' | 'isSwitchedOff' | 'links'> {
  readonly outside: Outside;
  readonly sessions: Pick<Sessions, 'finish' | 'authenticate'>;
  readonly domains: Domains;
  readonly otherSso: OtherSso;
}

export interface FederationPart {
  /** What providers say of themselves is asked for anew. */
  forget(): void;
  readonly routes: readonly RouteDefinition[];
}

/** Opens nothing. */
export function createFederationPart(deps: FederationPartDeps): FederationPart {
  const client = createProviderClient({ ...deps.outside, clock: deps.clock });
  const arrivals = createArrivals({ ...deps, finish: deps.sessions.finish });
  const sources = createProviders({ ...deps, settings: deps.outside.signIn });
  const federation = createFederation({ ...deps, sources, flows: createFlows(deps), client, arrivals });
  const connections = createConnections({ ...deps, client });
  return {
    forget: client.forget,
    routes: [...federationRoutes(federation, deps.sessions), ...connectionRoutes(connections, deps.publicUrl)],
  };
}
