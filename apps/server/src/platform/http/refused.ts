/** Refusals to somebody known: what the audit trail must hear of, beside what they were let do. */
import type { FastifyRequest } from 'fastify';
import type { Principal } from './types.ts';

export interface Refused {
  readonly principal: Principal;
  /** As it is declared, not as it was asked for: `GET /v1/runs/:id`. */
  readonly route: string;
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
}

const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404]);
// Who sent a request, as soon as that is known; a request that has ended is forgotten with it.
const callers = new WeakMap<FastifyRequest, Principal>();

export const noteCaller = (request: FastifyRequest, principal: Principal): void => {
  callers.set(request, principal);
};

/** Undefined for what was not refused, and for who is not known. */
export function refusedIn(request: FastifyRequest, status: number, code: string | undefined): Refused | undefined {
  const principal = callers.get(request);
  if (!principal || code === undefined || !REFUSALS.has(status)) return undefined;
  const route = `${request.method} ${request.routeOptions.url ?? 'unmatched'}`;
  return { principal, route, status, code, requestId: request.id };
}
