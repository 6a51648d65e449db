/** The process's view of time. Leases and money use the database's clock instead. */
export interface Clock {
  now(): Date;
  /** Monotonic milliseconds, for durations only. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
