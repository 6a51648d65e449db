/** What a use case does to a task, inside its own transaction. */
import { type Db, sql, type Tx } from '../db/index.ts';

export interface NewTask {
  readonly id: string;
  readonly orgId: string;
  /** A share of the organisation with a cap of its own. */
  readonly lane: string;
  /** Tasks running at once in the organisation, and in the lane; at least 1. */
  readonly orgMax: number;
  readonly laneMax: number;
}

export interface Durable {
  /** Queues work in the caller's transaction. The id must be new. */
  enqueue(tx: Tx, task: NewTask): Promise<void>;
  /** The task is over; it and its slot are gone. */
  finish(tx: Tx, id: string): Promise<void>;
  /** Wakes a waiting task; one that is just about to wait will not. Unknown ids do nothing. */
  signal(tx: Tx, id: string): Promise<void>;
  /**
   * Asks for an end. `idle`: nobody executes it and nobody will, so the caller ends it in this transaction; `running`: its worker is to
   * be told; `gone`: it has ended. Holds the task's row lock until the transaction ends.
   */
  requestCancel(tx: Tx, id: string): Promise<'idle' | 'running' | 'gone'>;
  /**
   * Lays the task aside until a signal or `dueAt`. `queued` when a signal came since `signals` was read; `lost` when the fence is stale.
   */
  suspend(
    tx: Tx,
    input: { id: string; fence: bigint; signals: bigint; dueAt: Date | undefined },
  ): Promise<'waiting' | 'queued' | 'lost'>;
  /** The task made progress: crashes before this point are forgotten. */
  progressed(orgId: string, id: string): Promise<void>;
  /** Tasks by state, and how long the oldest queued one has been due. */
  /** Forgets workers that ended before `keep` (an interval in words). */
  prune(keep: string): Promise<void>;
  counts(): Promise<readonly { state: string; n: bigint; oldestDueAt: Date | null }[]>;
}

/** A task queued by this version is not claimed by programs that know only lower ones. Raise it when a sequence of steps changes meaning. */
export const DURABLE_VERSION = 1;

export function createDurable(db: Db): Durable {
  return {
    enqueue: async (tx, task) => {
      await sql`select durable.enqueue(${task.orgId}, ${task.id}, ${task.lane}, ${task.orgMax}, ${task.laneMax}, ${DURABLE_VERSION})`.execute(
        tx,
      );
    },
    finish: async (tx, id) => {
      await sql`select durable.finish(${id})`.execute(tx);
    },
    signal: async (tx, id) => {
      await sql`select durable.signal(${id})`.execute(tx);
    },
    requestCancel: async (tx, id) => {
      const found = await sql<{
        state: string;
      }>`update durable.task set cancel_requested = true where id = ${id} returning state`.execute(tx);
      const state = found.rows[0]?.state;
      if (state === undefined) return 'gone';
      return state === 'running' ? 'running' : 'idle';
    },
    suspend: async (tx, input) => {
      const result = await sql<{ suspend: 'waiting' | 'queued' | null }>`
        select durable.suspend(${input.id}, ${input.fence}, ${input.signals}, ${input.dueAt ?? null})`.execute(tx);
      return result.rows[0]?.suspend ?? 'lost';
    },
    progressed: (orgId, id) =>
      db.tenant(orgId, async (tx) => {
        await sql`update durable.task set crashes = 0 where id = ${id}`.execute(tx);
      }),
    prune: async (keep) => {
      await db.system((tx) => sql`select durable.prune(${keep}::interval)`.execute(tx));
    },
    counts: async () => {
      const result = await db.system((tx) =>
        sql<{ state: string; n: bigint; oldest_due_at: Date | null }>`select * from durable.counts()`.execute(tx),
      );
      return result.rows.map((row) => ({ state: row.state, n: row.n, oldestDueAt: row.oldest_due_at }));
    },
  };
}
