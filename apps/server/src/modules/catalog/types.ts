/** The nouns of the catalog, and what it asks of others. */
import type { AgentDefinition } from '@guildhall/agent-sdk';

/** A service level of an agent with its price for one run. */
export interface Tier {
  readonly id: string;
  readonly priceNanos: bigint;
}

export interface CatalogDeps {
  readonly agents: readonly AgentDefinition[];
  /** The price book: the tiers now on sale for an agent, cheapest first. Prices never stand in a definition. */
  readonly prices: { tiers(agentId: string): Promise<readonly Tier[]> | readonly Tier[] };
}
