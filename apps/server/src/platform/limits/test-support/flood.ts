/** A process that makes many calls under one rule and sends its parent how many were admitted. */
import { createHash } from 'node:crypto';
import { systemClock } from '../../clock/index.ts';
import { createDb } from '../../db/index.ts';
import { createPostgresRateStore, createRateLimiter } from '../index.ts';

const [appUrl = '', systemUrl = '', limit = '0', calls = '0'] = process.argv.slice(2);
const db = createDb({
  appUrl,
  systemUrl,
  appPoolMax: 2,
  systemPoolMax: 1,
  applicationName: 'flood',
  onIdleError: () => {},
});
const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const limiter = createRateLimiter({ store: createPostgresRateStore(db), clock: systemClock, hash });
const rule = { name: 'flood', limit: Number(limit), windowSeconds: 600, onStoreFailure: 'closed' } as const;
let admitted = 0;
const oneAfterAnother = async (): Promise<void> => {
  for (let i = 0; i < Number(calls) / 4; i += 1) if ((await limiter.take(rule, 'org_a')).allowed) admitted += 1;
};
await Promise.all(Array.from({ length: 4 }, oneAfterAnother));
await db.close();
process.send?.(admitted, () => process.disconnect());
