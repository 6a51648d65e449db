/** Metering: what was used, counted once, and what it costs by the price book. See README.md. */
export { meteringErrors } from './errors.ts';
export { meteringRoutes } from './routes.ts';
export { basePrice, type ModelUse, modelPrice, runPrice, tierOf, tiersFor } from './rules.ts';
export { createMetering, type Metering, type UsageQuery } from './service.ts';
export type { AgentPrice, NewPriceBook, NewUsage, PriceBook, Tier, UsageGroup, UsageRow } from './types.ts';
