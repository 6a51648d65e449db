/** The SQL of the books of calls. What the statement does and in which order it locks stands in the migrations. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';
import type { DescribedBudget } from '../../ledger/index.ts';
import type { CacheHit, CallEnd, CallHold, CallRoom, NewCall } from './types.ts';

type Element = Readonly<Record<string, unknown>>;

export type RoomOutcome = 'tokens-per-day' | 'calls-at-once';

export interface BookRow {
  readonly kind: 'begin' | 'end';
  readonly id: string;
  readonly outcome: 'ok' | 'late' | 'missing' | 'conflict' | 'balance' | 'budget' | 'no-accounts' | RoomOutcome;
  readonly charged: bigint | null;
  readonly available: bigint | null;
  readonly budget: DescribedBudget | null;
  readonly retry_seconds: number | null;
}

const toJson = (elements: readonly Element[]): string =>
  JSON.stringify(elements, (_, value) => (typeof value === 'bigint' ? value.toString() : value));

export async function bookCalls(tx: Tx, ends: readonly Element[], begins: readonly Element[]): Promise<BookRow[]> {
  const booked =
    await sql<BookRow>`select * from models.book_calls(${toJson(ends)}::jsonb, ${toJson(begins)}::jsonb)`.execute(tx);
  return booked.rows;
}

export async function sweepOne(tx: Tx): Promise<boolean> {
  const answer = await sql<{ found: boolean }>`select models.sweep_one() as found`.execute(tx);
  return answer.rows[0]?.found ?? false;
}

export async function costsByCall(
  tx: Tx,
  orgId: string,
): Promise<{ runId: string; ended: boolean; costNanos: bigint }[]> {
  const found = await sql<{
    id: string;
    ended: boolean;
    cost: bigint;
  }>`select * from models.costs_by_call(${orgId})`.execute(tx);
  return found.rows.map((row) => ({ runId: row.id, ended: row.ended, costNanos: row.cost }));
}

const rowOf = (call: NewCall): Element => ({
  org_id: call.payer.orgId,
  id: call.id,
  mode: call.payer.mode,
  key_id: call.payer.keyId,
  member_id: call.payer.memberId,
  agent_id: call.payer.agentId,
  request_id: call.requestId,
  wire: call.wire,
  requested: call.requested,
  model: call.model,
  own_key: call.ownKey,
  streamed: call.streamed,
  price_id: call.priceId,
  price_version: call.priceVersion,
});

// Columns that the insert must name because a populated record has no defaults.
const BLANK: Element = {
  cached: false,
  attempts: [],
  input_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  cache_write_long_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  images: 0,
  counted: false,
  hold_nanos: 0,
  cost_nanos: 0,
  provider_cost_nanos: 0,
  loss_nanos: 0,
  saved_nanos: 0,
};

export const beginElement = (call: NewCall, hold: CallHold, room: CallRoom | undefined): Element => ({
  room,
  hold: {
    org: call.payer.orgId,
    mode: call.payer.mode,
    hold: hold.holdId,
    run: call.id,
    amount: hold.amountNanos,
    key: call.payer.keyId,
    agent: call.payer.agentId,
    member: call.payer.memberId,
    lives: hold.livesMs,
    risk: hold.riskNanos,
  },
  row: {
    ...BLANK,
    ...rowOf(call),
    hold_id: hold.holdId,
    hold_nanos: hold.amountNanos,
    tokens_max: hold.tokensMax,
    status: 'open',
  },
});

const tokens = (usage: CallEnd['usage']): Element => ({
  input_tokens: usage.input,
  cached_tokens: usage.cached,
  cache_write_tokens: usage.cacheWrite,
  cache_write_long_tokens: usage.cacheWriteLong,
  output_tokens: usage.output,
  reasoning_tokens: usage.reasoning,
  images: usage.images,
  counted: usage.isCounted,
});

// What usage is grouped under where no tier was bought.
const NO_TIER = 'metered';

const useOf = (call: NewCall, usage: CallEnd['usage'], model: string): Element => ({
  org: call.payer.orgId,
  source: 'gateway',
  id: call.id,
  mode: call.payer.mode,
  run: call.id,
  agent: call.payer.agentId,
  key: call.payer.keyId,
  member: call.payer.memberId,
  tier: call.ownKey ? 'byok' : NO_TIER,
  model,
  price_version: call.priceVersion,
  input: usage.input,
  output: usage.output,
  cost: 0n,
  provider_cost: 0n,
});

export function endElement(call: NewCall, hold: CallHold, end: CallEnd): Element {
  const model = end.model ?? call.model;
  return {
    org: call.payer.orgId,
    id: call.id,
    hold: hold.holdId,
    loss: end.lossNanos,
    use: { ...useOf(call, end.usage, model), cost: end.costNanos, provider_cost: end.providerCostNanos },
    row: {
      ...tokens(end.usage),
      status: end.status,
      channel_id: end.channelId,
      attempts: end.attempts,
      model,
      price_id: end.priceId ?? call.priceId,
      provider_cost_nanos: end.providerCostNanos,
      saved_nanos: end.savedNanos ?? 0n,
      error_code: end.errorCode,
      first_token_ms: end.firstTokenMs,
    },
  };
}

export const hitElement = (call: NewCall, hit: CacheHit): Element => ({
  org: call.payer.orgId,
  id: call.id,
  loss: 0n,
  use: useOf(call, hit.usage, call.model),
  row: {
    ...BLANK,
    ...rowOf(call),
    ...tokens(hit.usage),
    status: 'succeeded',
    cached: true,
    saved_nanos: hit.savedNanos,
  },
});

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select models.erase(${orgId}, ${limit}::int) as more`;
