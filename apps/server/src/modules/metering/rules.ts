/** Prices, purely: a price book and a question in, whole nano-USD out. */
import { GuildhallError } from '../../platform/errors/index.ts';
import { meteringErrors } from './errors.ts';
import { BASIS_POINTS, ceilDivide, customerCost } from './model-price.ts';
import type { PriceBook, Tier } from './types.ts';

/** @throws metering.tier-not-found */
export function tierOf(book: PriceBook, tierId: string = book.defaultTier): Tier {
  const tier = book.tiers.find((candidate) => candidate.id === tierId);
  if (!tier) {
    const known = book.tiers.map((candidate) => candidate.id).join(', ');
    throw new GuildhallError(meteringErrors.tier, {
      detail: `The tiers are ${known}.`,
      errors: [{ path: '/tier', message: `must be one of ${known}` }],
    });
  }
  return tier;
}

/** The tiers on sale for an agent with its base price in each, in the order of the card. */
export function tiersFor(book: PriceBook, agentId: string): { readonly id: string; readonly priceNanos: bigint }[] {
  return book.tiers.map((tier) => ({ id: tier.id, priceNanos: basePrice(book, agentId, tier.id) }));
}

/** What one run of the agent costs before any model use beyond the included tokens. @throws metering.tier-not-found */
export function basePrice(book: PriceBook, agentId: string, tierId: string = book.defaultTier): bigint {
  const own = book.agentPrices.find((price) => price.agentId === agentId && price.tierId === tierId);
  return own?.baseNanos ?? tierOf(book, tierId).baseNanos;
}

/** One call of a model in a run. */
export interface ModelUse {
  /** What the calls of the run before this one used. */
  readonly tokensBefore: number;
  readonly tokens: number;
  /** What the provider asks for this call. */
  readonly providerCostNanos: bigint;
}

/**
 * The price of a call in a run: the provider's cost of the share of its tokens beyond what the tier still includes, plus the markup,
 * rounded up so that a fraction of a nano is never given away twice. Never above `customerCost` of the call, and just that once the
 * included tokens are used up. Nothing where the tokens are all the customer's.
 */
export function modelPrice(book: PriceBook, tier: Tier, use: ModelUse): bigint {
  if (tier.includedTokens === undefined) return 0n;
  const included = Math.max(tier.includedTokens - use.tokensBefore, 0);
  if (included === 0) return customerCost(book, use.providerCostNanos);
  if (use.tokens <= included) return 0n;
  const dividend =
    use.providerCostNanos * BigInt(use.tokens - included) * (BASIS_POINTS + BigInt(book.markupBasisPoints));
  return ceilDivide(dividend, BigInt(use.tokens) * BASIS_POINTS);
}
