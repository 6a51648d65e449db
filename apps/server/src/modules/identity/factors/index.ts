/** The door of factors: code generators, passkeys, recovery codes, and what they are shown for. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import type { IdentityDeps, SecondFactor } from '../types.ts';
import { createChallenges } from './challenges.ts';
import type { FactorDeps } from './deps.ts';
import { organisationFactorRoutes } from './organisation.ts';
import { createPasskeys } from './passkeys.ts';
import { resetRoute } from './reset.ts';
import { factorRoutes } from './routes.ts';
import { createFactorService, type FactorService } from './service.ts';
import { createFactorSignIn, type FactorSignIn } from './sign-in.ts';
import { factorSignInRoutes } from './sign-in-routes.ts';
import { hasFactor, pruneFactors } from './store.ts';

export { factorErrors } from './errors.ts';

/** What sign-in asks of factors, before there are sessions. */
export function createSecondFactor(deps: IdentityDeps): SecondFactor {
  const challenges = createChallenges(deps);
  return {
    required: hasFactor,
    challenge: (tx, personId, purpose, source) =>
      challenges.make(tx, {
        personId,
        source,
        ...(purpose.type === 'sign-in'
          ? { purpose: 'sign-in', method: purpose.method, via: purpose.via }
          : { purpose: 'step-up', sessionId: purpose.sessionId }),
      }),
  };
}

export interface Factors extends FactorService, FactorSignIn {
  /** Forgets challenges and set-ups that are over; resolves with the number of rows. */
  prune(): Promise<number>;
  readonly routes: readonly RouteDefinition[];
}

// A challenge is over after minutes, a set-up that nobody ended after an hour or so.
const KEEP = '1 day';

/** Opens nothing. */
export function createFactors(given: Omit<FactorDeps, 'challenges' | 'passkeys'>): Factors {
  const deps = { ...given, challenges: createChallenges(given), passkeys: createPasskeys(given.publicUrl) };
  const [service, signIn] = [createFactorService(deps), createFactorSignIn(deps)];
  return {
    ...service,
    ...signIn,
    prune: () => deps.db.system((tx) => pruneFactors(tx, KEEP)),
    routes: [
      ...factorRoutes(service),
      ...factorSignInRoutes(signIn),
      ...organisationFactorRoutes(deps),
      resetRoute(deps),
    ],
  };
}
