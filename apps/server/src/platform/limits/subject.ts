/** One subject under one rule, as this process sees it. */
import type { Clock } from '../clock/index.ts';
import type { RateGrant, RateVerdict } from './types.ts';

export interface SubjectRule {
  readonly limit: number;
  readonly windowSeconds: number;
}

/** Asks the shared store for `wanted` calls; undefined while the store does not answer. */
export type Ask = (wanted: number) => Promise<RateGrant | undefined> | undefined;

// A refusal is repeated from memory for this long, so that a flood of refused calls costs the store one question per second.
const REFUSAL_MS = 1_000;

type Waiter = (verdict: RateVerdict) => void;

/**
 * Calls come out of a lease while it lasts. Otherwise they queue, one question goes to the store for all that queue, and the grant is dealt
 * out in order. Never admits more than it was granted: a lease is counted down before its call is let through and is void at the end of its
 * window, reckoned from before the question was sent and therefore early rather than late.
 */
export class Subject {
  readonly #rule: SubjectRule;
  readonly #clock: Clock;
  readonly #ask: Ask;
  readonly #countLocally: (rule: SubjectRule) => RateVerdict;
  #lease = 0;
  #remaining: number;
  #endsAtMs = 0;
  #refusedUntilMs = 0;
  #waiters: Waiter[] = [];
  #isAsking = false;

  constructor(rule: SubjectRule, clock: Clock, ask: Ask, countLocally: (rule: SubjectRule) => RateVerdict) {
    this.#rule = rule;
    this.#clock = clock;
    this.#ask = ask;
    this.#countLocally = countLocally;
    this.#remaining = rule.limit;
  }

  /** Nothing is lost when an idle subject is forgotten, but at most the rest of a lease. */
  take(): Promise<RateVerdict> | RateVerdict {
    return (
      this.#atOnce() ??
      new Promise((resolve) => {
        this.#waiters.push(resolve);
        if (!this.#isAsking) void this.#serve();
      })
    );
  }

  #atOnce(): RateVerdict | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lease > 0 && nowMs < this.#endsAtMs) {
      this.#lease -= 1;
      return this.#verdict(true, nowMs);
    }
    return nowMs < this.#refusedUntilMs ? this.#verdict(false, nowMs) : undefined;
  }

  #answerAtOnce(answer: Waiter): boolean {
    const verdict = this.#atOnce();
    if (verdict) answer(verdict);
    return verdict !== undefined;
  }

  #verdict(allowed: boolean, nowMs: number): RateVerdict {
    const resetSeconds = Math.max(1, Math.ceil((this.#endsAtMs - nowMs) / 1000));
    return { allowed, ...this.#rule, remaining: allowed ? this.#remaining + this.#lease : 0, resetSeconds };
  }

  /** The owner of every question: runs until nobody waits, and never fails. */
  async #serve(): Promise<void> {
    this.#isAsking = true;
    for (;;) {
      // What the last grant left over, or its refusal, answers those who came meanwhile.
      this.#waiters = this.#waiters.filter((answer) => !this.#answerAtOnce(answer));
      const batch = this.#waiters;
      if (batch.length === 0) break;
      this.#waiters = [];
      const askedAtMs = this.#clock.monotonicMs();
      const grant = await this.#ask(batch.length);
      if (!grant) {
        for (const answer of batch) answer(this.#countLocally(this.#rule));
        continue;
      }
      this.#endsAtMs = askedAtMs + grant.endsInMs;
      this.#remaining = grant.remaining;
      this.#lease = Math.max(0, grant.granted - batch.length);
      if (grant.granted < batch.length) this.#refusedUntilMs = Math.min(this.#endsAtMs, askedAtMs + REFUSAL_MS);
      const nowMs = this.#clock.monotonicMs();
      for (const [index, answer] of batch.entries()) answer(this.#verdict(index < grant.granted, nowMs));
    }
    this.#isAsking = false;
  }
}
