/** When a failing channel is left alone, and when it is tried again. */
import type { HealthState } from './types.ts';

// A channel that is down for all: five failures one after the other, or half of what was asked in the last 30 s.
const IN_A_ROW_MAX = 5;
const RATE_MAX = 0.5;
const RATE_CALLS_MIN = 20;
const WINDOW_MS = 30_000;
const SLICES = 10;
const SLICE_MS = WINDOW_MS / SLICES;
// Doubles with every probe that fails.
const OPEN_MS = 5_000;
const OPEN_MAX_MS = 60_000;

/** Permission for one call. What comes of a call from before the breaker last moved is counted, and moves it no more. */
export interface Pass {
  readonly era: number;
  readonly isProbe: boolean;
}

interface Slice {
  id: number;
  calls: number;
  failures: number;
}

/**
 * closed → open: by its rules, or at once by `close the account`. open → half-open: its rest is over, and one probe may go.
 * half-open → closed: the probe succeeded; → open: it failed, for twice as long.
 */
export class Breaker {
  readonly #monotonicMs: () => number;
  readonly #slices: Slice[] = Array.from({ length: SLICES }, () => ({ id: -1, calls: 0, failures: 0 }));
  #era = 0;
  #inRow = 0;
  #openedMs = OPEN_MS;
  /** Until then nobody goes; 0 while closed. */
  #openUntil = 0;
  #isOpen = false;
  #isProbing = false;
  /** The provider asked for a pause; that is no failure. */
  #restUntil = 0;
  #sinceMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  get state(): HealthState {
    if (!this.#isOpen) return 'closed';
    return this.#isProbing || this.#monotonicMs() >= this.#openUntil ? 'half-open' : 'open';
  }

  /** When it entered this state, on the monotonic clock. */
  get sinceMs(): number {
    return this.state === 'half-open' ? this.#openUntil : this.#sinceMs;
  }

  /** How long the provider's pause still lasts; 0 for no pause. */
  get restMs(): number {
    return Math.max(0, this.#restUntil - this.#monotonicMs());
  }

  /** How long nobody may go; 0 when a call may. Another's probe is waited for as long as a first rest. */
  get openMs(): number {
    if (!this.#isOpen) return 0;
    return this.#isProbing ? OPEN_MS : Math.max(0, this.#openUntil - this.#monotonicMs());
  }

  /** Only while `openMs` is 0. Ends in exactly one of `succeed`, `fail` and `abandon`. */
  begin(): Pass {
    const isProbe = this.#isOpen;
    this.#isProbing = isProbe;
    return { era: this.#era, isProbe };
  }

  succeed(pass: Pass): void {
    this.#count(0);
    if (pass.era !== this.#era) return;
    this.#inRow = 0;
    if (!this.#isOpen) return;
    this.#openedMs = OPEN_MS;
    this.#move(false);
  }

  fail(pass: Pass): void {
    this.#count(1);
    if (pass.era !== this.#era) return;
    this.#inRow += 1;
    if (pass.isProbe) {
      this.#openedMs = Math.min(this.#openedMs * 2, OPEN_MAX_MS);
      this.#open(this.#openedMs);
    } else if (this.#inRow >= IN_A_ROW_MAX || this.#isMostlyFailing()) this.#open(this.#openedMs);
  }

  /** Nothing was learnt: the caller left. */
  abandon(pass: Pass): void {
    if (pass.era === this.#era && pass.isProbe) this.#isProbing = false;
  }

  /** Opens at once: every call would fail until somebody acts. */
  trip(pass: Pass): void {
    this.#count(1);
    if (pass.era === this.#era) this.#open(OPEN_MAX_MS);
  }

  rest(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#monotonicMs() + ms);
  }

  /** Calls and failures of the last 30 s. */
  window(): { readonly calls: number; readonly failures: number } {
    const oldest = Math.floor(this.#monotonicMs() / SLICE_MS) - SLICES;
    let calls = 0;
    let failures = 0;
    for (const slice of this.#slices) {
      if (slice.id <= oldest) continue;
      calls += slice.calls;
      failures += slice.failures;
    }
    return { calls, failures };
  }

  #isMostlyFailing(): boolean {
    const { calls, failures } = this.window();
    return calls >= RATE_CALLS_MIN && failures >= calls * RATE_MAX;
  }

  #count(failures: number): void {
    const id = Math.floor(this.#monotonicMs() / SLICE_MS);
    const slice = this.#slices[id % SLICES];
    if (!slice) return;
    if (slice.id !== id) Object.assign(slice, { id, calls: 0, failures: 0 });
    slice.calls += 1;
    slice.failures += failures;
  }

  #open(ms: number): void {
    this.#openUntil = this.#monotonicMs() + ms;
    this.#move(true);
  }

  #move(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#isProbing = false;
    this.#inRow = 0;
    this.#era += 1;
    this.#sinceMs = this.#monotonicMs();
    // A channel that is back begins anew, lest its past opens it again.
    if (!isOpen) for (const slice of this.#slices) slice.id = -1;
  }
}
