import type { Metering } from '../../metering/index.ts';
import { DEFAULT_LISTS, type WeightedModel } from './defaults.ts';

export interface ChoicesDeps {
  readonly metering: Pick<Metering, 'priceBook'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Choices {
  /**
   * The models behind `guildhall/<class>` or `guildhall/<tier>`, drawn by weight, the rest behind it as fallbacks in the order of the list;
   * undefined for any other name.
   */
  forName(name: string): Promise<readonly string[] | undefined>;
}

const PREFIX = 'guildhall/';

/** The heavier a model, the likelier it comes first; those not drawn keep their order. */
function drawn(list: readonly WeightedModel[], random: () => number): string[] {
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  let at = random() * total;
  const first = list.find(({ weight }) => {
    at -= weight;
    return at < 0;
  });
  return first ? [first.model, ...list.filter((one) => one !== first).map(({ model }) => model)] : [];
}

export function createChoices(deps: ChoicesDeps): Choices {
  return {
    async forName(name) {
      if (!name.startsWith(PREFIX)) return undefined;
      const wanted = name.slice(PREFIX.length);
      const book = await deps.metering.priceBook();
      const modelClass = book.tiers.find((tier) => tier.id === wanted)?.modelClass ?? wanted;
      const list = DEFAULT_LISTS[modelClass];
      return list && drawn(list, deps.random);
    },
  };
}
