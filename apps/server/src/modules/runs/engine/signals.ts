/** How an attempt ends other than by the agent's own return: thrown inside the engine, never shown to an agent's caller. */
import type { WaitingFor } from '../types.ts';

/** Another attempt owns the run: whatever this one does is refused by the fence, so it stops without a trace. */
export class LostRun extends Error {}

/** The run called another while it was about to end: what it called is to end first. */
export class LateCall extends Error {}

/** The attempt is to end because of its surroundings. */
export class Interrupted extends Error {
  /**
   * `fault`: the engine could not reach its own record; another attempt goes on from there. `limit`: the run reached what it may use or cost,
   * as the cause says, and ends by it whatever the agent makes of that. `rights`: whoever started it may not do this any more; another
   * attempt asks who answers for the rest. `denied`: nobody does.
   */
  readonly reason: 'cancelled' | 'draining' | 'expelled' | 'timeout' | 'fault' | 'limit' | 'rights' | 'denied';
  constructor(reason: Interrupted['reason'], cause?: unknown) {
    super(`interrupted: ${reason}`, cause === undefined ? {} : { cause });
    this.reason = reason;
  }
}

export interface Wait {
  readonly waitingFor: WaitingFor;
  /** When to look again without a signal. */
  readonly dueAt: Date | undefined;
}

// A run that waits for several things shows the one that a person can do something about.
const ORDER: readonly WaitingFor[] = ['review', 'approval', 'input', 'child', 'timer'];

/** What a run with these open waits waits for, and until when at most. */
export function combineWaits(waits: readonly Wait[]): Wait {
  const first = ORDER.find((kind) => waits.some((wait) => wait.waitingFor === kind)) ?? 'timer';
  const due = waits.flatMap((wait) => (wait.dueAt ? [wait.dueAt.getTime()] : []));
  return { waitingFor: first, dueAt: due.length > 0 ? new Date(Math.min(...due)) : undefined };
}
