/** The door of the catalog: which agents there are, what they take, what they cost. */
import type { RouteDefinition } from '../../platform/http/index.ts';
import { catalogRoutes } from './routes.ts';
import { type CatalogService, createService } from './service.ts';
import type { CatalogDeps } from './types.ts';

export { catalogErrors } from './errors.ts';
export type { AgentSchemas } from './rules.ts';
export type { CatalogEntry } from './service.ts';
export type { CatalogDeps, Tier } from './types.ts';

export interface Catalog extends CatalogService {
  readonly routes: readonly RouteDefinition[];
}

/** @throws when two agents share an id, or one has an input schema that is not strict. */
export function createCatalog(deps: CatalogDeps): Catalog {
  const service = createService(deps);
  return { ...service, routes: catalogRoutes(service) };
}
