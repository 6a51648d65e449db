/** The SQL of calls that runs make. The row of the run is locked by whoever calls these. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { CallEnd, NewCall } from '../book/index.ts';
import type { Lost } from './types.ts';

export interface OpenRow {
  readonly id: string;
  readonly hold_id: string | null;
  readonly hold_nanos: bigint;
  readonly tokens_max: bigint;
  readonly risk_nanos: bigint;
}

export async function listOpen(tx: Tx, runId: string): Promise<OpenRow[]> {
  const found = await sql<OpenRow>`select id, hold_id, hold_nanos, tokens_max, risk_nanos from models.call
    where org_id = platform.current_org() and run_id = ${runId} and status = 'open' order by id`.execute(tx);
  return found.rows;
}

export async function countOfStep(tx: Tx, runId: string, stepKey: string): Promise<number> {
  const found = await sql<{ calls: number }>`select count(*)::int as calls from models.call
    where org_id = platform.current_org() and run_id = ${runId} and step_key = ${stepKey}`.execute(tx);
  return found.rows[0]?.calls ?? 0;
}

export interface NewRow {
  readonly call: NewCall;
  readonly runId: string;
  readonly stepKey: string;
  readonly priceVersion: number;
  readonly tokensMax: number;
  readonly riskNanos: bigint;
}

export async function insertCall(tx: Tx, row: NewRow): Promise<void> {
  const { call } = row;
  const { payer } = call;
  await sql`insert into models.call (org_id, id, mode, key_id, member_id, agent_id, run_id, step_key, request_id, wire, requested, model, own_key,
      streamed, status, price_id, price_version, hold_nanos, tokens_max, risk_nanos, created_at)
    values (${payer.orgId}, ${call.id}, ${payer.mode}, ${payer.keyId}, ${payer.memberId ?? null}, ${payer.agentId}, ${row.runId}, ${row.stepKey},
      ${call.requestId}, ${call.wire}, ${call.requested}, ${call.model}, ${call.ownKey}, ${call.streamed}, 'open', ${call.priceId ?? null},
      ${row.priceVersion}, 0, ${row.tokensMax}, ${row.riskNanos}, platform.now())`.execute(tx);
}

export async function setHold(tx: Tx, id: string, holdId: string, nanos: bigint): Promise<void> {
  await sql`update models.call set hold_id = ${holdId}, hold_nanos = ${nanos}
    where org_id = platform.current_org() and id = ${id} and status = 'open'`.execute(tx);
}

export interface KnownRow {
  readonly status: string;
  readonly hold_id: string | null;
  readonly hold_nanos: bigint;
  readonly cost_nanos: bigint;
}

export async function findCall(tx: Tx, id: string): Promise<KnownRow | undefined> {
  const found = await sql<KnownRow>`select status, hold_id, hold_nanos, cost_nanos from models.call
    where org_id = platform.current_org() and id = ${id}`.execute(tx);
  return found.rows[0];
}

export async function endCall(
  tx: Tx,
  id: string,
  end: CallEnd & { readonly chargedNanos: bigint; readonly model: string },
): Promise<void> {
  const { usage } = end;
  await sql`update models.call set status = ${end.status}, channel_id = ${end.channelId ?? null}, attempts = ${JSON.stringify(end.attempts)}::jsonb,
      model = ${end.model}, price_id = coalesce(${end.priceId ?? null}, price_id), input_tokens = ${usage.input}, cached_tokens = ${usage.cached},
      cache_write_tokens = ${usage.cacheWrite}, cache_write_long_tokens = ${usage.cacheWriteLong}, output_tokens = ${usage.output}, reasoning_tokens = ${usage.reasoning}, images = ${usage.images},
      counted = ${usage.isCounted}, cost_nanos = ${end.chargedNanos}, provider_cost_nanos = ${end.providerCostNanos}, loss_nanos = ${end.lossNanos},
      error_code = ${end.errorCode ?? null}, first_token_ms = ${end.firstTokenMs ?? null}, ended_at = platform.now()
    where org_id = platform.current_org() and id = ${id}`.execute(tx);
}

export interface LostRow {
  readonly id: string;
  readonly mode: 'live' | 'test';
  readonly hold_id: string | null;
  readonly loss_nanos: bigint;
}

export async function loseCalls(tx: Tx, lost: Lost): Promise<LostRow[]> {
  const { stepKey = null, callId = null, lossNanos = null } = lost;
  const found =
    await sql<LostRow>`update models.call set status = 'lost', loss_nanos = coalesce(${lossNanos}::bigint, risk_nanos),
      ended_at = platform.now()
    where org_id = platform.current_org() and run_id = ${lost.runId} and status = 'open' and (${stepKey}::text is null or step_key = ${stepKey})
      and (${callId}::text is null or id = ${callId})
    returning id, mode, hold_id, loss_nanos`.execute(tx);
  return found.rows;
}

export interface ReversedRow {
  readonly id: string;
  readonly mode: 'live' | 'test';
  readonly hold_id: string | null;
  readonly charged: bigint;
  /** What the operator bears from now on. */
  readonly loss: bigint;
}

/** Ended calls that cost somebody something, given back. */
export async function reverseCalls(tx: Tx, runIds: readonly string[]): Promise<ReversedRow[]> {
  const found = await sql<ReversedRow>`with back as (
      select id, mode, hold_id, cost_nanos as charged, greatest(provider_cost_nanos - loss_nanos, 0) as loss from models.call
      where org_id = platform.current_org() and run_id = any(${[...runIds]}::text[]) and status in ('succeeded', 'failed', 'cancelled')
        and reversed_at is null and (cost_nanos > 0 or provider_cost_nanos > loss_nanos) for update
    )
    update models.call c set cost_nanos = 0, loss_nanos = c.loss_nanos + back.loss, reversed_at = platform.now()
      from back where c.org_id = platform.current_org() and c.id = back.id
      returning back.id, back.mode, back.hold_id, back.charged, back.loss`.execute(tx);
  return found.rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** What each run was charged for its own calls. */
export async function sumByRun(tx: Tx, runIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  const found = await sql<{ run_id: string; charged: bigint }>`
    select run_id, sum(cost_nanos)::bigint as charged from models.call
    where org_id = platform.current_org() and run_id = any(${[...runIds]}::text[]) group by run_id`.execute(tx);
  return new Map(found.rows.map((row) => [row.run_id, row.charged]));
}
