/** Prices of models, as customers and as the operator see them. */
import { z } from 'zod';
import { instant, money } from './common.ts';
import { providerKind } from './providers.ts';

/** Each per million tokens. `input` is also the price of what is embedded. */
export const tokenPrices = z
  .object({
    input: money,
    cachedInput: money,
    cacheWrite: money,
    /** Kept in the cache for an hour. */
    cacheWriteLong: money,
    output: money,
    reasoning: money,
  })
  .meta({ id: 'TokenPrices' });
export type TokenPrices = z.infer<typeof tokenPrices>;

/** What a use of a model costs the customer. */
export const modelPriceView = z
  .object({
    /** `openai/gpt-4o-mini`; `ollama/*` is every other model of that provider. */
    model: z.string(),
    aliases: z.array(z.string()),
    perMillionTokens: tokenPrices,
    /** Ascending. A call with more input than this is priced by the tier as a whole. */
    tiers: z.array(z.object({ aboveInputTokens: z.number().int(), perMillionTokens: tokenPrices })),
    perImage: money,
    perRequest: money,
    contextTokens: z.number().int().nullable(),
    outputTokensMax: z.number().int().nullable(),
    embeds: z.boolean(),
    effectiveFrom: instant,
  })
  .meta({ id: 'ModelPrice' });
export type ModelPriceView = z.infer<typeof modelPriceView>;
export const modelPriceList = z.object({ data: z.array(modelPriceView) }).meta({ id: 'ModelPriceList' });

/** The operator's view: what the provider asks, and where that was read. */
export const publishedModelPrice = modelPriceView
  .extend({ id: z.string(), source: z.string() })
  .meta({ id: 'PublishedModelPrice' });
export type PublishedModelPrice = z.infer<typeof publishedModelPrice>;
export const publishedModelPriceList = z
  .object({ data: z.array(publishedModelPrice) })
  .meta({ id: 'PublishedModelPriceList' });

// A slip of the decimal point ends here: the dearest model on any list asks $600 per million tokens, the dearest image some cents.
const PER_MILLION_MAX = 10_000n;
const EACH_MAX = 100n;
const DOLLAR_NANOS = 1_000_000_000n;
const upTo = (dollars: bigint) =>
  money.refine(({ nanos }) => BigInt(nanos) >= 0n && BigInt(nanos) <= dollars * DOLLAR_NANOS, {
    message: `must be from 0 to ${dollars} USD`,
    path: ['nanos'],
  });
const perMillion = upTo(PER_MILLION_MAX);

/** What is left out of the cache costs as much as input (the long cache as the short one), reasoning as much as output. */
const newTokenPrices = z.strictObject({
  input: perMillion,
  cachedInput: perMillion.optional(),
  cacheWrite: perMillion.optional(),
  cacheWriteLong: perMillion.optional(),
  output: perMillion,
  reasoning: perMillion.optional(),
});
export type NewTokenPrices = z.output<typeof newTokenPrices>;

const modelName = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 visible ASCII characters');
const tokens = z.number().int().min(1).max(100_000_000);
const TIERS_MAX = 8;
const ALIASES_MAX = 50;

const isAscending = (tiers: readonly { readonly aboveInputTokens: number }[]): boolean =>
  tiers.every((tier, index) => index === 0 || tier.aboveInputTokens > (tiers[index - 1]?.aboveInputTokens ?? 0));

export const publishModelPrice = z
  .strictObject({
    provider: providerKind,
    /** As the provider calls the model; `*` for all that have no price of their own. */
    name: modelName,
    /** Left out, as `contextTokens`, `outputTokensMax` and `embeds`: as in the price before, if there is one. */
    aliases: z
      .array(modelName.refine((alias) => alias !== '*', 'must name one model'))
      .max(ALIASES_MAX)
      .refine((aliases) => new Set(aliases).size === aliases.length, 'each alias may be named once')
      .optional(),
    /** Default: now. Never in the past. */
    effectiveFrom: z.iso.datetime({ offset: true }).optional(),
    perMillionTokens: newTokenPrices,
    tiers: z
      .array(z.strictObject({ aboveInputTokens: tokens, perMillionTokens: newTokenPrices }))
      .max(TIERS_MAX)
      .refine(isAscending, 'must ascend by aboveInputTokens')
      .default([]),
    perImage: upTo(EACH_MAX).optional(),
    perRequest: upTo(EACH_MAX).optional(),
    contextTokens: tokens.optional(),
    outputTokensMax: tokens.optional(),
    embeds: z.boolean().optional(),
    /** Where the price was read, and when. */
    source: z.string().trim().min(1).max(200),
  })
  .refine(({ name, aliases = [] }) => name !== '*' || aliases.length === 0, {
    message: 'cannot be given to all models at once',
    path: ['aliases'],
  })
  .refine(({ name, aliases }) => !aliases?.includes(name), { message: 'must differ from the name', path: ['aliases'] })
  .meta({ id: 'PublishModelPrice' });
export type PublishModelPrice = z.output<typeof publishModelPrice>;
