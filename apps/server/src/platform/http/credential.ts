/** Who sent a request, and whether a route is open to them. */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { authErrors } from './errors.ts';
import type { Principal, RouteDefinition, Sessions } from './types.ts';

/** The prefix makes browsers refuse it for other hosts, other paths and without TLS. */
export const SESSION_COOKIE = '__Host-guildhall';

// As long as a factor counts as just shown.
const FRESH_MS = 10 * 60_000;
const TOKEN = /^[\w-]{43}$/;

const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?=:|$)/;
const withoutName = (origin: string): string => origin.replace(LOOPBACK, 'http://127.0.0.1');

/** Whether two origins are one. This machine has three names, and whoever types one of them means the same server. */
export const isSameOrigin = (one: string, other: string): boolean => withoutName(one) === withoutName(other);

/** An API key or an access token. It goes before a cookie: who sends one means it. */
export function presentedKey(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  const bearer = authorization?.match(/^Bearer ([^\s]{1,4096})$/i)?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' ? header : undefined);
}

/** The token of a session; undefined for a cookie that cannot be one of ours. */
export function presentedSession(request: FastifyRequest): string | undefined {
  const token = request.cookies[SESSION_COOKIE];
  return token !== undefined && TOKEN.test(token) ? token : undefined;
}

/** The organisation a person names for this request. */
export function namedOrganisation(request: FastifyRequest): string | undefined {
  const header = request.headers['guildhall-organisation'];
  return typeof header === 'string' ? header : undefined;
}

const isRead = (request: FastifyRequest): boolean => request.method === 'GET' || request.method === 'HEAD';

/**
 * A browser adds the cookie to whatever any page sends, so a change needs what only our own pages can add: a header of ours, and the origin
 * that browsers themselves write. @throws 403 `auth.cross-site`
 */
export function assertOwnPage(request: FastifyRequest, sessions: Sessions): void {
  if (isRead(request)) return;
  const { origin } = request.headers;
  const isOwn =
    origin === undefined ? request.headers['sec-fetch-site'] === 'same-origin' : sessions.isOwnOrigin(origin);
  if (!isOwn || request.headers['guildhall-request'] !== '1') throw new GuildhallError(authErrors.crossSite);
}

/** Without a cookie there is nothing to misuse but the sign-in itself: no foreign page may put somebody into a session. */
export function assertNoForeignPage(request: FastifyRequest, sessions: Sessions): void {
  const { origin } = request.headers;
  if (isRead(request) || origin === undefined || sessions.isOwnOrigin(origin)) return;
  throw new GuildhallError(authErrors.crossSite);
}

/** @throws 403 for what the caller may not do, 401 `auth.step-up-required` for what they may do after showing a factor again. */
export function assertOpen(route: RouteDefinition, principal: Principal, clock: Clock): void {
  const isPerson = principal.personId !== undefined;
  if (isPerson && principal.isVerified === false && !route.unverified) throw new GuildhallError(authErrors.notVerified);
  if (route.scope === 'person') {
    if (!isPerson) throw new GuildhallError(authErrors.personNeeded);
  } else if (route.scope === 'directory') {
    if (!principal.isDirectory) throw new GuildhallError(authErrors.directoryNeeded);
  } else if (principal.refusal) {
    throw new GuildhallError(principal.refusal);
  } else if (route.scope !== 'public' && !principal.scopes.includes(route.scope)) {
    throw new GuildhallError(authErrors.scope, { detail: `It lacks the scope "${route.scope}".` });
  }
  if (!route.stepUp || !isPerson) return;
  const ageMs = clock.now().getTime() - (principal.authenticatedAt?.getTime() ?? Number.NEGATIVE_INFINITY);
  if (ageMs > FRESH_MS) throw new GuildhallError(authErrors.stepUpRequired);
}
