/** One call from its request to its settlement: the open call, and the two ways in which it ends. */

import type { PriceBook } from '../../metering/index.ts';
import type { CallBook, CallEnd, CallHold, NewCall } from '../book/index.ts';
import { type Attempt, NO_USAGE, type TokenUsage } from '../types.ts';
import { UpstreamError } from '../upstream/index.ts';
import type { RequestFacts } from '../wire/index.ts';
import type { GatewayDeps } from './deps.ts';
import { type Bounds, costOf, lossOf } from './money.ts';
import type { PlannedTarget } from './plan.ts';
import type { CallFacts, CallObserver } from './types.ts';

export interface OpenCallInput {
  readonly call: NewCall;
  readonly hold: CallHold;
  readonly book: CallBook;
  readonly prices: PriceBook;
  readonly targets: readonly PlannedTarget[];
  readonly bounds: readonly Bounds[];
  readonly facts: RequestFacts;
  readonly cache: CallFacts['cache'];
  readonly startedMs: number;
}

/** What a provider delivered, as far as it is known. */
export interface Delivered {
  readonly usage: TokenUsage | undefined;
  /** What the provider said of the input before it broke off. */
  readonly begun?: TokenUsage | undefined;
  /** Everything that was delivered and costs tokens. */
  readonly text: string;
  /** What the client has got by then. */
  readonly given?: (() => Uint8Array) | undefined;
}

/** A call whose hold is taken. Exactly one of `succeed` and `fail` ends it, once. */
export class OpenCall {
  readonly deps: GatewayDeps;
  readonly input: OpenCallInput;
  firstTokenMs: number | undefined;
  #isEnded = false;

  constructor(deps: GatewayDeps, input: OpenCallInput) {
    this.deps = deps;
    this.input = input;
  }

  elapsedMs(): number {
    return Math.round(this.deps.clock.monotonicMs() - this.input.startedMs);
  }

  sawFirstToken(): void {
    this.firstTokenMs ??= this.elapsedMs();
  }

  /** What was used: by the provider's word, else counted. Pictures are priced by the piece, and no provider counts them. */
  async usageOf({ usage, begun, text }: Delivered): Promise<TokenUsage> {
    const { images } = this.input.facts;
    if (usage) return { ...usage, images };
    const [input, output] = await Promise.all([
      begun ? begun.input : this.inputTokens(),
      this.deps.tokens.countDelivered(text),
    ]);
    return { ...(begun ?? NO_USAGE), input, output, reasoning: 0, images, isCounted: true };
  }

  async inputTokens(): Promise<number> {
    const { texts, cutTokens } = this.input.facts;
    return (await this.deps.tokens.count(texts)) + cutTokens;
  }

  /** Charges what was delivered. `status` tells whether it was all that the client wanted. */
  async charge(
    target: PlannedTarget,
    delivered: Delivered,
    end: Pick<CallEnd, 'status' | 'channelId' | 'attempts' | 'errorCode' | 'savedNanos'>,
  ): Promise<{ costNanos: bigint; usage: TokenUsage }> {
    const { hold, book, prices } = this.input;
    const usage = await this.usageOf(delivered);
    const cost = costOf(prices, target, usage);
    const { chargedNanos } = await this.end(book, {
      ...end,
      ...cost,
      model: target.model,
      priceId: target.price?.id,
      usage,
      lossNanos: lossOf(cost, hold.amountNanos),
      given: delivered.given,
    });
    this.observe(target.model, { status: end.status, usage, errorCode: end.errorCode, attempts: end.attempts });
    return { costNanos: chargedNanos, usage };
  }

  /** Ends a call that delivered nothing, which costs nothing. The input a provider may have read is the operator's loss. */
  async fail(error: unknown, isCancelled: boolean): Promise<void> {
    if (this.#isEnded) return;
    const { call, book, targets } = this.input;
    const attempts = error instanceof UpstreamError ? error.attempts : [];
    const status = isCancelled ? 'cancelled' : 'failed';
    const errorCode = codeOf(error);
    const lossNanos = isCancelled && attempts.length > 0 ? await this.inputLoss(attempts) : 0n;
    const nothing = { usage: NO_USAGE, costNanos: 0n, providerCostNanos: lossNanos, lossNanos };
    await this.end(book, { ...nothing, status, attempts, errorCode });
    this.observe(targets[0]?.model ?? call.model, { status, usage: NO_USAGE, errorCode, attempts });
  }

  async inputLoss(attempts: readonly Attempt[]): Promise<bigint> {
    const last = attempts.at(-1);
    const target = this.input.targets.find((one) => one.model === last?.model);
    if (!target) return 0n;
    const input = await this.inputTokens();
    return costOf(this.input.prices, target, { ...NO_USAGE, input }).providerCostNanos;
  }

  async end(book: CallBook, end: Omit<CallEnd, 'firstTokenMs'>): Promise<{ chargedNanos: bigint }> {
    this.#isEnded = true;
    return book.end(this.input.call, this.input.hold, { ...end, firstTokenMs: this.firstTokenMs });
  }

  observe(
    model: string,
    seen: Pick<Parameters<CallObserver['ended']>[0], 'status' | 'usage' | 'errorCode'> & {
      readonly attempts: readonly Attempt[];
    },
  ): void {
    const { attempts, ...rest } = seen;
    const providerMs = attempts.reduce((sum, attempt) => sum + attempt.ms, 0);
    this.deps.observer.ended({
      ...rest,
      model,
      cache: this.input.cache,
      firstTokenMs: this.firstTokenMs,
      overheadMs: attempts.length > 0 ? Math.max(this.elapsedMs() - providerMs, 0) : undefined,
    });
  }
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'spec' in error) {
    const { spec } = error;
    if (typeof spec === 'object' && spec !== null && 'code' in spec && typeof spec.code === 'string') return spec.code;
  }
  return 'internal';
}
