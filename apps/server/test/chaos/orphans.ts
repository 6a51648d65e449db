/** Measures how long the work of dead workers lies idle, in time in which somebody could have taken it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Stage } from './stage.ts';

export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Orphan {
  readonly fence: bigint;
  readonly since: number;
}

const LOOK_MS = 50;

export class Orphans {
  readonly #stage: Stage;
  readonly #canResume: () => boolean;
  readonly #open = new Map<string, Orphan>();
  readonly #done: number[] = [];
  /** Dead workers whose tasks could not be read yet, because the database was away. */
  readonly #unread = new Map<number, number>();
  /** Runs only while work could be resumed. */
  #clockMs = 0;
  #lookedAt = performance.now();

  constructor(stage: Stage, canResume: () => boolean) {
    this.#stage = stage;
    this.#canResume = canResume;
  }

  #tick(): void {
    const now = performance.now();
    if (this.#canResume()) this.#clockMs += now - this.#lookedAt;
    this.#lookedAt = now;
  }

  async died(pid: number): Promise<void> {
    this.#tick();
    this.#unread.set(pid, this.#clockMs);
    await this.#read().catch(() => undefined);
  }

  async #read(): Promise<void> {
    for (const [pid, since] of this.#unread) {
      const rows = await this.#stage.query<{ id: string; fence: string }>(
        'select t.id, t.fence from durable.task t join durable.worker w on w.id = t.worker_id where w.pid = $1',
        [pid],
      );
      for (const { id, fence } of rows) this.#open.set(id, { fence: BigInt(fence), since });
      this.#unread.delete(pid);
    }
  }

  async #look(): Promise<void> {
    await this.#read();
    if (this.#open.size === 0) return;
    const rows = await this.#stage.query<{ id: string; fence: string; state: string }>(
      'select id, fence, state from durable.task where id = any ($1)',
      [[...this.#open.keys()]],
    );
    const now = new Map(rows.map((row) => [row.id, row]));
    for (const [id, orphan] of this.#open) {
      const task = now.get(id);
      // Given back (one more) and claimed again (one more), or over.
      if (task && BigInt(task.fence) < orphan.fence + 2n) continue;
      this.#open.delete(id);
      this.#done.push(this.#clockMs - orphan.since);
    }
  }

  async watch(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pause(LOOK_MS);
      this.#tick();
      if (this.#canResume()) await this.#look().catch(() => undefined);
    }
  }

  times(): Times {
    const sorted = this.#done.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
