/** What the browser keeps between going out to a provider and coming back. */
import type { FastifyReply, FastifyRequest } from 'fastify';

export const FLOW_COOKIE = '__Host-guildhall-sign-in';

// Lax, because the browser comes back from another site.
const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const;
const SECONDS = 600;

export const setFlowCookie = (reply: FastifyReply, browser: string): void => {
  reply.setCookie(FLOW_COOKIE, browser, { ...ATTRIBUTES, maxAge: SECONDS });
};

export const clearFlowCookie = (reply: FastifyReply): void => {
  reply.clearCookie(FLOW_COOKIE, ATTRIBUTES);
};

export const flowOf = (request: FastifyRequest): string | undefined => request.cookies[FLOW_COOKIE];
