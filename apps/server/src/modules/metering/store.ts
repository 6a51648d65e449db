/** All SQL on the schema `metering`. */
import { sql, type Tx } from '../../platform/db/index.ts';
import type { ModelPrice, NewModelPrice, RateTier } from './model-price.ts';
import type { Mode, NewPriceBook, NewUsage, PriceBook, UsageGroup, UsageRow } from './types.ts';

export type RecordOutcome = 'recorded' | 'same' | 'conflict';

export async function insertUsage(tx: Tx, use: NewUsage): Promise<RecordOutcome> {
  const answer = await sql<{
    outcome: RecordOutcome;
  }>`select metering.record(${use.orgId}, ${use.source}, ${use.id}, ${use.occurredAt ?? null}, ${use.mode},
    ${use.runId}, ${use.agentId}, ${use.keyId ?? null}, ${use.memberId ?? null}, ${use.tier}, ${use.model ?? null}, ${use.priceVersion}, ${use.runs ?? 1},
    ${use.inputTokens ?? 0}, ${use.outputTokens ?? 0}, ${use.costNanos}, ${use.providerCostNanos ?? 0n}, null) as outcome`.execute(
    tx,
  );
  return answer.rows[0]?.outcome ?? 'conflict';
}

export interface Reversal {
  readonly source: string;
  readonly id: string;
  readonly reversalId: string;
}

export async function reverseUsage(tx: Tx, reversal: Reversal): Promise<RecordOutcome | 'missing'> {
  const answer = await sql<{
    outcome: RecordOutcome | 'missing';
  }>`select metering.reverse(platform.current_org(), ${reversal.source}, ${reversal.id}, ${reversal.reversalId}) as outcome`.execute(
    tx,
  );
  return answer.rows[0]?.outcome ?? 'missing';
}

const GROUPS: Readonly<Record<UsageGroup, ReturnType<typeof sql>>> = {
  agent: sql`u.agent_id`,
  key: sql`u.key_id`,
  day: sql`to_char(u.occurred_at at time zone 'UTC', 'YYYY-MM-DD')`,
  tier: sql`u.tier`,
  model: sql`u.model`,
  member: sql`u.member_id`,
};

export interface UsagePeriod {
  readonly mode: Mode;
  readonly groupBy: UsageGroup;
  readonly from: Date;
  readonly to: Date;
}

// Sums of bigint are numeric in SQL, which no driver turns into an integer by itself.
export async function sumUsage(tx: Tx, period: UsagePeriod, rowsMax: number): Promise<UsageRow[]> {
  const found = await sql<{
    key: string;
    runs: bigint;
    calls: bigint;
    input_tokens: bigint;
    output_tokens: bigint;
    cost: bigint;
  }>`
    select coalesce(${GROUPS[period.groupBy]}, 'none') as key, sum(u.runs)::bigint as runs,
      count(*) filter (where u.source = 'gateway' and u.reverses is null) as calls, sum(u.input_tokens)::bigint as input_tokens,
      sum(u.output_tokens)::bigint as output_tokens, sum(u.cost_nanos)::bigint as cost
    from metering.usage u
    where u.org_id = platform.current_org() and u.mode = ${period.mode} and u.occurred_at >= ${period.from} and u.occurred_at < ${period.to}
    group by 1 order by 1 limit ${rowsMax}`.execute(tx);
  return found.rows.map((row) => ({
    key: row.key,
    runs: Number(row.runs),
    calls: Number(row.calls),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    costNanos: row.cost,
  }));
}

export async function ensurePartitions(tx: Tx): Promise<number> {
  const answer = await sql<{ made: number }>`select metering.ensure_partitions() as made`.execute(tx);
  return answer.rows[0]?.made ?? 0;
}

export async function listCosts(tx: Tx, orgId: string): Promise<{ runId: string; costNanos: bigint }[]> {
  const found = await sql<{
    run_id: string;
    cost: bigint;
  }>`select run_id, cost from metering.costs_by_run(${orgId})`.execute(tx);
  return found.rows.map((row) => ({ runId: row.run_id, costNanos: row.cost }));
}

export interface UsageDifference {
  readonly code: 'usage.missing' | 'usage.duplicate' | 'usage.unknown';
  readonly object: string;
  readonly expected: string;
  readonly found: string;
}

export async function listDifferences(tx: Tx, orgId: string): Promise<UsageDifference[]> {
  const found =
    await sql<UsageDifference>`select code, object, expected, found from metering.differences(${orgId})`.execute(tx);
  return found.rows;
}

interface CardRow {
  version: number;
  effectiveFrom: string;
  markupBasisPoints: number;
  defaultTier: string;
  note: string;
  tiers: {
    id: string;
    baseNanos: string;
    modelClass: string;
    includedTokens: number | null;
    outputTokensMax: number | null;
    requestsPerMinute: number;
    runsPerHour: number;
    concurrentRuns: number;
    tokensPerDay: number | null;
  }[];
  agentPrices: { agentId: string; tierId: string; baseNanos: string }[];
}

