/** A call as its customer sees it: what it cost, not what the provider asks of the operator. */
import { type ModelCall, type ModelCallDetail, toMoney } from '@guildhall/contract';
import type { CallRow } from './store.ts';

export const toCallView = (row: CallRow): ModelCall => ({
  id: row.id,
  status: row.status,
  mode: row.mode,
  wire: row.wire,
  requested: row.requested,
  model: row.model,
  keyId: row.key_id,
  memberId: row.member_id,
  agentId: row.agent_id,
  runId: row.run_id,
  ownKey: row.own_key,
  streamed: row.streamed,
  cached: row.cached,
  usage: {
    inputTokens: Number(row.input_tokens),
    cachedTokens: Number(row.cached_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    cacheWriteLongTokens: Number(row.cache_write_long_tokens),
    outputTokens: Number(row.output_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    images: Number(row.images),
    counted: row.counted,
  },
  hold: toMoney(row.hold_nanos),
  cost: toMoney(row.cost_nanos),
  saved: toMoney(row.saved_nanos),
  errorCode: row.error_code,
  firstTokenMs: row.first_token_ms,
  createdAt: row.created_at.toISOString(),
  endedAt: row.ended_at?.toISOString() ?? null,
});

export const toCallDetail = (row: CallRow): ModelCallDetail => ({
  ...toCallView(row),
  requestId: row.request_id,
  attempts: row.attempts.map(({ channelId, kind, model, outcome, status, ms }) => ({
    channelId,
    provider: kind,
    model,
    outcome,
    status: status ?? null,
    ms: Math.round(ms),
  })),
  priceId: row.price_id,
  priceVersion: row.price_version,
});
