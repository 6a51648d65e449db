import { expect, test } from 'vitest';
import { basePrice, modelPrice, tierOf, tiersFor } from './rules.ts';
import type { PriceBook, Tier } from './types.ts';

const tier = (id: string, baseNanos: bigint, includedTokens: number | undefined): Tier => ({
  id,
  baseNanos,
  modelClass: 'small',
  includedTokens,
  outputTokensMax: 2_048,
  requestsPerMinute: 20,
  runsPerHour: 60,
  concurrentRuns: 1,
  tokensPerDay: undefined,
});
const book: PriceBook = {
  version: 7,
  effectiveFrom: new Date('2026-01-01T00:00:00Z'),
  markupBasisPoints: 1_400,
  defaultTier: 'basic',
  note: 'for a test',
  tiers: [tier('basic', 9_500_000n, 10_000), tier('byok', 2_000_000n, undefined)],
  agentPrices: [{ agentId: 'dear', tierId: 'basic', baseNanos: 90_000_000n }],
};

test.each([
  ['alpha', undefined, 9_500_000n],
  ['alpha', 'byok', 2_000_000n],
  ['dear', 'basic', 90_000_000n],
  ['dear', 'byok', 2_000_000n],
])('a run of %s in tier %s costs its base price', (agent, tierId, nanos) => {
  expect(basePrice(book, agent, tierId)).toBe(nanos);
});

test('a tier that does not exist is refused with those that do', () => {
  const refusal = expect.objectContaining({
    spec: expect.objectContaining({ code: 'metering.tier-not-found', status: 422 }),
    details: expect.objectContaining({ detail: 'The tiers are basic, byok.' }),
  });
  expect(() => basePrice(book, 'alpha', 'gold')).toThrow(refusal);
});

test.each([
  ['within the included tokens', 10_000, 700n, 0n],
  // Half of the tokens are beyond: half of 1,000, and 14 % of that.
  ['beyond them, at cost plus markup', 20_000, 1_000n, 570n],
  // 1/10,001 of 1,000 nanos, plus 14 %, is 0.114 nanos.
  ['for a fraction of a nano, rounded up', 10_001, 1_000n, 1n],
  ['of a provider that asks for nothing', 50_000, 0n, 0n],
])('model use %s', (_, tokens, providerCostNanos, nanos) => {
  expect(modelPrice(book, tierOf(book), { tokensBefore: 0, tokens, providerCostNanos })).toBe(nanos);
});

test("with a model key of one's own only the platform fee is due", () => {
  const use = { tokensBefore: 0, tokens: 1_000_000, providerCostNanos: 5_000n };
  expect(modelPrice(book, tierOf(book, 'byok'), use)).toBe(0n);
});

test('the catalogue sees every tier with the price of that agent', () => {
  expect(tiersFor(book, 'dear')).toEqual([
    { id: 'basic', priceNanos: 90_000_000n },
    { id: 'byok', priceNanos: 2_000_000n },
  ]);
});
