/** The words of rate limits. */

export interface RateRule {
  /** Part of the key, so two rules never share a count: `api-key`, `login-ip`. */
  readonly name: string;
  /** Calls per window, before `LIMITS_SCALE`. */
  readonly limit: number;
  readonly windowSeconds: number;
  /**
   * While the shared store does not answer, each process counts for itself: `open` gives every process the whole limit, for ordinary
   * traffic; `closed` gives it a quarter, for sign-in and the like, where a guesser must gain nothing from a broken store.
   */
  readonly onStoreFailure: 'open' | 'closed';
}

export interface RateVerdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly windowSeconds: number;
  /** A lower bound: other processes may hold a few calls of it on lease. */
  readonly remaining: number;
  /** Whole seconds until the window ends, at least 1. */
  readonly resetSeconds: number;
}

export interface RateRequest {
  readonly key: Buffer;
  readonly limit: number;
  readonly windowMs: number;
  /** Calls that wait for an answer. */
  readonly wanted: number;
  /** Most calls that may be granted beyond those, as a lease; 0 for none. */
  readonly leaseMax: number;
}

export interface RateGrant {
  /** Calls the asker may admit until the window ends. Over all askers and one window never more than the limit. */
  readonly granted: number;
  /** Left in the window for anybody. */
  readonly remaining: number;
  /** Until the window ends, never more than the truth. */
  readonly endsInMs: number;
}

/** Where processes meet: PostgreSQL, or Redis where there is one. Both keep one contract, and the same tests. */
export interface RateStore {
  /** A healthy store answers well within this; a call that waits longer is counted by its process. */
  readonly answersWithinMs: number;
  /** Counts and grants in one step. With `wanted` and `leaseMax` 0 it changes nothing and tells whether the store answers. */
  take(request: RateRequest): Promise<RateGrant>;
  /** Forgets ended windows, a bounded number per call; says how many. */
  sweep(): Promise<number>;
}

export interface RedisRateStore extends RateStore {
  /** Resolves when Redis has answered; rejects with the reason when it does not. For checks: nothing needs to wait for it. */
  ping(): Promise<void>;
  close(): void;
}