function fromCard(card: CardRow): PriceBook {
  return Object.freeze({
    ...card,
    effectiveFrom: new Date(card.effectiveFrom),
    tiers: card.tiers.map((tier) => ({
      ...tier,
      baseNanos: BigInt(tier.baseNanos),
      includedTokens: tier.includedTokens ?? undefined,
      outputTokensMax: tier.outputTokensMax ?? undefined,
      tokensPerDay: tier.tokensPerDay ?? undefined,
    })),
    agentPrices: card.agentPrices.map((price) => ({ ...price, baseNanos: BigInt(price.baseNanos) })),
  });
}

/** `version` left out: the one in force now. */
export async function findPriceBook(tx: Tx, version?: number): Promise<PriceBook | undefined> {
  const found = await sql<{ card: CardRow | null }>`select metering.price_card(${version ?? null}) as card`.execute(tx);
  const card = found.rows[0]?.card;
  return card ? fromCard(card) : undefined;
}

export async function insertPriceBook(tx: Tx, book: NewPriceBook): Promise<number> {
  const tiers = book.tiers.map((tier, index) => ({
    id: tier.id,
    position: index + 1,
    base_nanos: tier.baseNanos.toString(),
    model_class: tier.modelClass,
    included_tokens: tier.includedTokens ?? null,
    output_tokens_max: tier.outputTokensMax ?? null,
    requests_per_minute: tier.requestsPerMinute,
    runs_per_hour: tier.runsPerHour,
    concurrent_runs: tier.concurrentRuns,
    tokens_per_day: tier.tokensPerDay ?? null,
  }));
  const agents = book.agentPrices.map((price) => ({
    agent_id: price.agentId,
    tier_id: price.tierId,
    base_nanos: price.baseNanos.toString(),
  }));
  const answer = await sql<{
    version: number;
  }>`select metering.publish_prices(${book.effectiveFrom}, ${book.markupBasisPoints}, ${book.defaultTier}, ${book.note},
    ${JSON.stringify(tiers)}::jsonb, ${JSON.stringify(agents)}::jsonb) as version`.execute(tx);
  return answer.rows[0]?.version ?? 0;
}

interface ModelPriceRow {
  id: string;
  kind: string;
  name: string;
  aliases: string[];
  effective_from: Date;
  input: bigint;
  cached_input: bigint;
  cache_write: bigint;
  cache_write_long: bigint;
  output: bigint;
  reasoning: bigint;
  tiers: { readonly [Key in keyof RateTier]: number }[];
  per_image: bigint;
  per_request: bigint;
  context_tokens: number | null;
  output_tokens_max: number | null;
  embeds: boolean;
  source: string;
}

function fromPriceRow(row: ModelPriceRow): ModelPrice {
  return Object.freeze({
    id: row.id,
    kind: row.kind,
    name: row.name,
    aliases: row.aliases,
    effectiveFrom: row.effective_from,
    input: row.input,
    cachedInput: row.cached_input,
    cacheWrite: row.cache_write,
    cacheWriteLong: row.cache_write_long,
    output: row.output,
    reasoning: row.reasoning,
    tiers: row.tiers.map((tier) => ({
      aboveInputTokens: tier.aboveInputTokens,
      input: BigInt(tier.input),
      cachedInput: BigInt(tier.cachedInput),
      cacheWrite: BigInt(tier.cacheWrite),
      cacheWriteLong: BigInt(tier.cacheWriteLong),
      output: BigInt(tier.output),
      reasoning: BigInt(tier.reasoning),
    })),
    perImage: row.per_image,
    perRequest: row.per_request,
    contextTokens: row.context_tokens ?? undefined,
    outputTokensMax: row.output_tokens_max ?? undefined,
    embeds: row.embeds,
    source: row.source,
  });
}

export interface ModelPricePage {
  /** In the order they were published. */
  readonly rows: readonly ModelPrice[];
  /** Of the last row. */
  readonly seq: number;
  readonly now: Date;
}

/** Rows published after `seq`, which is 0 before the first. */
export async function listModelPrices(tx: Tx, afterSeq: number, rowsMax: number): Promise<ModelPricePage> {
  const found = await sql<ModelPriceRow & { now: Date; seq: number | null }>`
    select n.now, m.* from (select platform.now() as now) n left join lateral (
      select * from metering.model_price p where p.seq > ${afterSeq} order by p.seq limit ${rowsMax}) m on true order by m.seq`.execute(
    tx,
  );
  // Without new rows there is one that holds the time alone.
  const rows = found.rows.filter((row) => row.seq !== null);
  return {
    rows: rows.map(fromPriceRow),
    seq: rows.at(-1)?.seq ?? afterSeq,
    now: found.rows[0]?.now ?? new Date(0),
  };
}

export interface PriceOutcome {
  readonly outcome: 'published' | 'past' | 'taken';
  /** The alias that is another model's. */
  readonly conflict: string | null;
  /** Null unless published. */
  readonly seq: number | null;
}

// Within 2^53 by the bounds of a price, so JSON numbers hold it exactly.
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? Number(member) : member));

export async function insertModelPrice(tx: Tx, price: NewModelPrice): Promise<PriceOutcome> {
  const answer = await sql<PriceOutcome>`select * from metering.publish_model_price(${toJson(price)}::jsonb)`.execute(
    tx,
  );
  return answer.rows[0] ?? { outcome: 'past', conflict: null, seq: null };
}
