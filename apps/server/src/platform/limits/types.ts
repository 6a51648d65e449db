/** The words of rate limits. */

export interface RateRule {
  /** Part of the key, so two rules never share a count: `api-key`, `login-ip`. */
  readonly name: string;
  /** Calls per window, or whatever else its calls weigh, before `LIMITS_SCALE`. */
  readonly limit: number;
  readonly windowSeconds: number;
  /**
   * While the shared store does not answer, each process counts for itself: `open` gives every process the whole limit, for ordinary
   * traffic; `closed` gives it a quarter, for sign-in and the like, where a guesser must gain nothing from a broken store.
   */
  readonly onStoreFailure: 'open' | 'closed';
}

/** How a subject stands under a rule. */
export interface RateStanding {
  readonly allowed: boolean;
  readonly limit: number;
  readonly windowSeconds: number;
  /** A lower bound: other processes may hold a few calls of it on lease. */
  readonly remaining: number;
  /** Whole seconds until the window ends, at least 1. */
  readonly resetSeconds: number;
}

export interface RateVerdict extends RateStanding {
  /** Says what an admitted call weighed in truth, once and at any time. Never waits and never refuses: what it weighed beyond is paid by later calls. */
  correct(weighed: number): void;
}

export interface RateRequest {
  readonly key: Buffer;
  readonly limit: number;
  readonly windowMs: number;
  /** What the calls that wait for an answer weigh; 1 each as a rule. */
  readonly wanted: number;
  /** The most that may be granted beyond that, as a lease; 0 for none. */
  readonly leaseMax: number;
}

export interface RateGrant {
  /** What the asker may admit until the window ends. Over all askers and one window never more than the limit. */
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
