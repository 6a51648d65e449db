/** What a redirect may carry to the next address. */
import { GuildhallError } from '../errors/index.ts';
import { egressErrors } from './errors.ts';
import { denied, parseTarget, type Target } from './target.ts';
import type { EgressRequest } from './types.ts';

export interface Hop {
  readonly target: Target;
  readonly request: EgressRequest;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
// Every other header may be a credential under a name we do not know.
const HARMLESS = new Set(['accept', 'accept-language', 'user-agent']);

export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

function withoutBody(request: EgressRequest): EgressRequest {
  const { body: _, headers = {}, ...rest } = request;
  const kept = Object.entries(headers).filter(([name]) => !name.toLowerCase().startsWith('content-'));
  return { ...rest, method: request.method === 'HEAD' ? 'HEAD' : 'GET', headers: Object.fromEntries(kept) };
}

/**
 * The next hop, by the rules of fetch where those are safe. Another origin gets no header that could be a credential and no body;
 * https never leads to http. @throws egressErrors.denied, .badResponse
 */
export function nextHop(from: Hop, status: number, location: string | undefined): Hop {
  if (!location || !URL.canParse(location, from.target.url.href))
    throw new GuildhallError(egressErrors.badResponse, { detail: 'The redirect names no address.' });
  // A relative location is judged in its absolute form; an absolute one as it was written, before any parser smoothed it.
  const text =
    /^[a-z][a-z0-9+.-]*:/i.test(location) || /[\\\s]/.test(location)
      ? location
      : new URL(location, from.target.url.href).href;
  const target = parseTarget(text);
  if (from.target.secure && !target.secure) throw denied('A redirect from https to http is not followed.');
  const method = from.request.method ?? 'GET';
  const changesToGet = status === 303 || ((status === 301 || status === 302) && method === 'POST');
  const request = changesToGet ? withoutBody(from.request) : from.request;
  if (target.url.origin === from.target.url.origin) return { target, request };
  if (request.body !== undefined) throw denied('A redirect to another host is not followed with a body.');
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).filter(([name]) => HARMLESS.has(name.toLowerCase())),
  );
  // Whoever leaves a trusted origin does not come back to it trusted.
  const { trustedOrigin: _, ...rest } = request;
  return { target, request: { ...rest, headers } };
}
