/** A verdict in the words of HTTP. */
import { GuildhallError } from '../errors/index.ts';
import { limitsErrors } from './errors.ts';
import type { RateStanding } from './types.ts';

/** The same headers on every limited answer, refused or not; `retry-after` only where the call was refused. */
export function rateLimitHeaders(verdict: RateStanding): Readonly<Record<string, string>> {
  return {
    'ratelimit-limit': String(verdict.limit),
    'ratelimit-remaining': String(verdict.remaining),
    'ratelimit-reset': String(verdict.resetSeconds),
    'ratelimit-policy': `${verdict.limit};w=${verdict.windowSeconds}`,
    ...(verdict.allowed ? {} : { 'retry-after': String(verdict.resetSeconds) }),
  };
}

/** The refusal to throw for a verdict that does not allow. */
export function tooManyRequests(verdict: RateStanding, what = 'requests'): GuildhallError {
  return new GuildhallError(limitsErrors.exceeded, {
    detail: `The limit is ${verdict.limit} ${what} per ${verdict.windowSeconds} seconds.`,
    members: { retryAfterSeconds: verdict.resetSeconds },
  });
}
