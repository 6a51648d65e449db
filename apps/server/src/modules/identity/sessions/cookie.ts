/** The cookies of people. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_COOKIE } from '../../../platform/http/index.ts';
import type { Begun } from './service.ts';

/** By which a device is known that a person came from before. It opens nothing. */
export const DEVICE_COOKIE = '__Host-guildhall-device';

const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const;
// As long as a session can last.
const SESSION_SECONDS = 24 * 3_600;
// The longest that browsers keep one.
const DEVICE_SECONDS = 400 * 24 * 3_600;

export function setSessionCookie(reply: FastifyReply, begun: Begun): void {
  reply.setCookie(SESSION_COOKIE, begun.token, { ...ATTRIBUTES, maxAge: SESSION_SECONDS });
  if (begun.deviceToken !== undefined)
    reply.setCookie(DEVICE_COOKIE, begun.deviceToken, { ...ATTRIBUTES, maxAge: DEVICE_SECONDS });
}

export function clearSessionCookie(reply: FastifyReply): void {
  reply.clearCookie(SESSION_COOKIE, ATTRIBUTES);
}

export const deviceOf = (request: FastifyRequest): string | undefined => request.cookies[DEVICE_COOKIE];
