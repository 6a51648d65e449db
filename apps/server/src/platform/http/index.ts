/** The HTTP edge: routes are declared by modules and served here. */

export { actorOf } from './actor.ts';
export { isSameOrigin, presentedKey, presentedSession, SESSION_COOKIE } from './credential.ts';
export { replaceAnswer } from './idempotency.ts';
export type { Per, RouteLimit } from './limit.ts';
export { openApi } from './openapi.ts';
export { fieldErrors, parse, pointer } from './parse.ts';
export { normalizeError, toProblem } from './problem.ts';
export { sourceOf, type TrustedProxies } from './proxies.ts';
export type { Refused } from './refused.ts';
export { pageHeaders } from './security-headers.ts';
export { createHttp, type HttpOptions } from './server.ts';
export {
  type Answer,
  type Call,
  type LimitVerdict,
  type MemberRole,
  type PageAnswer,
  type Principal,
  type RouteDefinition,
  route,
  type Sessions,
} from './types.ts';
export { receiveFile } from './upload.ts';
