/** The models that an organisation may call, as the clients of both houses read them, with what a call costs. */
import { money, toMoney } from '@guildhall/contract';
import { z } from 'zod';
import { customerCost, type Metering, type ModelPrice, type PriceBook, type TokenRates } from '../metering/index.ts';
import { platformFee } from './call/index.ts';
import type { Channels } from './channels/index.ts';
import { allowsModel, faultOfChannel, type Policies } from './choices/index.ts';
import type { Channel, ProviderKind } from './types.ts';

export interface ListDeps {
  readonly channels: Pick<Channels, 'candidates' | 'models'>;
  readonly metering: Pick<Metering, 'modelPrice' | 'modelPrices' | 'priceBook'>;
  readonly policies: Pick<Policies, 'forOrg'>;
}

const rates = z.object({ input: money, cachedInput: money, cacheWrite: money, output: money, reasoning: money });
const pricing = rates
  .extend({
    perRequest: money,
    perImage: money,
    tiers: z.array(rates.extend({ aboveInputTokens: z.int() })),
  })
  .describe('What you pay: for a million tokens each, for one request, for one image.');

/** Members of both houses side by side: `object`, `created`, `owned_by` are OpenAI's, `type`, `display_name`, `created_at` Anthropic's. */
export const modelShown = z.object({
  id: z.string(),
  object: z.literal('model'),
  type: z.literal('model'),
  created: z.int(),
  created_at: z.string(),
  owned_by: z.string(),
  display_name: z.string(),
  name: z.string(),
  contextTokens: z.int().nullable(),
  outputTokensMax: z.int().nullable(),
  embeds: z.boolean(),
  ownKey: z.boolean().describe('Your own key is used: you pay the platform fee, the provider bills you itself.'),
  pricing: pricing.nullable(),
});
export type ModelShown = z.infer<typeof modelShown>;

export const modelList = z.object({
  object: z.literal('list'),
  data: z.array(modelShown),
  nextCursor: z.null(),
  has_more: z.literal(false),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

interface Offer {
  readonly kind: ProviderKind;
  readonly name: string;
  readonly price: ModelPrice | undefined;
  readonly ownKey: boolean;
}

const NOTHING: TokenRates = {
  input: 0n,
  cachedInput: 0n,
  cacheWrite: 0n,
  cacheWriteLong: 0n,
  output: 0n,
  reasoning: 0n,
};

function pricingOf(book: PriceBook, { price, ownKey }: Offer): ModelShown['pricing'] {
  const shown = (nanos: bigint) => toMoney(customerCost(book, nanos));
  const ratesOf = (one: TokenRates) => ({
    input: shown(one.input),
    cachedInput: shown(one.cachedInput),
    cacheWrite: shown(one.cacheWrite),
    output: shown(one.output),
    reasoning: shown(one.reasoning),
  });
  if (ownKey) return { ...ratesOf(NOTHING), perRequest: toMoney(platformFee(book)), perImage: toMoney(0n), tiers: [] };
  if (!price) return null;
  return {
    ...ratesOf(price),
    perRequest: shown(price.perRequest),
    perImage: shown(price.perImage),
    tiers: price.tiers.map((tier) => ({ ...ratesOf(tier), aboveInputTokens: tier.aboveInputTokens })),
  };
}

function toShown(book: PriceBook, offer: Offer): ModelShown {
  const { kind, name, price, ownKey } = offer;
  const since = price?.effectiveFrom ?? new Date(0);
  return {
    id: `${kind}/${name}`,
    object: 'model',
    type: 'model',
    created: Math.floor(since.getTime() / 1_000),
    created_at: since.toISOString(),
    owned_by: kind,
    display_name: name,
    name,
    contextTokens: price?.contextTokens ?? null,
    outputTokensMax: price?.outputTokensMax ?? null,
    embeds: price?.embeds ?? false,
    ownKey,
    pricing: pricingOf(book, offer),
  };
}

/**
 * Priced models of the providers that are set up, and what providers themselves list where a price or an own key makes it callable; of these what
 * the organisation allows. In order of id.
 */
export async function listModels(deps: ListDeps, orgId: string): Promise<ModelShown[]> {
  const policy = await deps.policies.forOrg(orgId);
  const isAllowed = (channel: Channel): boolean =>
    faultOfChannel(policy, channel, channel.ownerOrgId !== undefined) === undefined;
  const channels = (await deps.channels.candidates({ orgId })).filter(isAllowed);
  const ownKinds = new Set(channels.filter((one) => one.ownerOrgId !== undefined).map((one) => one.kind));
  const kinds = new Set<string>(channels.map((one) => one.kind));
  const book = await deps.metering.priceBook();
  const offers = new Map<string, Offer>();
  const add = (kind: ProviderKind, name: string, price: ModelPrice | undefined): void => {
    const ownKey = ownKinds.has(kind);
    const isOffered = (price || ownKey) && allowsModel(policy, kind, [name, price?.name ?? name]);
    if (isOffered && !offers.has(`${kind}/${name}`)) offers.set(`${kind}/${name}`, { kind, name, price, ownKey });
  };
  // The price book names kinds of providers and nothing else.
  for (const price of await deps.metering.modelPrices())
    if (kinds.has(price.kind) && price.name !== '*') add(price.kind as ProviderKind, price.name, price);
  for (const { channel, names } of await deps.channels.models(orgId)) {
    if (!isAllowed(channel)) continue;
    for (const name of names) add(channel.kind, name, await deps.metering.modelPrice(channel.kind, name));
  }
  return [...offers.values()].map((offer) => toShown(book, offer)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
