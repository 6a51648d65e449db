/** A process that makes many calls under one rule and sends its parent how many were admitted. */
import { createHash } from 'node:crypto';
import { systemClock } from '../../clock/index.ts';
import { Secret } from '../../crypto/index.ts';
import { createDb } from '../../db/index.ts';
import { createPostgresRateStore, createRateLimiter, createRedisRateStore, type RateStore } from '../index.ts';

const [limit = '0', calls = '0', kind, ...urls] = process.argv.slice(2);

async function openRedis(): Promise<{ store: RateStore; close: () => unknown }> {
  const store = await createRedisRateStore(new Secret(urls[0] ?? ''));
  await store.ping();
  return { store, close: store.close };
}

function openPostgres(): { store: RateStore; close: () => unknown } {
  const [appUrl = '', systemUrl = ''] = urls;
  const sizes = { appPoolMax: 2, systemPoolMax: 1 };
  const db = createDb({ appUrl, systemUrl, ...sizes, applicationName: 'flood', onIdleError: () => {} });
  return { store: createPostgresRateStore(db), close: db.close };
}

const { store, close } = kind === 'redis' ? await openRedis() : openPostgres();
const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
// As in stores.ts: what is counted, not how soon.
const limiter = createRateLimiter({ store: { ...store, answersWithinMs: 30_000 }, clock: systemClock, hash });
const rule = { name: 'flood', limit: Number(limit), windowSeconds: 600, onStoreFailure: 'closed' } as const;
let admitted = 0;
const oneAfterAnother = async (): Promise<void> => {
  for (let i = 0; i < Number(calls) / 4; i += 1) if ((await limiter.take(rule, 'org_a')).allowed) admitted += 1;
};
await Promise.all(Array.from({ length: 4 }, oneAfterAnother));
await close();
process.send?.(admitted, () => process.disconnect());
