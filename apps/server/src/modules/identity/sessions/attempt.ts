/** Where a request of somebody not signed in comes from. */
import type { FastifyRequest } from 'fastify';
import { parseEmail } from '../people/email.ts';
import type { Attempt } from '../types.ts';
import { deviceOf } from './cookie.ts';

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
