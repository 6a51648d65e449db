/** Embeddings: what is not known is asked for, with others' where they wait, and joined with what is. */
import { type Embedded, share, type VectorSlot, writeVector } from '../cache/index.ts';
import { type Json, NO_USAGE } from '../types.ts';
import { toProvider } from '../wire/index.ts';
import type { GatewayDeps } from './deps.ts';
import { costOf } from './money.ts';
import { factsOf, type Prepared, upstreamCall } from './prepared.ts';
import type { WholeAnswer } from './types.ts';

/** Tokens of each input that is sent, by our count. */
function countEach(deps: GatewayDeps, { facts }: Prepared): Promise<number[]> {
  const inputs = facts.embeddings ?? [];
  return Promise.all(inputs.map((input) => (typeof input === 'string' ? deps.tokens.count([input]) : input.length)));
}

function askTogether(deps: GatewayDeps, prepared: Prepared, counts: readonly number[]): Promise<Embedded> {
  const { incoming, facts, body, targets } = prepared;
  const [target] = targets;
  const wanted = { model: target.name, kind: target.kind };
  const { model: _, input: __, ...options } = toProvider(incoming.wire, target.wire, body, wanted);
  const { tokens, clientHeaders, signal, limits } = upstreamCall(prepared);
  return deps.caches.batches.ask({
    target,
    inputs: facts.embeddings ?? [],
    counts,
    tokensMax: tokens,
    options,
    clientHeaders,
    signal,
    mayShare: incoming.requestKey === undefined,
    totalMs: limits.totalMs,
  });
}

/** In the client's order and encoding; what the provider sent in that encoding is passed on as it came. */
function joined({ known, sentAs }: VectorSlot, embedded: Embedded, isBase64: boolean): Json[] {
  return known.map((kept, index) => {
    if (kept) return writeVector(kept.vector, isBase64);
    const item = embedded.items[sentAs[index] ?? -1];
    if (!item) throw new Error(`assertion failed: no vector for input ${index}`);
    return (typeof item.given === 'string') === isBase64 ? item.given : writeVector(item.vector, isBase64);
  });
}

/** What the client gets: the provider's own bytes where these are all of it. */
function bodyOf(
  { body: asked, targets }: Prepared,
  vectors: VectorSlot,
  embedded: Embedded,
  counts: readonly number[],
): Buffer {
  if (embedded.body && vectors.missing.length === vectors.known.length) return embedded.body;
  const embeddings = joined(vectors, embedded, asked.encoding_format === 'base64');
  const data = embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding }));
  const total = embedded.usage?.input ?? counts.reduce((sum, count) => sum + count, 0);
  const usage = { prompt_tokens: total, total_tokens: total };
  return Buffer.from(JSON.stringify({ object: 'list', data, model: embedded.model ?? targets[0].name, usage }));
}

/** What the call would have cost more if everything had been sent. */
function savedBy(prepared: Prepared, { known, sentAs }: VectorSlot, sentTokens: readonly number[]): bigint {
  const { targets, open } = prepared;
  const cost = (input: number): bigint => costOf(open.input.prices, targets[0], { ...NO_USAGE, input }).costNanos;
  const sent = sentTokens.reduce((sum, tokens) => sum + tokens, 0);
  const asked = known.reduce((sum, kept, index) => sum + (kept?.tokens ?? sentTokens[sentAs[index] ?? -1] ?? 0), 0);
  return cost(asked) - cost(sent);
}

/** Charges for what was sent, and answers with everything that was asked for. */
export async function answerEmbeddings(
  deps: GatewayDeps,
  prepared: Prepared,
  vectors: VectorSlot,
): Promise<WholeAnswer> {
  const { open, targets } = prepared;
  const [target] = targets;
  const counts = await countEach(deps, prepared);
  const embedded = await askTogether(deps, prepared, counts);
  open.sawFirstToken();
  const { channel, attempts, usage: reported, items } = embedded;
  const model = embedded.model ?? target.name;
  const tokens = reported ? share(reported.input, counts) : counts;
  const savedNanos = savedBy(prepared, vectors, tokens);
  const body = bodyOf(prepared, vectors, embedded, counts);
  const { costNanos, usage } = await open.charge(
    target,
    { usage: reported, text: '', given: () => body },
    { status: 'succeeded', channelId: channel.id, attempts, savedNanos },
  );
  vectors.keep(items.map(({ vector }, index) => ({ vector, model, tokens: tokens[index] ?? 0 })));
  if (savedNanos > 0n) vectors.saved(savedNanos);
  return { kind: 'whole', ...factsOf(open, { target, attempts }), body, costNanos, usage };
}
