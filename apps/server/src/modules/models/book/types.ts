/** The words of the books of calls. Amounts are whole nano-USD. */
import type { HoldAnswer } from '../../ledger/index.ts';
import type { Attempt, Payer, TokenUsage, Wire } from '../types.ts';

/** What is known of a call before a provider is asked. */
export interface NewCall {
  readonly id: string;
  readonly payer: Payer;
  readonly requestId: string;
  readonly wire: Wire;
  /** The model as the client wrote it. */
  readonly requested: string;
  /** The model as it will be asked for. */
  readonly model: string;
  readonly ownKey: boolean;
  readonly streamed: boolean;
  readonly priceId: string | undefined;
  readonly priceVersion: number;
}

/** The money that a call reserves before it is made. */
export interface CallHold {
  readonly holdId: string;
  readonly amountNanos: bigint;
  /** The most tokens of prompt and answers together. */
  readonly tokensMax: number;
  /** What we may come to owe the provider if nobody settles. */
  readonly riskNanos: bigint;
  /** How long, by the database's clock, before the sweeper may take it back: longer than the call can last. */
  readonly livesMs: number;
}

/** What a tier gives to calls by API: how many at once, and how many tokens a UTC day. Counted over all processes, exactly. */
export interface CallRoom {
  readonly callsAtOnce: number;
  /** Undefined: as many as there are. */
  readonly tokensPerDay: number | undefined;
}

export interface CallEnd {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  /** The model that answered, when it was another one. */
  readonly model?: string | undefined;
  readonly priceId?: string | undefined;
  readonly channelId?: string | undefined;
  readonly attempts: readonly Attempt[];
  readonly usage: TokenUsage;
  /** By the price book. More than the hold is not charged: it is in `lossNanos`, at the provider's price. */
  readonly costNanos: bigint;
  readonly providerCostNanos: bigint;
  readonly lossNanos: bigint;
  /** What inputs would have cost that were not sent, because their vectors were known. */
  readonly savedNanos?: bigint | undefined;
  readonly errorCode?: string | undefined;
  readonly firstTokenMs?: number | undefined;
  /** What the client has got when this is committed, to its last byte where the call succeeded. Only for books other than those of calls by API. */
  readonly given?: (() => Uint8Array) | undefined;
}

/** An answer from the cache: history and usage of it cost nothing. */
export interface CacheHit {
  readonly usage: TokenUsage;
  readonly savedNanos: bigint;
}

export interface CallBook {
  /**
   * Reserves the money, and of the room what the call may come to, and writes the call down; all is committed when this resolves. Idempotent
   * by call id. @throws `models.tokens-per-day`, `models.calls-at-once` where there is no room
   */
  begin(call: NewCall, hold: CallHold, room?: CallRoom): Promise<HoldAnswer>;
  /**
   * Charges the call, gives the rest back and records its use; committed when this resolves. Idempotent. `late`: the hold had expired, so
   * the customer pays nothing and the loss is booked.
   */
  end(call: NewCall, hold: CallHold, end: CallEnd): Promise<{ outcome: 'ok' | 'late'; chargedNanos: bigint }>;
  /** Writes down an answer that cost nothing. */
  hit(call: NewCall, hit: CacheHit): Promise<void>;
  /** Waits until nothing is under way. */
  close(): Promise<void>;
}
