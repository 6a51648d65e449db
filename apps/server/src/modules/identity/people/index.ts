/** The door of people: sign-up, verification, and their own account. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { loadCommonPasswords } from './common-passwords.ts';
import type { PeopleDeps } from './deps.ts';
import { peopleErrors } from './errors.ts';
import { findPasswordFault } from './password-rules.ts';
import { peopleRoutes } from './routes.ts';
import { createSignUp, type SignUp } from './sign-up.ts';

export { type Email, parseEmail } from './email.ts';
export { peopleErrors } from './errors.ts';
export { createLinks, type Links } from './links.ts';
export { createPasswords, type Passwords } from './password.ts';
export type { Person } from './types.ts';

export interface People extends SignUp {
  readonly routes: readonly RouteDefinition[];
}

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
  const signUp = createSignUp(deps);
  return { ...signUp, routes: peopleRoutes(deps, signUp) };
}
