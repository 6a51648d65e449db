/** Which requests count against which limit. */

import { GuildhallError } from '../../platform/errors/index.ts';
import type { LimitVerdict, Principal, RouteDefinition } from '../../platform/http/index.ts';
import { type RateLimiter, type RateRule, rateLimitHeaders, tooManyRequests } from '../../platform/limits/index.ts';
import { authErrors } from '../identity/index.ts';

// A key at twice the fastest tier, an organisation at several keys, an address at what a person behind a proxy might do.
const KEY: RateRule = { name: 'key', limit: 2_400, windowSeconds: 60, onStoreFailure: 'open' };
const PUBLIC: RateRule = { name: 'public-ip', limit: 1_200, windowSeconds: 60, onStoreFailure: 'open' };
// Guessing keys is hopeless at 178 bits; this bounds what trying costs us.
const FAILED_KEYS: RateRule = { name: 'failed-keys-ip', limit: 60, windowSeconds: 60, onStoreFailure: 'closed' };
/** A call of a model is counted by its tier. */
const isModelCall = (route: RouteDefinition): boolean => route.method === 'POST' && route.scope === 'models:use';
// Answered by balancers and probes many times a minute, and without them nobody knows what is wrong.
const UNLIMITED = new Set(['Health']);

export interface HttpLimits {
  /** Counts a request that was let in. */
  count(input: { principal: Principal | undefined; ip: string; route: RouteDefinition }): Promise<LimitVerdict>;
  /** Authenticates, and counts keys that are no good by address. */
  authenticate(presented: string, ip: string): Promise<Principal>;
}

export function createHttpLimits(
  limiter: RateLimiter,
  authenticate: (presented: string) => Promise<Principal>,
  modelCalls: (principal: Principal) => Promise<LimitVerdict>,
): HttpLimits {
  return {
    count: async ({ principal, ip, route }) => {
      if (UNLIMITED.has(route.tag)) return { headers: {} };
      if (principal && isModelCall(route)) return modelCalls(principal);
      const verdict = principal
        ? await limiter.take(KEY, `${principal.orgId}/${principal.keyId}`)
        : await limiter.take(PUBLIC, ip);
      const headers = rateLimitHeaders(verdict);
      return verdict.allowed ? { headers } : { headers, refusal: tooManyRequests(verdict) };
    },
    authenticate: async (presented, ip) => {
      try {
        return await authenticate(presented);
      } catch (error) {
        if (!(error instanceof GuildhallError) || error.spec.code !== authErrors.invalidKey.code) throw error;
        const verdict = await limiter.take(FAILED_KEYS, ip);
        throw verdict.allowed ? error : tooManyRequests(verdict);
      }
    },
  };
}
