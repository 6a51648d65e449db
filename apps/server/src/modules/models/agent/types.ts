/** The words of calls that runs make. Amounts are whole nano-USD. */
import type { Tier } from '../../metering/index.ts';
import type { CallEnd, CallHold, NewCall } from '../book/index.ts';

/** The run that calls, as its locked row says. */
export interface CallingRun {
  readonly id: string;
  readonly orgId: string;
  /** The hold that calls draw from; undefined where nothing was held. */
  readonly holdId: string | undefined;
  readonly priceVersion: number;
  readonly tier: Tier['id'];
  /** By its calls that have ended. */
  readonly usedTokens: number;
}

export interface NewRunCall {
  readonly run: CallingRun;
  readonly call: NewCall;
  readonly hold: CallHold;
  /** The same on every attempt at the step. */
  readonly stepKey: string;
  /** What the run may still hold for calls. */
  readonly roomNanos: bigint;
  /** Undefined: no limit. */
  readonly tokensMax: number | undefined;
}

/** A refusal changes nothing. */
export type Begun =
  /** `attempt`: 1 for the first call of this step. */
  | { readonly outcome: 'ok'; readonly attempt: number }
  | { readonly outcome: 'no-room'; readonly requiredNanos: bigint; readonly availableNanos: bigint }
  | { readonly outcome: 'too-many-tokens'; readonly tokens: number };

export interface RunCallEnd {
  readonly run: CallingRun;
  readonly call: NewCall;
  readonly end: CallEnd;
  /** Writes the step down, and whatever else stands before the books in the order of locks. */
  record(chargedNanos: bigint): Promise<void>;
}

/** Open calls whose outcome will never be known: all of a run, of one step of it, or one by its id. */
export interface Lost {
  readonly runId: string;
  readonly stepKey?: string | undefined;
  readonly callId?: string | undefined;
  /** What we owe the provider, where it is known; otherwise the worst case. */
  readonly lossNanos?: bigint | undefined;
}
