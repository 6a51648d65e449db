/** Rates per subject, shared by all processes through PostgreSQL, or Redis where there is one. */
export { limitsErrors } from './errors.ts';
export { createRateLimiter, type RateLimiter, type RateLimiterOptions } from './limiter.ts';
export { createPostgresRateStore } from './postgres-store.ts';
export { createRedisRateStore, type RedisRateStore } from './redis-store.ts';
export type { RateGrant, RateRequest, RateRule, RateStore, RateVerdict } from './types.ts';
export { rateLimitHeaders, tooManyRequests } from './verdict.ts';
