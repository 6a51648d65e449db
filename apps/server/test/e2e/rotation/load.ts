/** Work that goes on without a pause: each kind again and again, and whatever fails is kept. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Load {
  /** How often each kind has succeeded. */
  readonly done: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  /** Until each kind has succeeded so many times more. */
  more(times?: number): Promise<void>;
  stop(): Promise<void>;
}

/** An HTTP answer in order is read to its end; anything else is a failure. */
export async function expectAnswer(kind: string, sent: Promise<Response>, status = 200): Promise<void> {
  const answer = await sent;
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${kind}: ${answer.status} ${text}`);
}

// Some hundred pieces of work a second, all kinds together.
const PAUSE_MS = 100;
const LOOK_MS = 20;
// The first ones tell; the rest follow from them.
const FAILURES_KEPT = 5;

/** One worker for each kind, so that slow ones do not hold up the others. */
export function startLoad(kinds: Readonly<Record<string, () => Promise<unknown>>>): Load {
  const done: Record<string, number> = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]));
  const failures: string[] = [];
  let isOver = false;
  const workers = Object.entries(kinds).map(async ([kind, work]) => {
    while (!isOver) {
      try {
        await work();
        done[kind] = (done[kind] ?? 0) + 1;
      } catch (error) {
        if (failures.length < FAILURES_KEPT)
          failures.push(`${kind}: ${error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : error}`);
      }
      await pause(PAUSE_MS);
    }
  });
  return {
    done,
    failures,
    async more(times = 2) {
      const wanted = Object.entries(done).map(([kind, before]) => [kind, before + times] as const);
      while (failures.length === 0 && wanted.some(([kind, least]) => (done[kind] ?? 0) < least)) await pause(LOOK_MS);
    },
    async stop() {
      isOver = true;
      await Promise.all(workers);
    },
  };
}
