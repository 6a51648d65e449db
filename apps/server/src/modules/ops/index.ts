/** The door of operations: health, metrics, the first page, jobs that run by the clock. */
import type { Db } from '../../platform/db/index.ts';
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import type { RouteDefinition } from '../../platform/http/index.ts';
import type { OpsDeps } from './deps.ts';
import { eraseStatement } from './egress-hosts/index.ts';
import { opsRoutes } from './routes.ts';

export { creditsRoute } from './credits.ts';
export { createEgressHosts, egressHostRoutes } from './egress-hosts/index.ts';
export type { Check } from './health.ts';
export { createHttpLimits } from './http-limits.ts';
export { createJobs, type Job, type Jobs } from './jobs.ts';
export { createLimits, limitRoutes } from './limits/index.ts';
export { noteOpenedNetworks } from './opened-networks/index.ts';

export const createOps = (deps: OpsDeps): { readonly routes: readonly RouteDefinition[] } => ({
  routes: opsRoutes(deps),
});

/** Hosts and limits that were set for an organisation that is over. */
export const createOpsErase = (db: Db): Erase => eraser(db, eraseStatement);
