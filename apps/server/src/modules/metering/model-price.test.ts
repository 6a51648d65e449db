import { expect, test } from 'vitest';
import {
  customerCost,
  indexPrices,
  type ModelPrice,
  type PricedUse,
  providerCost,
  type TokenRates,
  worstCost,
} from './model-price.ts';
import { modelPrice } from './rules.ts';
import type { PriceBook, Tier } from './types.ts';

const flat = (input: bigint, output: bigint): TokenRates => ({
  input,
  cachedInput: input,
  cacheWrite: input,
  cacheWriteLong: input,
  output,
  reasoning: output,
});
const price = (more: Partial<ModelPrice> = {}): ModelPrice => ({
  id: 'price_1',
  kind: 'openai',
  name: 'm',
  aliases: [],
  effectiveFrom: new Date('2026-01-01T00:00:00Z'),
  ...flat(3_000_000_000n, 15_000_000_000n),
  tiers: [],
  perImage: 0n,
  perRequest: 0n,
  contextTokens: undefined,
  outputTokensMax: undefined,
  embeds: false,
  source: 'for a test',
  ...more,
});
const use = (more: Partial<PricedUse> = {}): PricedUse => ({
  input: 0,
  output: 0,
  cached: 0,
  cacheWrite: 0,
  reasoning: 0,
  images: 0,
  ...more,
});
const cached = { cachedInput: 300_000_000n, cacheWrite: 3_750_000_000n, cacheWriteLong: 6_000_000_000n };
const tier = { aboveInputTokens: 200_000, ...flat(6_000_000_000n, 22_500_000_000n) };

test.each<[string, ModelPrice, PricedUse, bigint]>([
  ['input and output', price(), use({ input: 1_000, output: 100 }), 4_500_000n],
  [
    'cached and written input as parts of input',
    price(cached),
    use({ input: 1_000, cached: 600, cacheWrite: 300 }),
    1_605_000n,
  ],
  ['what is written for an hour', price(cached), use({ input: 300, cacheWrite: 300, cacheWriteLong: 100 }), 1_350_000n],
  [
    'reasoning as a part of output',
    price({ reasoning: 30_000_000_000n }),
    use({ output: 100, reasoning: 40 }),
    2_100_000n,
  ],
  ['up to the tier', price({ tiers: [tier] }), use({ input: 200_000 }), 600_000_000n],
  [
    'above it, the whole call by the tier',
    price({ tiers: [tier] }),
    use({ input: 200_001, output: 2 }),
    1_200_051_000n,
  ],
  ['images and the request', price({ perImage: 40n, perRequest: 7n }), use({ images: 3 }), 127n],
  ['a fraction of a nano, rounded up once', price(flat(1n, 1n)), use({ input: 1, output: 1 }), 1n],
  ['no more cached or written input than input', price(cached), use({ input: 10, cached: 50, cacheWrite: 50 }), 3_000n],
  ['no more reasoning than output', price(), use({ output: 10, reasoning: 90 }), 150_000n],
])('the provider is owed for %s', (_, row, what, nanos) => {
  expect(providerCost(row, what)).toBe(nanos);
});

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
  '%d tokens are no use: nobody is paid for using a model',
  (count) => {
    expect(() => providerCost(price(), use({ input: count }))).toThrow(RangeError);
    expect(() => providerCost(price(), use({ images: count }))).toThrow(RangeError);
  },
);

