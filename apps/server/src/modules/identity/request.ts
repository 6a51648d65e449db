/** Who sends a request of people, and where it comes from. */
import { type Call, type Principal, SESSION_COOKIE } from '../../platform/http/index.ts';
import { parseEmail } from './people/email.ts';
import { deviceOf } from './sessions/cookie.ts';
import type { Attempt, Self } from './types.ts';

/** What is no address is kept as it is: it belongs to nobody. */
export function attemptOf(
  call: Pick<Call<unknown, unknown, unknown>, 'raw' | 'requestId' | 'overLimit'>,
  email: string,
): Attempt {
  return {
    ip: call.raw.ip,
    email: parseEmail(email)?.folded ?? email.toLowerCase(),
    device: deviceOf(call.raw),
    session: call.raw.cookies[SESSION_COOKIE],
    userAgent: call.raw.headers['user-agent'] ?? '',
    requestId: call.requestId,
    overLimit: call.overLimit,
  };
}

export const selfOf = (call: { readonly principal: Principal; readonly requestId: string }): Self => ({
  // The edge lets people alone come to routes of scope `person`.
  personId: call.principal.personId ?? '',
  sessionId: call.principal.sessionId,
  requestId: call.requestId,
});
