/** The door of people: sign-up, verification, and their own account. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { loadCommonPasswords } from './common-passwords.ts';
import type { PeopleDeps } from './deps.ts';
import { peopleErrors } from './errors.ts';
import { findPasswordFault } from './password-rules.ts';
import { createRecovery } from './recovery.ts';
import { type PeopleUseCases, peopleRoutes } from './routes.ts';
import { createSignUp } from './sign-up.ts';
import { createStanding } from './standing.ts';
import { prunePeople } from './store.ts';

export { type Email, parseEmail } from './email.ts';
export { peopleErrors } from './errors.ts';
export { createLinks, type Links } from './links.ts';
export { createPasswords, type Passwords } from './password.ts';
export type { Person } from './types.ts';

export interface People extends PeopleUseCases {
  /** Forgets what is over; resolves with the number of rows. */
  prune(): Promise<number>;
  readonly routes: readonly RouteDefinition[];
}

// As long as mails and answers to retries.
const KEEP = '30 days';

/** Reads the list of common passwords, a quarter of a megabyte, and opens nothing. */
export function createPeople(given: Omit<PeopleDeps, 'assertStrong'>): People {
  const isCommon = loadCommonPasswords();
  const deps: PeopleDeps = {
    ...given,
    assertStrong: (password, owner, path = '/password') => {
      const message = findPasswordFault(password, owner, isCommon);
      if (message !== undefined) throw new GuildhallError(peopleErrors.weakPassword, { errors: [{ path, message }] });
    },
  };
  const people = { ...createSignUp(deps), ...createRecovery(deps), ...createStanding(deps) };
  return {
    ...people,
    prune: () => given.db.system((tx) => prunePeople(tx, KEEP)),
    routes: peopleRoutes(deps, people),
  };
}
