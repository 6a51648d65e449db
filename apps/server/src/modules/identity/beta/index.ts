/** The door of who may sign up: open, by invitation, or nobody; waiting list, codes, and how many people there may be. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { SignUpPolicy } from '../types.ts';
import { createCodes } from './codes.ts';
import { betaRoutes } from './routes.ts';
import { countPeople, listWaiting, setPeopleMax } from './store.ts';
import type { BetaStatus, Line } from './types.ts';
import { createWaitingList, type WaitingDeps } from './waiting.ts';

export { createAdmission } from './admission.ts';
export { betaErrors } from './errors.ts';

export interface Beta {
  readonly routes: readonly RouteDefinition[];
  /** Tells the database how many people there may be. */
  start(): Promise<void>;
  /** Forgets who waited in vain or was let in long ago. */
  prune(): Promise<number>;
}

/** Opens nothing; `start` does. */
export function createBeta(deps: WaitingDeps, policy: SignUpPolicy): Beta {
  const waiting = createWaitingList(deps);
  const codes = createCodes(deps);
  const status: BetaStatus = async () => ({
    signUp: policy.mode,
    peopleMax: policy.peopleMax ?? null,
    ...(await deps.db.system((tx) => countPeople(tx))),
  });
  const line: Line = (page) => deps.db.system((tx) => listWaiting(tx, page));
  return {
    routes: betaRoutes({ waiting, codes, status, line }),
    start: () => deps.db.system((tx) => setPeopleMax(tx, policy.peopleMax)),
    prune: waiting.prune,
  };
}
