/** The SQL of the books of calls. What the statement does and in which order it locks stands in the migrations. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';
import type { DescribedBudget } from '../../ledger/index.ts';
import type { Payer } from '../types.ts';
import type { CacheHit, CallEnd, CallHold, CallRoom, NewCall } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One thing to book. */
export interface Element {
  readonly list: 'ends' | 'hits' | 'begins';
  readonly payer: Payer;
  readonly fields: Fields;
}

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

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** The elements by book, in the order in which all is locked. Begins stay as they came. */
function booksOf(elements: readonly Element[]): Fields[] {
  const books = Map.groupBy(elements, ({ payer }) => `${payer.orgId} ${payer.mode}`);
  const sorted = [...books].toSorted(([a], [b]) => compare(a, b));
  return sorted.map(([, all]) => {
    const of = (list: Element['list']): Fields[] => all.filter((one) => one.list === list).map(({ fields }) => fields);
    const ends = of('ends').toSorted((a, b) => compare(String(a.hold), String(b.hold)));
    return { org: all[0]?.payer.orgId, mode: all[0]?.payer.mode, ends, hits: of('hits'), begins: of('begins') };
  });
}

const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? field.toString() : field));

export async function bookCalls(tx: Tx, elements: readonly Element[]): Promise<BookRow[]> {
  const booked = await sql<BookRow>`select * from models.book_calls(${toJson(booksOf(elements))}::jsonb)`.execute(tx);
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

// What usage is grouped under where no tier was bought.
const NO_TIER = 'metered';

const element = (list: Element['list'], { payer }: NewCall, fields: Fields): Element => ({
  list,
  payer,
  fields: { ...fields, key: payer.keyId, agent: payer.agentId, member: payer.memberId },
});

const askedFields = (call: NewCall): Fields => ({
  request_id: call.requestId,
  wire: call.wire,
  requested: call.requested,
  model: call.model,
  own_key: call.ownKey,
  streamed: call.streamed,
  price_id: call.priceId,
  price_version: call.priceVersion,
});

const usedFields = (call: NewCall, usage: CallEnd['usage']): Fields => ({
  tier: call.ownKey ? 'byok' : NO_TIER,
  price_version: call.priceVersion,
  input: usage.input,
  cached: usage.cached,
  cache_write: usage.cacheWrite,
  cache_write_long: usage.cacheWriteLong,
  output: usage.output,
  reasoning: usage.reasoning,
  images: usage.images,
  counted: usage.isCounted,
});

export const beginElement = (call: NewCall, hold: CallHold, room: CallRoom | undefined): Element =>
  element('begins', call, {
    ...askedFields(call),
    run: call.id,
    hold: hold.holdId,
    amount: hold.amountNanos,
    lives: hold.livesMs,
    risk: hold.riskNanos,
    tokens: hold.tokensMax,
    room,
  });

export const endElement = (call: NewCall, hold: CallHold, end: CallEnd): Element =>
  element('ends', call, {
    ...usedFields(call, end.usage),
    run: call.id,
    hold: hold.holdId,
    cost: end.costNanos,
    provider_cost: end.providerCostNanos,
    loss: end.lossNanos,
    status: end.status,
    channel_id: end.channelId,
    attempts: end.attempts,
    model: end.model ?? call.model,
    price_id: end.priceId ?? call.priceId,
    saved: end.savedNanos ?? 0n,
    error_code: end.errorCode,
    first_token_ms: end.firstTokenMs,
  });

export const hitElement = (call: NewCall, hit: CacheHit): Element =>
  element('hits', call, {
    ...askedFields(call),
    ...usedFields(call, hit.usage),
    id: call.id,
    cost: 0n,
    provider_cost: 0n,
    saved: hit.savedNanos,
  });

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select models.erase(${orgId}, ${limit}::int) as more`;
