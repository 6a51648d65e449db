/** What the way to the providers takes and gives. */
import type { Readable } from 'node:stream';
import type { Attempt, Channel, ProviderKind, Wire } from '../types.ts';

/** One model in one wire, and the channels that may serve it. Every channel of a target takes the same bytes. */
export interface Target {
  /** As the attempts name it: `openai/gpt-5-mini`. */
  readonly model: string;
  readonly wire: Wire;
  readonly channels: readonly Channel[];
}

/** The limits of one call. */
export interface CallLimits {
  /** From sending to a connection that is ready; default 10 s. */
  readonly connectMs: number;
  /** From a ready connection to the first header; as long again for the first event of a stream. Default 600 s, of a stream 120 s. */
  readonly firstByteMs: number;
  /** Between two pieces of the body; default 120 s. */
  readonly idleMs: number;
  /** Everything together: attempts, waits between them and the last byte; default 600 s. */
  readonly totalMs: number;
  /** A pause that a provider asks for, or one before the next attempt, is not waited for if it is longer; default 30 s. */
  readonly waitMsMax: number;
  /** Over all targets; default 6. */
  readonly attemptsMax: number;
  /** Default 3. */
  readonly attemptsPerTargetMax: number;
  /** Of one answer or one stream; default 64 MiB. */
  readonly answerBytesMax: number;
}

export interface UpstreamCall<T extends Target> {
  /** In the order in which they are to be asked; the first is what the caller wanted. */
  readonly targets: readonly T[];
  /** Whether a target after the first may be asked at all. */
  readonly mayFallBack: boolean;
  /** Whether another channel may be asked after one whose account reached its spend limit. */
  readonly mayLeaveSpendLimit: boolean;
  /** The request in the target's wire. Called at most once for each target. */
  body(target: T): Buffer | string;
  /** Headers of the client's request; only a few known ones are forwarded. */
  readonly clientHeaders?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What the call is expected to use, for limits by tokens. */
  readonly tokens: number;
  /** Aborts when the client leaves; the provider's socket is closed at once. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<CallLimits>;
}

interface Reached<T extends Target> {
  readonly target: T;
  readonly channel: Channel;
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** In order; the last is this answer. */
  readonly attempts: readonly Attempt[];
}

export interface Answered<T extends Target, R> extends Reached<T> {
  readonly body: Buffer;
  /** What `read` made of the body. */
  readonly answer: R;
}

export interface Streamed<T extends Target> extends Reached<T> {
  /**
   * Server-sent events, byte for byte. The first output is already there, so from here on nothing is tried again.
   * Fails with an UpstreamError when it is cut or too slow. Read it or destroy it; destroying closes the provider's socket.
   */
  readonly body: Readable;
}

/** `open`: not asked until its rest is over. `half-open`: one call is asked to find out. */
export type HealthState = 'closed' | 'open' | 'half-open';

export interface ChannelHealth {
  readonly channelId: string;
  readonly kind: ProviderKind;
  readonly state: HealthState;
  /** When it entered this state. */
  readonly since: Date;
  /** Median over the last calls, from sending to the first byte; undefined before the first answer. */
  readonly firstByteMs: number | undefined;
  /** Failures per call in the window of the breaker, 0 to 1. */
  readonly errorRate: number;
  readonly calls: number;
  /** Stable code of the last failure. */
  readonly lastError: string | undefined;
}

export interface Upstream {
  /**
   * Asks until there is a whole answer that `read` accepts. What `read` throws makes the answer unreadable, and another is asked for.
   * @throws UpstreamError, always with the attempts that were made.
   */
  ask<T extends Target, R>(
    call: UpstreamCall<T> & { readonly read: (body: Buffer, target: T) => R },
  ): Promise<Answered<T, R>>;
  /** Asks until a stream has given its first output. @throws UpstreamError, always with the attempts that were made. */
  stream<T extends Target>(call: UpstreamCall<T>): Promise<Streamed<T>>;
  /** Every channel that was asked lately, by this process. */
  health(): readonly ChannelHealth[];
}
