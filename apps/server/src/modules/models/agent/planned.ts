/** What the models of a run may cost at most, before it begins. */
import type { PlannedModelUse } from '@guildhall/agent-sdk';
import { customerCost, type Metering, type ModelPrice, type PriceBook, worstCost } from '../../metering/index.ts';
import type { Channels } from '../channels/index.ts';
import type { Choices } from '../choices/index.ts';
import { plainBoundOf } from '../tokens/index.ts';
import { isProviderKind } from '../types.ts';

export interface PlannedDeps {
  readonly channels: Pick<Channels, 'candidates'>;
  readonly choices: Choices;
  readonly metering: Pick<Metering, 'modelPrices'>;
}

/** The worst price of a use at a tier; 0 where the tier includes all of it, or the tokens are the customer's own. */
export type PlannedPrice = (tier: string, use: PlannedModelUse) => bigint;

/** The name that stands for the models of a tier. With one's own key it is the models of the tier most use. */
export function tierModel(book: PriceBook, tier: string): string {
  const isOwn = book.tiers.some((one) => one.id === tier && one.includedTokens === undefined);
  return `guildhall/${isOwn ? book.defaultTier : tier}`;
}

function worstOf(book: PriceBook, price: ModelPrice, { inputTokensMax, outputTokensMax }: PlannedModelUse): bigint {
  const bound = isProviderKind(price.kind) ? plainBoundOf(price.kind, price.name, inputTokensMax) : inputTokensMax;
  return customerCost(book, worstCost(price, { inputTokensMax: bound, outputTokensMax }));
}

/** Finds out all that prices depend on, so that a plan can then be priced at once. */
export async function plannedPrices(deps: PlannedDeps, orgId: string, book: PriceBook): Promise<PlannedPrice> {
  const channels = await deps.channels.candidates({ orgId });
  const served = new Set<string>(channels.filter((one) => one.ownerOrgId === undefined).map((one) => one.kind));
  const prices = (await deps.metering.modelPrices()).filter(({ kind }) => served.has(kind));
  const find = (model: string): ModelPrice | undefined => {
    const at = model.indexOf('/');
    const [kind, name] = [model.slice(0, at), model.slice(at + 1)];
    const ofKind = prices.filter((price) => (at < 0 ? price.name === model : price.kind === kind));
    return (
      ofKind.find((price) => price.name === name || price.name === model) ??
      ofKind.find((price) => price.aliases.includes(name)) ??
      ofKind.find((price) => price.name === '*')
    );
  };
  const named = new Map<string, readonly string[]>();
  for (const { id } of book.tiers) named.set(id, (await deps.choices.forName(tierModel(book, id))) ?? []);
  return (tier, use) => {
    const included = book.tiers.find((one) => one.id === tier)?.includedTokens;
    if (included === undefined || use.inputTokensMax + use.outputTokensMax <= included) return 0n;
    const models = use.model === undefined ? (named.get(tier) ?? []) : [use.model];
    return models
      .flatMap((model) => find(model) ?? [])
      .reduce((worst, price) => {
        const nanos = worstOf(book, price, use);
        return nanos > worst ? nanos : worst;
      }, 0n);
  };
}
