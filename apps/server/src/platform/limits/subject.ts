/** One subject under one rule, as this process sees it. */
import type { Clock } from '../clock/index.ts';
import type { RateGrant, RateStanding, RateVerdict } from './types.ts';

export interface SubjectRule {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** What queues at a subject: how many calls, and what they weigh together. */
export interface Queue {
  readonly calls: number;
  readonly weight: number;
}

/** Asks the shared store; undefined while it does not answer. */
export type Ask = (queue: Queue) => Promise<RateGrant | undefined> | undefined;
export type CountLocally = (rule: SubjectRule, weight: number) => RateVerdict;

// A refusal is repeated from memory for this long, so that a flood of refused calls costs the store one question per second.
const REFUSAL_MS = 1_000;

interface Waiter {
  readonly weight: number;
  answer(verdict: RateVerdict): void;
}

/**
 * Calls come out of a lease while it lasts. Otherwise they queue, one question goes to the store for all that queue, and the grant is dealt
 * out in order. Never admits more than it was granted: a lease is counted down before its call is let through and is void at the end of its
 * window, reckoned from before the question was sent and therefore early rather than late. What a call turns out not to have weighed goes into
 * the lease; what it weighed beyond is owed by it, and paid before anybody is admitted.
 */
export class Subject {
  readonly #rule: SubjectRule;
  readonly #clock: Clock;
  readonly #ask: Ask;
  readonly #countLocally: CountLocally;
  #lease = 0;
  #remaining: number;
  #endsAtMs = 0;
  #window = 0;
  #refusedUntilMs = 0;
  #waiters: Waiter[] = [];
  #isAsking = false;

  constructor(rule: SubjectRule, clock: Clock, ask: Ask, countLocally: CountLocally) {
    this.#rule = rule;
    this.#clock = clock;
    this.#ask = ask;
    this.#countLocally = countLocally;
    this.#remaining = rule.limit;
  }

  /**
   * A call that weighs more than the whole limit counts as the whole limit. Nothing is lost when an idle subject is forgotten, but at most
   * the rest of a lease.
   */
  take(wanted: number): Promise<RateVerdict> | RateVerdict {
    const weight = Math.min(wanted, this.#rule.limit);
    return (
      this.#atOnce(weight) ??
      new Promise((answer) => {
        this.#waiters.push({ weight, answer });
        if (!this.#isAsking) void this.#serve();
      })
    );
  }

  /** How it stands, without counting anything. */
  look(): RateStanding {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#endsAtMs) this.#remaining = this.#rule.limit;
    return this.#verdict(nowMs, 0);
  }

  /** How it stands with the shared store, which counts nothing for it. */
  async ask(): Promise<RateStanding> {
    const askedAtMs = this.#clock.monotonicMs();
    const grant = await this.#ask({ calls: 1, weight: 0 });
    if (grant) this.#take(grant, askedAtMs);
    return this.look();
  }

  #atOnce(weight: number): RateVerdict | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lease >= weight && nowMs < this.#endsAtMs) return this.#admit(nowMs, weight);
    return nowMs < this.#refusedUntilMs ? this.#verdict(nowMs) : undefined;
  }

  #admit(nowMs: number, weight: number): RateVerdict {
    this.#lease -= weight;
    return this.#verdict(nowMs, weight);
  }

  /** `weight` of what was admitted; undefined: refused. */
  #verdict(nowMs: number, weight?: number): RateVerdict {
    const resetSeconds = Math.max(1, Math.ceil((this.#endsAtMs - nowMs) / 1000));
    const allowed = weight !== undefined;
    const lease = nowMs < this.#endsAtMs ? this.#lease : 0;
    const remaining = allowed ? Math.max(0, this.#remaining + lease) : 0;
    const window = this.#window;
    return {
      allowed,
      ...this.#rule,
      remaining,
      resetSeconds,
      correct: (weighed) => {
        if (allowed && window === this.#window) this.#lease += weight - weighed;
      },
    };
  }

  /** The owner of every question: runs until nobody waits, and never fails. */
  async #serve(): Promise<void> {
    this.#isAsking = true;
    for (;;) {
      // What the last grant left over, or its refusal, answers those who came meanwhile.
      const batch = this.#waiters.filter(({ weight, answer }) => {
        const verdict = this.#atOnce(weight);
        if (verdict) answer(verdict);
        return verdict === undefined;
      });
      this.#waiters = [];
      if (batch.length === 0) break;
      const askedAtMs = this.#clock.monotonicMs();
      const weight = batch.reduce((sum, waiter) => sum + waiter.weight, 0) + Math.max(0, -this.#lease);
      const grant = await this.#ask({ calls: batch.length, weight });
      if (!grant) {
        for (const { answer, weight: own } of batch) answer(this.#countLocally(this.#rule, own));
        continue;
      }
      this.#take(grant, askedAtMs);
      this.#deal(batch, askedAtMs);
    }
    this.#isAsking = false;
  }

  #take(grant: RateGrant, askedAtMs: number): void {
    const endsAtMs = askedAtMs + grant.endsInMs;
    // The same window ends at the same instant but for the time that questions travel; the next one ends a whole window later.
    if (endsAtMs - this.#endsAtMs > this.#rule.windowSeconds * 500) {
      this.#lease = 0;
      this.#window += 1;
    }
    this.#endsAtMs = endsAtMs;
    this.#remaining = grant.remaining;
    this.#lease += grant.granted;
  }

  #deal(batch: readonly Waiter[], askedAtMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { weight, answer } of batch) {
      if (weight <= this.#lease) {
        answer(this.#admit(nowMs, weight));
        continue;
      }
      this.#refusedUntilMs = Math.min(this.#endsAtMs, askedAtMs + REFUSAL_MS);
      answer(this.#verdict(nowMs));
    }
  }
}
