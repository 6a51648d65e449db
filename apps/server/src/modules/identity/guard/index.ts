/** The door of the guard: throttling, known devices, unusual sign-ins. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { Guard, IdentityDeps } from '../types.ts';
import { createKeyNetworks, type KeyNetworks } from './key-networks.ts';
import { deviceRoutes } from './routes.ts';
import { createGuard } from './service.ts';
import { pruneGuard } from './store.ts';
import type { GuardDeps } from './types.ts';

export { guardErrors } from './errors.ts';

export interface WholeGuard extends Guard {
  readonly keyNetworks: KeyNetworks;
  /** Forgets tries and devices of long ago; resolves with the number of rows. */
  prune(): Promise<number>;
  readonly routes: readonly RouteDefinition[];
}

// An account that nobody tried for so long begins anew.
const KEEP = '90 days';

/** Opens nothing. */
export function openGuardOf(deps: GuardDeps): WholeGuard {
  const prune = () => deps.db.system((tx) => pruneGuard(tx, KEEP));
  return {
    ...createGuard(deps),
    keyNetworks: createKeyNetworks(deps),
    prune,
    routes: deviceRoutes(deps satisfies Pick<IdentityDeps, 'audit'>),
  };
}
