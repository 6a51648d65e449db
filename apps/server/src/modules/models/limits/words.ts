/** What limits say to HTTP, in the words of the standard and in those that OpenAI's clients read. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { limitsErrors, type RateStanding, rateLimitHeaders } from '../../../platform/limits/index.ts';

export type Counted = 'requests' | 'tokens';

/** The standard's headers speak of requests, or of tokens where they are what refuses; OpenAI's name both apart. */
export function headersOf(what: Counted, standing: RateStanding): Readonly<Record<string, string>> {
  return {
    ...(what === 'requests' || !standing.allowed ? rateLimitHeaders(standing) : {}),
    [`x-ratelimit-limit-${what}`]: String(standing.limit),
    [`x-ratelimit-remaining-${what}`]: String(standing.remaining),
    [`x-ratelimit-reset-${what}`]: `${standing.resetSeconds}s`,
  };
}

/** The verdict that refuses, else the one with the smaller share left. */
export function tighter<T extends RateStanding>(a: T, b: T): T {
  if (a.allowed !== b.allowed) return a.allowed ? b : a;
  return a.remaining / a.limit <= b.remaining / b.limit ? a : b;
}

/** A 429 that brings its headers. */
export class CallLimitError extends GuildhallError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(what: Counted, standing: RateStanding) {
    super(limitsErrors.exceeded, {
      detail: `The limit is ${standing.limit} ${what} per ${standing.windowSeconds} seconds.`,
      members: { retryAfterSeconds: standing.resetSeconds },
    });
    this.headers = headersOf(what, standing);
  }
}
