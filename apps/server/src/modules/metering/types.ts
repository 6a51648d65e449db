/** The nouns of metering: usage records and the price book. Amounts are whole nano-USD. */
import type { Mode } from '@guildhall/contract';

export type { Mode };

/** One use of the platform. Its identity is organisation, source and id, for ever; the time is no part of it. */
export interface NewUsage {
  readonly orgId: string;
  /** Who reports: `run`, `gateway` … */
  readonly source: string;
  readonly id: string;
  /** Default: now, by the database. */
  readonly occurredAt?: Date | undefined;
  readonly mode: Mode;
  readonly runId: string;
  readonly agentId: string;
  readonly keyId?: string | undefined;
  readonly memberId?: string | undefined;
  readonly tier: string;
  readonly model?: string | undefined;
  /** The price book by which `costNanos` was computed. */
  readonly priceVersion: number;
  /** 1 for the record that counts the run, 0 for those of its parts. Default 1. */
  readonly runs?: number | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  /** What the customer was charged. Over all records of a run this equals the ledger. */
  readonly costNanos: bigint;
  /** What the provider asks of us, whoever pays. Default 0. */
  readonly providerCostNanos?: bigint | undefined;
}

export type UsageGroup = 'agent' | 'key' | 'day' | 'tier' | 'model' | 'member';

export interface UsageRow {
  /** Id, day (`YYYY-MM-DD`, UTC), or `none` where there was no such thing. */
  readonly key: string;
  readonly runs: number;
  /** Calls of models, by API or in runs. */
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: bigint;
}

export interface Tier {
  readonly id: string;
  readonly baseNanos: bigint;
  readonly modelClass: string;
  /** Undefined: all, because they are the customer's own. */
  readonly includedTokens: number | undefined;
  /** Undefined: what the model allows. */
  readonly outputTokensMax: number | undefined;
  readonly requestsPerMinute: number;
  readonly runsPerHour: number;
  readonly concurrentRuns: number;
  /** Undefined: no limit. */
  readonly tokensPerDay: number | undefined;
}

/** One version of the price card. Frozen: what was priced by a version is priced the same for ever. */
export interface PriceBook {
  readonly version: number;
  readonly effectiveFrom: Date;
  readonly markupBasisPoints: number;
  readonly defaultTier: string;
  readonly note: string;
  /** From the cheapest plan up, the customer's own key last. */
  readonly tiers: readonly Tier[];
  readonly agentPrices: readonly AgentPrice[];
}

/** Where an agent's base price differs from its tier's. */
export interface AgentPrice {
  readonly agentId: string;
  readonly tierId: string;
  readonly baseNanos: bigint;
}

export type NewPriceBook = Omit<PriceBook, 'version'>;
