/** The door of sessions: signing in and out, and who a cookie belongs to. */
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { createSessionAuthenticator, type SessionAuthenticator } from './authenticator.ts';
import { sessionRoutes } from './routes.ts';
import { createSessionService, type SessionService } from './service.ts';
import { createSignIn, type SignIn, type SignInDeps } from './sign-in.ts';

export { DEVICE_COOKIE, setSessionCookie } from './cookie.ts';
export { sessionErrors } from './errors.ts';
export { signInAnswer } from './routes.ts';
export type { Begun, SessionService } from './service.ts';
export type { SignInOutcome } from './sign-in.ts';
export { endSessions } from './store.ts';
export type { Session, SessionMethod } from './types.ts';

export interface Sessions extends SessionService, SessionAuthenticator, SignIn {
  readonly routes: readonly RouteDefinition[];
}

/** Opens nothing; `start` does. */
export function createSessions(given: Omit<SignInDeps, 'sessions'>): Sessions {
  const sessions = createSessionService(given);
  const deps = { ...given, sessions };
  const signIn = createSignIn(deps);
  return { ...sessions, ...createSessionAuthenticator(deps), ...signIn, routes: sessionRoutes(sessions, signIn) };
}
