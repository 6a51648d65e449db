/** What one call of a model takes and gives. */
import type { CallBook } from '../book/index.ts';
import type { RequestKey } from '../channels/index.ts';
import type { Attempt, Payer, TokenUsage, Wire } from '../types.ts';

/** What holds for the calls of a run beside what holds for all. */
export interface CallTerms {
  /** Whose providers may be asked: the customer's own alone, or the operator's alone. */
  readonly channels: 'own' | 'operator';
  /** The tier's limit of an answer. */
  readonly outputTokensMax: number | undefined;
}

export interface Incoming {
  readonly payer: Payer;
  readonly requestId: string;
  /** The language the client speaks. */
  readonly wire: Wire;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  readonly requestKey?: RequestKey | undefined;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Where the call is booked; default: the books of calls by API. */
  readonly book?: CallBook | undefined;
  /** Left out: a call by API. */
  readonly terms?: CallTerms | undefined;
}

/** What is known of a call when its answer begins. */
export interface CallFacts {
  readonly callId: string;
  /** The model that answers. */
  readonly model: string;
  readonly attempts: readonly Attempt[];
  readonly cache: 'hit' | 'miss' | 'off';
  readonly holdNanos: bigint;
}

export interface WholeAnswer extends CallFacts {
  readonly kind: 'whole';
  /** In the client's wire; the provider's own bytes where both speak the same. */
  readonly body: Buffer;
  readonly costNanos: bigint;
  readonly usage: TokenUsage;
}

export interface StreamedAnswer extends CallFacts {
  readonly kind: 'stream';
  /**
   * Server-sent events in the client's wire. The last ones come after the settlement has committed. Never throws: what goes wrong on the way is
   * its last event. Read it to the end or return it, else the call stays open until its hold expires.
   */
  readonly events: AsyncGenerator<Uint8Array, void>;
  /** After the end: the code of what went wrong on the way. */
  readonly errorCode?: () => string | undefined;
}

export type CallAnswer = WholeAnswer | StreamedAnswer;

/** Told of what happened, for metrics. */
export interface CallObserver {
  ended(call: {
    readonly model: string;
    readonly status: 'succeeded' | 'failed' | 'cancelled';
    readonly cache: CallFacts['cache'];
    readonly usage: TokenUsage;
    readonly errorCode: string | undefined;
    readonly firstTokenMs: number | undefined;
    /** Whole time in the gateway less the time spent waiting for the provider. */
    readonly overheadMs: number | undefined;
  }): void;
}
