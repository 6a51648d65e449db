/** How long an answer takes must not tell what it does not say. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../../platform/clock/index.ts';

/** Longer than the work that it hides takes, a mail more or a bcrypt of cost 12 instead of Argon2. */
export const PACE_MS = 250;

/** Resolves, or throws, not before `PACE_MS` after `begunMs` on the monotonic clock, which is now when left out. */
export async function paced<T>(clock: Clock, work: () => Promise<T>, begunMs = clock.monotonicMs()): Promise<T> {
  try {
    return await work();
  } finally {
    await pause(Math.max(0, PACE_MS - (clock.monotonicMs() - begunMs)));
  }
}
