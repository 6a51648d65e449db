/** The only place where this agent reads the clock. */

/** Milliseconds since 1970. To be called inside a recorded step alone: outside, a resumed run would see another time. */
export function currentInstant(): number {
  return Date.now();
}
