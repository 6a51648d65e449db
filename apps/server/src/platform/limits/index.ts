/** Rates per subject, shared by all processes through PostgreSQL, or Redis where there is one. */
export { createRedisRateStore } from './create-redis.ts';
export { limitsErrors } from './errors.ts';
export { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './limiter.ts';
export { createPostgresRateStore } from './postgres-store.ts';
export type {
  RateGrant,
  RateRequest,
  RateRule,
  RateStanding,
  RateStore,
  RateVerdict,
  RedisRateStore,
} from './types.ts';
export { RateLimitError, rateLimitHeaders, tightest, tooManyRequests } from './verdict.ts';
