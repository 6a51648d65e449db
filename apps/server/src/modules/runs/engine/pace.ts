/** How fast an organisation may start runs: by tier, a minute and an hour. */
import { type RateRule, tooManyRequests } from '../../../platform/limits/index.ts';
import type { RunsDeps } from '../deps.ts';
import type { Quote } from './start.ts';

/** Counts a start. Call it before the transaction: it may ask the shared store. @throws 429. */
export async function assertPace(deps: RunsDeps, orgId: string, priced: Quote): Promise<void> {
  const { tier } = priced;
  const rules: readonly RateRule[] = [
    { name: `starts-minute-${tier.id}`, limit: tier.requestsPerMinute, windowSeconds: 60, onStoreFailure: 'open' },
    { name: `starts-hour-${tier.id}`, limit: tier.runsPerHour, windowSeconds: 3_600, onStoreFailure: 'open' },
  ];
  for (const rule of rules) {
    const verdict = await deps.limiter.take(rule, orgId);
    if (!verdict.allowed) throw tooManyRequests(verdict);
  }
}
