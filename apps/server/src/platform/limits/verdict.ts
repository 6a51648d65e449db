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

/** One call too many, with the headers that its answer carries wherever it is thrown. */
export class RateLimitError extends GuildhallError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(verdict: RateStanding, detail: string) {
    super(limitsErrors.exceeded, {
      detail,
      members: { retryAfterSeconds: verdict.resetSeconds },
    });
    this.headers = rateLimitHeaders(verdict);
  }
}

/** The refusal to throw for a verdict that does not allow. */
export const tooManyRequests = (verdict: RateStanding, what = 'requests'): RateLimitError =>
  new RateLimitError(verdict, `The limit is ${verdict.limit} ${what} per ${verdict.windowSeconds} seconds.`);

/** Of several, the one that refuses; where none or all do, the one of which the smallest share is left. */
export function tightest<T extends RateStanding>(standings: readonly T[]): T | undefined {
  const share = ({ allowed, remaining, limit }: T): number => (allowed ? remaining / limit : -limit);
  return standings.toSorted((a, b) => share(a) - share(b) || b.resetSeconds - a.resetSeconds)[0];
}
