/** What may be called and at which price, as planning asks for it. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { basePrice, type PriceBook } from '../../metering/index.ts';
import type { PlannedPrice } from '../../models/index.ts';
import type { RunsDeps } from '../deps.ts';
import type { Offer } from '../planning.ts';

export function offerOf({ catalog }: Pick<RunsDeps, 'catalog'>, book: PriceBook, modelPriceOf: PlannedPrice): Offer {
  const sold = new Set(book.tiers.map((tier) => tier.id));
  return {
    find: (agent) => catalog.find(agent),
    priceOf: (agent, tier) => (sold.has(tier) ? basePrice(book, agent, tier) : undefined),
    modelPriceOf,
    read: (agent, input) => {
      try {
        return { input: catalog.parseInput(agent, input) };
      } catch (error) {
        if (error instanceof GuildhallError && error.details.errors) return { faults: error.details.errors };
        throw error;
      }
    },
  };
}