/** Numbers that are the same in every run. */
function numbers(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const randomRates = (next: (below: number) => number): TokenRates => ({
  input: BigInt(next(20)),
  cachedInput: BigInt(next(20)),
  cacheWrite: BigInt(next(20)),
  cacheWriteLong: BigInt(next(20)),
  output: BigInt(next(20)),
  reasoning: BigInt(next(20)),
});

test('the worst cost is never below the cost of a use within its bounds, whatever is dearer than what', () => {
  const next = numbers(7);
  for (let round = 0; round < 20_000; round++) {
    const tiers = [5, 20, 60].slice(0, next(4)).map((above) => ({ aboveInputTokens: above, ...randomRates(next) }));
    const scale = next(2) === 0 ? 1n : 1_000_000n;
    const scaled = (rates: TokenRates): TokenRates => ({
      input: rates.input * scale,
      cachedInput: rates.cachedInput * scale,
      cacheWrite: rates.cacheWrite * scale,
      cacheWriteLong: rates.cacheWriteLong * scale,
      output: rates.output * scale,
      reasoning: rates.reasoning * scale,
    });
    const row = price({
      ...scaled(randomRates(next)),
      tiers: tiers.map((one) => ({ ...one, ...scaled(one) })),
      perImage: BigInt(next(3)),
      perRequest: BigInt(next(3)),
    });
    const bounds = { inputTokensMax: next(100), outputTokensMax: next(30), images: next(3), n: 1 + next(3) };
    const input = next(bounds.inputTokensMax + 1);
    const output = next(bounds.outputTokensMax * bounds.n + 1);
    const written = next(input + 1);
    const what = use({
      input,
      output,
      cached: next(input + 1),
      cacheWrite: written,
      cacheWriteLong: next(written + 1),
      reasoning: next(output + 1),
      images: next(bounds.images + 1),
    });
    expect(worstCost(row, bounds)).toBeGreaterThanOrEqual(providerCost(row, what));
  }
});

test('the worst cost is reached: it is no more than it has to be', () => {
  const row = price({ ...cached, tiers: [tier] });
  expect(worstCost(row, { inputTokensMax: 100, outputTokensMax: 10 })).toBe(
    providerCost(row, use({ input: 100, cacheWrite: 100, cacheWriteLong: 100, output: 10 })),
  );
  expect(worstCost(row, { inputTokensMax: 300_000, outputTokensMax: 10, n: 2 })).toBe(
    providerCost(row, use({ input: 300_000, output: 20 })),
  );
  const cheaperAbove = price({ tiers: [{ aboveInputTokens: 100, ...flat(1_000_000_000n, 15_000_000_000n) }] });
  expect(worstCost(cheaperAbove, { inputTokensMax: 150, outputTokensMax: 0 })).toBe(
    providerCost(cheaperAbove, use({ input: 100 })),
  );
});

const book: PriceBook = {
  version: 1,
  effectiveFrom: new Date('2026-01-01T00:00:00Z'),
  markupBasisPoints: 1_400,
  defaultTier: 'basic',
  note: '',
  tiers: [],
  agentPrices: [],
};

test.each([
  [0n, 0n],
  [1n, 2n],
  [100n, 114n],
  [101n, 116n],
])('what costs us %d costs the customer %d', (cost, nanos) => {
  expect(customerCost(book, cost)).toBe(nanos);
});

test('the calls of a run cost what goes beyond the included tokens, never more than each by itself, and less than a nano apart from the exact sum', () => {
  const next = numbers(11);
  for (let round = 0; round < 2_000; round++) {
    const included = next(200);
    const basic: Tier = {
      id: 'basic',
      baseNanos: 0n,
      modelClass: 'small',
      includedTokens: included,
      outputTokensMax: undefined,
      requestsPerMinute: 1,
      runsPerHour: 1,
      concurrentRuns: 1,
      tokensPerDay: undefined,
    };
    let tokensBefore = 0;
    for (let call = 0; call < 5; call++) {
      const tokens = next(100);
      const providerCostNanos = BigInt(next(1_000));
      const due = modelPrice(book, basic, { tokensBefore, tokens, providerCostNanos });
      const beyond =
        tokens === 0 && tokensBefore >= included
          ? 1
          : Math.max(tokensBefore + tokens - Math.max(included, tokensBefore), 0) / Math.max(tokens, 1);
      const exact = Number(providerCostNanos) * beyond * 1.14;
      expect(due).toBeLessThanOrEqual(customerCost(book, providerCostNanos));
      expect(Number(due)).toBeGreaterThanOrEqual(exact - 1e-6);
      expect(Number(due)).toBeLessThan(exact + 1);
      if (tokensBefore >= included) expect(due).toBe(customerCost(book, providerCostNanos));
      tokensBefore += tokens;
    }
  }
});

test('a model is found by its name, else by a listed alias, else by the row for all of its kind, and never by how its name begins', () => {
  const at = (day: string) => new Date(`2026-${day}T00:00:00Z`);
  const rows = [
    price({ id: 'a', name: 'gpt', aliases: ['gpt-01', 'gpt-02'], effectiveFrom: at('01-01') }),
    price({ id: 'b', name: 'gpt-02', effectiveFrom: at('02-01') }),
    price({ id: 'c', name: 'gpt', aliases: ['gpt-03'], effectiveFrom: at('03-01') }),
    price({ id: 'd', kind: 'ollama', name: '*', effectiveFrom: at('01-01') }),
    price({ id: 'e', name: 'gpt', effectiveFrom: at('02-15') }),
  ];
  const find = (day: string, kind: string, name: string) => indexPrices(rows, at(day)).find(kind, name)?.id;
  expect(find('01-15', 'openai', 'gpt')).toBe('a');
  expect(find('01-15', 'openai', 'gpt-02')).toBe('a');
  expect(find('02-01', 'openai', 'gpt-02')).toBe('b');
  expect(find('02-15', 'openai', 'gpt')).toBe('e');
  expect(find('03-01', 'openai', 'gpt')).toBe('c');
  expect(find('03-01', 'openai', 'gpt-01')).toBeUndefined();
  expect(find('03-01', 'openai', 'gpt-03')).toBe('c');
  expect(find('03-01', 'openai', 'gpt-0')).toBeUndefined();
  expect(find('03-01', 'openai', 'gpt-03-mini')).toBeUndefined();
  expect(find('03-01', 'ollama', 'whatever')).toBe('d');
  expect(find('03-01', 'openai', '*')).toBeUndefined();
  expect(find('01-01', 'anthropic', 'gpt')).toBeUndefined();
  expect(indexPrices(rows, new Date(0)).list()).toEqual([]);
});
