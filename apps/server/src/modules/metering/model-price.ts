/** What a provider asks for its models, purely: a row of the price book and a use in, whole nano-USD out. */
import type { PriceBook } from './types.ts';

/** Nano-USD per million tokens. */
export interface TokenRates {
  /** Also what is asked for text that is embedded. */
  readonly input: bigint;
  readonly cachedInput: bigint;
  /** Written to the provider's prompt cache for minutes. */
  readonly cacheWrite: bigint;
  /** Written to it for an hour. */
  readonly cacheWriteLong: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
}

/** A call with more input than this is priced by these rates as a whole. */
export interface RateTier extends TokenRates {
  readonly aboveInputTokens: number;
}

/** One row of the price book. Frozen: a new price is a new row. */
export interface ModelPrice extends TokenRates {
  /** Recorded with each call, which can so be priced again for ever. */
  readonly id: string;
  readonly kind: string;
  /** As the provider calls it; `*` for every model of the kind that has no row of its own. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly effectiveFrom: Date;
  /** Ascending. */
  readonly tiers: readonly RateTier[];
  readonly perImage: bigint;
  readonly perRequest: bigint;
  /** Undefined: unknown. */
  readonly contextTokens: number | undefined;
  readonly outputTokensMax: number | undefined;
  readonly embeds: boolean;
  /** Where the price was read, and when. */
  readonly source: string;
}

/** A row to publish. Without `effectiveFrom` it is in force at once. */
export type NewModelPrice = Omit<ModelPrice, 'id' | 'effectiveFrom'> & { readonly effectiveFrom?: Date | undefined };

/** Whole numbers, zero or more. `input` and `output` are totals; what exceeds its total is cut to it. */
export interface PricedUse {
  readonly input: number;
  readonly output: number;
  /** Of `input`. */
  readonly cached: number;
  /** Of `input`. */
  readonly cacheWrite: number;
  /** Of `cacheWrite`: kept for an hour. */
  readonly cacheWriteLong?: number | undefined;
  /** Of `output`. */
  readonly reasoning: number;
  readonly images: number;
}

/** What a call may use at most. */
export interface UseBounds {
  readonly inputTokensMax: number;
  /** Of each answer. */
  readonly outputTokensMax: number;
  /** Read and made, of all answers together. Default 0. */
  readonly images?: number | undefined;
  /** How many answers are asked for. Default 1. */
  readonly n?: number | undefined;
}

const MILLION = 1_000_000n;
/** Hundredths of a per cent in a whole. */
export const BASIS_POINTS = 10_000n;

/** Of numbers that are not negative. */
export const ceilDivide = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
function greatest(...values: readonly bigint[]): bigint {
  let top = 0n;
  for (const value of values) if (value > top) top = value;
  return top;
}

/** A negative count would pay the customer. */
function whole(count: number): bigint {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${count} is no number of tokens`);
  return BigInt(count);
}

const ratesFor = (price: ModelPrice, input: number): TokenRates =>
  price.tiers.findLast((tier) => input > tier.aboveInputTokens) ?? price;

/** What the provider asks for a call. Exact; rounded up once, at the end. @throws RangeError for a count that is negative or no whole number */
export function providerCost(price: ModelPrice, use: PricedUse): bigint {
  const rates = ratesFor(price, use.input);
  const input = whole(use.input);
  const cached = least(whole(use.cached), input);
  const written = least(whole(use.cacheWrite), input - cached);
  const long = least(whole(use.cacheWriteLong ?? 0), written);
  const output = whole(use.output);
  const reasoning = least(whole(use.reasoning), output);
  const tokens =
    (input - cached - written) * rates.input +
    cached * rates.cachedInput +
    (written - long) * rates.cacheWrite +
    long * rates.cacheWriteLong +
    (output - reasoning) * rates.output +
    reasoning * rates.reasoning;
  return ceilDivide(tokens, MILLION) + whole(use.images) * price.perImage + price.perRequest;
}

/** The most that `providerCost` is for any use within the bounds, whichever tier it falls in and whatever kind its tokens are. */
export function worstCost(price: ModelPrice, bounds: UseBounds): bigint {
  const inputMax = whole(bounds.inputTokensMax);
  const outputMax = whole(bounds.outputTokensMax) * whole(bounds.n ?? 1);
  const reached = price.tiers.filter((tier) => tier.aboveInputTokens < bounds.inputTokensMax);
  const worst = [price, ...reached].map((rates, index) => {
    const next = price.tiers[index];
    const input = next ? least(inputMax, BigInt(next.aboveInputTokens)) : inputMax;
    const dearest = greatest(rates.input, rates.cachedInput, rates.cacheWrite, rates.cacheWriteLong);
    return ceilDivide(input * dearest + outputMax * greatest(rates.output, rates.reasoning), MILLION);
  });
  return greatest(...worst) + whole(bounds.images ?? 0) * price.perImage + price.perRequest;
}

/** What the customer pays for what a provider asks: that and the markup, rounded up. */
export function customerCost(book: PriceBook, providerCostNanos: bigint): bigint {
  return ceilDivide(providerCostNanos * (BASIS_POINTS + BigInt(book.markupBasisPoints)), BASIS_POINTS);
}

/** Which row prices which model at one time, of one kind of provider. */
export interface PriceIndex {
  /** By its name, else by an alias, else the kind's `*`. */
  find(kind: string, name: string): ModelPrice | undefined;
  /** The rows in force, by kind and name. */
  list(): readonly ModelPrice[];
}

const keyOf = (kind: string, name: string): string => `${kind}/${name}`;

/** The rows in force at a time, among all rows in the order they were published. */
export function indexPrices(rows: readonly ModelPrice[], at: Date): PriceIndex {
  const byName = new Map<string, ModelPrice>();
  for (const row of rows) {
    if (row.effectiveFrom > at) continue;
    const key = keyOf(row.kind, row.name);
    const known = byName.get(key);
    if (!known || row.effectiveFrom >= known.effectiveFrom) byName.set(key, row);
  }
  const byAlias = new Map<string, ModelPrice>();
  for (const row of byName.values()) for (const alias of row.aliases) byAlias.set(keyOf(row.kind, alias), row);
  return {
    find: (kind, name) =>
      byName.get(keyOf(kind, name)) ?? byAlias.get(keyOf(kind, name)) ?? byName.get(keyOf(kind, '*')),
    list: () => [...byName.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
  };
}
