/** How much went over a channel in the last minute. */
const MINUTE_MS = 60_000;

/** Two counters slide over the minute: what the last one held counts by the share of it that is less than a minute ago. */
export class Meter {
  readonly #monotonicMs: () => number;
  #minute = 0;
  #current = 0;
  #last = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** How far into the current minute it is, 0 to 1. */
  #slide(): number {
    const at = this.#monotonicMs() / MINUTE_MS;
    const minute = Math.floor(at);
    if (minute !== this.#minute) {
      this.#last = minute === this.#minute + 1 ? this.#current : 0;
      this.#current = 0;
      this.#minute = minute;
    }
    return at - minute;
  }

  /** Milliseconds until so much more fits; 0 when it does now. What never fits goes when nothing else has gone. */
  waitMs(wanted: number, limit: number): number {
    const passed = this.#slide();
    const used = this.#last * (1 - passed) + this.#current;
    if (used === 0 || used + wanted <= limit) return 0;
    const room = Math.max(0, limit - wanted - this.#current);
    const free = this.#last > room ? 1 - room / this.#last : 0;
    const isThisMinute = this.#current === 0 || this.#current + wanted <= limit;
    return Math.ceil(((isThisMinute ? free : 1) - passed) * MINUTE_MS) + 1;
  }

  take(amount: number): void {
    this.#slide();
    this.#current += amount;
  }
}
