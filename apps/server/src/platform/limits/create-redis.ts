/** The way to Redis. */
import type { Secret } from '../crypto/index.ts';
import type { RedisRateStore } from './types.ts';

/** Its library takes 20 MB and a tenth of a second, so it is loaded only where it is used. The store is there before its connection is. */
export async function createRedisRateStore(url: Secret): Promise<RedisRateStore> {
  const { connectRedisRateStore } = await import('./redis-store.ts');
  return connectRedisRateStore(url);
}
