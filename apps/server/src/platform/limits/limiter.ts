/** Admits calls by rule and subject: from a lease in this process where it can, through the shared store where it must. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import { createLocalWindows } from './local-windows.ts';
import { Subject } from './subject.ts';
import type { RateGrant, RateRequest, RateRule, RateStanding, RateStore, RateVerdict } from './types.ts';

export interface RateLimiter {
  /**
   * Counts one call. `subject` names who calls, tenant first (`org_…/key_…`), or an address; it is stored only as a keyed hash. Never throws.
   * `weight` is what it counts for, where a rule counts something else than calls: a positive whole number, by default 1.
   */
  take(rule: RateRule, subject: string, weight?: number): Promise<RateVerdict>;
  /** How the subject stands as far as this process knows. Counts and asks nothing. */
  look(rule: RateRule, subject: string): RateStanding;
  /** The same as the shared store knows it, which is asked; where it does not answer, as this process does. Counts nothing. */
  ask(rule: RateRule, subject: string): Promise<RateStanding>;
  /** False while the shared store does not answer and every process counts for itself. */
  isShared(): boolean;
}

export interface RateLimiterOptions {
  readonly store: RateStore;
  readonly clock: Clock;
  /** A keyed hash, so that the stored keys cannot be turned back: `(text) => keyring.mac('rate-limits', text)`. */
  readonly hash: (text: string) => Buffer;
  /** `LIMITS_SCALE`: multiplies every limit. */
  readonly scale?: number;
  /** Told once when the store stops answering and once when it answers again; raise the alarm here. */
  readonly onSharedChange?: (isShared: boolean, cause?: unknown) => void;
}

// A rule this large is leased; below it every call asks, so that the count is exact even when calls stop.
const LEASE_LIMIT_MIN = 1_000;
const LEASE_MAX = 100;
// What the store's counter holds.
const LIMIT_MAX = 2 ** 31 - 1;
// Subjects that are forgotten cost one question when they come back.
const SUBJECTS_MAX = 50_000;
const STORE_RETRY_MS = 1_000;
const CLOSED_SHARE = 4;

/** Rejects when the store takes too long. What it grants then is lost: too few calls are admitted rather than too many. */
async function inTime<T>(work: Promise<T>, withinMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`the rate store takes longer than ${withinMs} ms`));
    // Timers come before arrivals: a process that was busy itself first looks whether the answer is there.
    timer = setTimeout(() => setImmediate(() => setImmediate(giveUp)), withinMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Keeps track of whether the store answers. `shared`: each call asks; the first answer that fails or is late leaves it. `alone`: no call
 * waits; once a second one of them makes the store be asked beside it, and an answer leads back.
 */
function createConnection({ store, clock, onSharedChange }: RateLimiterOptions) {
  let isShared = true;
  let isProbing = false;
  let retryAtMs = 0;
  const change = (next: boolean, cause?: unknown): void => {
    if (!next) retryAtMs = clock.monotonicMs() + STORE_RETRY_MS;
    if (isShared === next) return;
    isShared = next;
    onSharedChange?.(next, cause);
  };
  const ask = async (request: RateRequest): Promise<RateGrant | undefined> => {
    try {
      const grant = await inTime(store.take(request), store.answersWithinMs);
      change(true);
      return grant;
    } catch (error) {
      // Translated into counting locally, and told to `onSharedChange`.
      change(false, error);
      return undefined;
    }
  };
  const probe = async (request: RateRequest): Promise<void> => {
    isProbing = true;
    await ask({ ...request, wanted: 0, leaseMax: 0 });
    isProbing = false;
  };
  return {
    isShared: () => isShared,
    ask: (request: RateRequest): Promise<RateGrant | undefined> | undefined => {
      if (isShared) return ask(request);
      // Never rejects, and one at a time.
      if (!isProbing && clock.monotonicMs() >= retryAtMs) void probe(request);
      return undefined;
    },
  };
}

/**
 * Within one window all processes together admit at most the limit, and exactly the limit when calls keep coming. A window starts with the first
 * call of a subject and is refilled whole when it ends; so two windows in a row may be used up around the moment between them.
 *
 * Leases: a rule of 1,000 or more hands out up to 100 calls ahead, and never more than a 64th of what is left, so leases shrink to nothing as
 * the window empties. A lease is part of what the store has counted; holding it can only make others be refused early, by the processes × 100
 * calls that idle processes may still hold. Where calls have weights, a lease is for 100 calls like those that ask.
 *
 * With weights, what is admitted is at most the limit by the weights that were given; by the weights that were true it is over by at most what
 * calls under way turn out to weigh beyond.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const scale = options.scale ?? 1;
  const connection = createConnection(options);
  const local = createLocalWindows(options.clock, SUBJECTS_MAX);
  const subjects = new LRUCache<string, Subject>({ max: SUBJECTS_MAX });
  const open = (rule: RateRule, name: string): Subject => {
    const limit = Math.min(LIMIT_MAX, Math.max(1, Math.floor(rule.limit * scale)));
    const windowMs = rule.windowSeconds * 1000;
    const key = options.hash(name);
    const leasedCalls = limit >= LEASE_LIMIT_MIN ? LEASE_MAX : 0;
    const localLimit = rule.onStoreFailure === 'open' ? limit : Math.max(1, Math.floor(limit / CLOSED_SHARE));
    return new Subject(
      { limit, windowSeconds: rule.windowSeconds },
      options.clock,
      ({ calls, weight }) => {
        const leaseMax = Math.min(limit, leasedCalls * Math.ceil(weight / calls));
        return connection.ask({ key, limit, windowMs, wanted: Math.min(weight, LIMIT_MAX), leaseMax });
      },
      (subjectRule, weight) => local.take(name, { ...subjectRule, limit: localLimit }, weight),
    );
  };
  const subjectOf = (rule: RateRule, subject: string): Subject => {
    const name = `${rule.name}\u0000${rule.limit}\u0000${rule.windowSeconds}\u0000${subject}`;
    const known = subjects.get(name) ?? open(rule, name);
    subjects.set(name, known);
    return known;
  };
  return {
    take: async (rule, subject, weight = 1) => subjectOf(rule, subject).take(weight),
    look: (rule, subject) => subjectOf(rule, subject).look(),
    ask: async (rule, subject) => subjectOf(rule, subject).ask(),
    isShared: connection.isShared,
  };
}
