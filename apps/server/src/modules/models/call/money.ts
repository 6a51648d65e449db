/** From tokens to money: what a call reserves, and what it comes to. Whole nano-USD. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { describeRefusal, type HoldRefusal } from '../../ledger/index.ts';
import { basePrice, customerCost, type PriceBook, providerCost, worstCost } from '../../metering/index.ts';
import { callErrors } from '../errors.ts';
import { outputBound, type TokenCounter } from '../tokens/index.ts';
import type { TokenUsage } from '../types.ts';
import type { RequestFacts } from '../wire/index.ts';
import type { PlannedTarget } from './plan.ts';
import type { CallTerms } from './types.ts';

/** What a call may come to with one model. */
export interface Bounds {
  readonly inputTokensMax: number;
  readonly outputTokensMax: number;
  /** Written into the request, because the hold would be no bound without it. */
  readonly imposedOutputMax: number | undefined;
  /** What the provider asks at most; 0 where it is not us who pays. */
  readonly providerNanos: bigint;
}

export interface Cost {
  /** By the price book, whatever was reserved. */
  readonly costNanos: bigint;
  readonly providerCostNanos: bigint;
}

/** The tier under which calls with the customer's own key are sold. */
const OWN_KEY_TIER = 'byok';
const PLATFORM = 'gateway';

/** What a call costs whose provider the customer pays. */
export const platformFee = (book: PriceBook): bigint => basePrice(book, PLATFORM, OWN_KEY_TIER);

const NOTHING_KNOWN = { contextTokens: undefined, outputTokensMax: undefined, embeds: false };

/** @throws `models.context-exceeded` where the prompt alone cannot fit. */
export async function boundsOf(
  tokens: TokenCounter,
  target: PlannedTarget,
  facts: RequestFacts,
  terms?: CallTerms,
): Promise<Bounds> {
  const prompt = { texts: facts.texts, messages: facts.messages, tools: facts.usesTools ? 1 : 0, images: facts.images };
  const counted = (await tokens.bound(target.kind, target.name, prompt)) + facts.cutTokens;
  const known = target.price ?? NOTHING_KNOWN;
  const inputTokensMax = facts.hasUnseenInput ? Math.max(known.contextTokens ?? 0, counted) : counted;
  const room = { inputTokensMax: counted, tierTokensMax: terms?.outputTokensMax };
  const { tokensMax, isImposed } = outputBound(facts.outputMax, known, room);
  // By API nothing is held by tokens with one's own key, so nothing has to be bounded; a run may have a limit of tokens.
  const imposedOutputMax = isImposed && (terms || !target.ownKey) ? tokensMax : undefined;
  const bounds = { inputTokensMax, outputTokensMax: tokensMax, images: facts.images, n: facts.n };
  const providerNanos = target.price && !target.ownKey ? worstCost(target.price, bounds) : 0n;
  return { inputTokensMax, outputTokensMax: tokensMax, imposedOutputMax, providerNanos };
}

/** A price list of a house that runs its own models holds whatever is asked of them. */
const TAKES_ANYTHING: ReadonlySet<string> = new Set(['ollama', 'compatible']);

/**
 * With the operator's key nothing is asked whose price is not known before, and nothing of what the operator's account keeps.
 * @throws `models.own-key-only`
 */
export function assertSold(target: PlannedTarget, facts: RequestFacts): void {
  if (target.ownKey) return;
  const unbounded = facts.hasUnseenInput && target.price?.contextTokens === undefined;
  const errors = [
    ...(TAKES_ANYTHING.has(target.kind) ? [] : facts.ownAccountOnly),
    ...(unbounded ? [{ path: '/model', message: 'has no known context that would bound what a document costs' }] : []),
  ];
  if (errors.length === 0) return;
  throw new GuildhallError(callErrors.ownKeyOnly, {
    detail: `${errors.map(({ path, message }) => `${path} ${message}`).join('; ')}.`,
    errors,
  });
}

/**
 * Refuses a prompt that cannot fit whatever the model's own tokenizer says: the bound for the hold is too generous to refuse by, the plain count
 * is not. @throws `models.context-exceeded`
 */
export function assertFits(target: PlannedTarget, facts: RequestFacts, countedTokens: number): void {
  const limit = target.price?.contextTokens;
  if (limit === undefined || countedTokens <= limit) return;
  throw new GuildhallError(callErrors.tooLong, {
    detail: `The prompt has about ${countedTokens} tokens; ${target.model} takes ${limit} with the answer.`,
    errors: [{ path: facts.embeddings ? '/input' : '/messages', message: `is longer than ${limit} tokens` }],
  });
}

/** The most tokens of prompt and answers together, whichever of the models answers. */
export const tokensFor = (bounds: readonly Bounds[], n: number): number =>
  Math.max(...bounds.map(({ inputTokensMax, outputTokensMax }) => inputTokensMax + outputTokensMax * n));

/** The most that the customer pays, whichever of the models answers. */
export function holdFor(book: PriceBook, targets: readonly PlannedTarget[], bounds: readonly Bounds[]): bigint {
  const each = targets.map((target, index) =>
    target.ownKey ? platformFee(book) : customerCost(book, bounds[index]?.providerNanos ?? 0n),
  );
  return each.reduce((most, nanos) => (nanos > most ? nanos : most), 0n);
}

export function costOf(book: PriceBook, target: PlannedTarget, usage: TokenUsage): Cost {
  if (target.ownKey) return { costNanos: platformFee(book), providerCostNanos: 0n };
  const providerCostNanos = target.price ? providerCost(target.price, usage) : 0n;
  return { costNanos: customerCost(book, providerCostNanos), providerCostNanos };
}

/** The part of the provider's price that the hold does not cover: it is the operator's. */
export function lossOf({ costNanos, providerCostNanos }: Cost, holdNanos: bigint): bigint {
  if (costNanos <= holdNanos) return 0n;
  return (providerCostNanos * (costNanos - holdNanos) + costNanos - 1n) / costNanos;
}

/** The 402 that says what is missing. */
export function refusalOf(answer: HoldRefusal): GuildhallError {
  const spec = { balance: callErrors.insufficient, budget: callErrors.overBudget, parent: callErrors.overRun };
  return new GuildhallError(spec[answer.reason], { ...describeRefusal(answer) });
}
