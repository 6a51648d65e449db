/** Answers from the cache: they cost nothing, hold nothing, and are written down. */
import type { NewCall } from '../book/index.ts';
import { type KeptAnswer, type VectorSlot, writeVector } from '../cache/index.ts';
import { NO_USAGE, type TokenUsage } from '../types.ts';
import type { GatewayDeps } from './deps.ts';
import { costOf } from './money.ts';
import { type Asked, newCall, type Priced } from './planned.ts';
import type { CallAnswer, CallFacts, WholeAnswer } from './types.ts';

interface Written extends CallFacts {
  readonly costNanos: 0n;
}

interface Hit {
  readonly call: NewCall;
  /** As history shows it. */
  readonly usage: TokenUsage;
  readonly savedNanos: bigint;
  readonly startedMs: number;
}

async function write(deps: GatewayDeps, { call, usage, savedNanos, startedMs }: Hit): Promise<Written> {
  await deps.book.hit(call, { usage, savedNanos });
  const elapsedMs = Math.round(deps.clock.monotonicMs() - startedMs);
  deps.observer.ended({
    model: call.model,
    status: 'succeeded',
    cache: 'hit',
    usage: NO_USAGE,
    errorCode: undefined,
    firstTokenMs: elapsedMs,
    overheadMs: elapsedMs,
  });
  return { callId: call.id, model: call.model, attempts: [], cache: 'hit', holdNanos: 0n, costNanos: 0n };
}

async function* only(body: Buffer): AsyncGenerator<Uint8Array, void> {
  yield body;
}

/** The answer that was kept. Its saving is what the call would cost today. */
export async function answerKept(
  deps: GatewayDeps,
  priced: Priced,
  { hit, saved }: { readonly hit: KeptAnswer; saved(nanos: bigint): void },
): Promise<CallAnswer> {
  const { targets, prices, facts, startedMs } = priced;
  const savedNanos = costOf(prices, targets[0], hit.usage).costNanos;
  const call = newCall(deps, priced, prices);
  const told = await write(deps, { call, usage: hit.usage, savedNanos, startedMs });
  saved(savedNanos);
  const { body, usage } = hit;
  return facts.stream ? { kind: 'stream', ...told, events: only(body) } : { kind: 'whole', ...told, body, usage };
}

/** An answer all of whose vectors are known. Nothing was sent, so nothing was used. */
export async function answerKnown(deps: GatewayDeps, asked: Asked, vectors: VectorSlot): Promise<WholeAnswer> {
  const { targets, body, startedMs } = asked;
  const prices = await deps.metering.priceBook();
  const input = vectors.known.reduce((sum, known) => sum + (known?.tokens ?? 0), 0);
  const savedNanos = costOf(prices, targets[0], { ...NO_USAGE, input }).costNanos;
  const call = newCall(deps, asked, prices);
  const told = await write(deps, { call, usage: NO_USAGE, savedNanos, startedMs });
  vectors.saved(savedNanos);
  const isBase64 = body.encoding_format === 'base64';
  const data = vectors.known.map((known, index) => ({
    object: 'embedding',
    index,
    embedding: known ? writeVector(known.vector, isBase64) : null,
  }));
  const model = vectors.known[0]?.model ?? targets[0].name;
  const answer = { object: 'list', data, model, usage: { prompt_tokens: 0, total_tokens: 0 } };
  return { kind: 'whole', ...told, body: Buffer.from(JSON.stringify(answer)), usage: NO_USAGE };
}
