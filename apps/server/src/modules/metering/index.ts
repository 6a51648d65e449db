/** Metering: what was used, counted once, and what it costs by the price book. See README.md. */
export { meteringErrors } from './errors.ts';
export {
  customerCost,
  type ModelPrice,
  type NewModelPrice,
  type PricedUse,
  providerCost,
  type RateTier,
  type TokenRates,
  type UseBounds,
  worstCost,
} from './model-price.ts';
export { modelPriceRoutes } from './price-routes.ts';
export { meteringRoutes } from './routes.ts';
export { basePrice, type ModelUse, modelPrice, tierOf, tiersFor } from './rules.ts';
export { createMetering, type Metering, type UsageQuery } from './service.ts';
export type {
  AgentPrice,
  NewPriceBook,
  NewUsage,
  PriceBook,
  Tier,
  UsageGroup,
  UsageRow,
} from './types.ts';
