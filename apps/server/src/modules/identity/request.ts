/** Who sends a request of people, and where it comes from. */
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../../platform/http/index.ts';
import { parseEmail } from './people/email.ts';
import { deviceOf } from './sessions/cookie.ts';
import type { Attempt, Self } from './types.ts';

/** What is no address is kept as it is: it belongs to nobody. */
export function attemptOf(call: { readonly raw: FastifyRequest; readonly requestId: string }, email: string): Attempt {
  return {
    ip: call.raw.ip,
    email: parseEmail(email)?.folded ?? email.toLowerCase(),
    device: deviceOf(call.raw),
    userAgent: call.raw.headers['user-agent'] ?? '',
    requestId: call.requestId,
  };
}

export const selfOf = (call: { readonly principal: Principal; readonly requestId: string }): Self => ({
  // The edge lets people alone come to routes of scope `person`.
  personId: call.principal.personId ?? '',
  sessionId: call.principal.sessionId,
  requestId: call.requestId,
});
