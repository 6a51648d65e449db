/** Prices, purely: a price book and a question in, whole nano-USD out. */
import { GuildhallError } from '../../platform/errors/index.ts';
import { meteringErrors } from './errors.ts';
import type { PriceBook, Tier } from './types.ts';

const BASIS_POINTS = 10_000n;

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

export interface ModelUse {
  readonly tokens: number;
  /** What the provider asks for all of them. */
  readonly providerCostNanos: bigint;
}

/**
 * The price of model use beyond the tier's included tokens: the provider's cost of that share, plus the markup, rounded up so that a
 * fraction of a nano is never given away twice. Nothing where the tokens are all the customer's.
 */
export function modelPrice(book: PriceBook, tier: Tier, use: ModelUse): bigint {
  if (tier.includedTokens === undefined || use.tokens <= tier.includedTokens) return 0n;
  const beyond = BigInt(use.tokens - tier.includedTokens);
  const dividend = use.providerCostNanos * beyond * (BASIS_POINTS + BigInt(book.markupBasisPoints));
  const divisor = BigInt(use.tokens) * BASIS_POINTS;
  return (dividend + divisor - 1n) / divisor;
}

/** What a run costs: base price and model use. */
export function runPrice(book: PriceBook, agentId: string, tierId: string, use?: ModelUse): bigint {
  return basePrice(book, agentId, tierId) + (use ? modelPrice(book, tierOf(book, tierId), use) : 0n);
}
