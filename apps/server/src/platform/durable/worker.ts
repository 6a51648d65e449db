/**
 * The loop that executes tasks in this process.
 *
 * States of a worker: `serving` claims and executes; `draining` claims nothing and gives its tasks back (entered by `stop`);
 * `expelled` its lease ran out while it was away (entered when a heartbeat finds it gone): every execution is aborted, the fence
 * already refuses their writes, and the worker goes on under a new id.
 */
import { hostname } from 'node:os';
import type { Bus } from '../bus/index.ts';
import { type Db, sql } from '../db/index.ts';
import type { Ids } from '../ids/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { DURABLE_VERSION } from './durable.ts';

export interface Claimed {
  readonly id: string;
  readonly orgId: string;
  readonly fence: bigint;
  readonly signals: bigint;
  /** Workers lost in a row while they held this task. */
  readonly crashes: number;
  readonly cancelRequested: boolean;
  readonly enqueuedAt: Date;
}

/** Why an execution is to stop early: read from `signal.reason`. */
export type StopReason = 'cancelled' | 'draining' | 'expelled';

/** `done`: the executor has ended or laid aside the task in the database. `give-back`: somebody should go on with it after `delayMs`. */
export type Outcome = { readonly kind: 'done' } | { readonly kind: 'give-back'; readonly delayMs: number };

export interface WorkerOptions {
  readonly db: Db;
  readonly bus: Bus;
  readonly ids: Ids;
  readonly log: Logger;
  /** Tasks executed at once by this process. */
  readonly slots: number;
  /** Must not throw: an executor that does counts as one that gives back. */
  execute(task: Claimed, signal: AbortSignal): Promise<Outcome>;
}

export interface Worker {
  readonly running: () => number;
  /** Gives everything back and leaves; resolves when nothing executes any more or `graceMs` have passed, and no heartbeat is under way. */
  stop(graceMs: number): Promise<void>;
}

// Three missed heartbeats and a task moves on: with the reaper's pace this keeps a take-over under 5 s.
const HEARTBEAT_MS = 1_000;
const LEASE_MS = 3_000;
const REAP_MS = 500;
// Wake-ups make work start at once; this is for the ones that got lost, and for timers.
const POLL_MS = 200;
const FAILURE_DELAY_MS = 1_000;
// A claim costs the database about as much for one task as for ten. A busy worker lets some gather; one that is nearly idle never waits.
const BUSY = 8;
const GATHER_MS = 8;

interface ClaimRow {
  id: string;
  org_id: string;
  fence: bigint;
  signals: bigint;
  crashes: number;
  cancel_requested: boolean;
  enqueued_at: Date;
}

class WorkerLoop implements Worker {
  readonly #options: WorkerOptions;
  readonly #executions = new Map<string, { abort: AbortController; done: Promise<void> }>();
  readonly #closers: (() => void | Promise<void>)[] = [];
  #stopBeating: () => Promise<void> = async () => {};
  #id = '';
  #draining = false;
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #gathering: NodeJS.Timeout | undefined;
  // Claims start behind the organisation served last, so that a long list of tenants is walked through in turn.
  #after = '';

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  running = (): number => this.#executions.size;

  async start(): Promise<void> {
    await this.#register();
    const { bus } = this.#options;
    this.#closers.push(bus.subscribe('work', () => this.#wake()));
    this.#closers.push(bus.onGap(() => this.#wake()));
    this.#closers.push(bus.subscribe('cancel', (id) => this.#abort(id, 'cancelled')));
    this.#stopBeating = this.#every(HEARTBEAT_MS, () => this.#beat());
    this.#closers.push(this.#every(REAP_MS, () => this.#reap()));
    this.#closers.push(this.#every(POLL_MS, async () => this.#wake()));
    this.#wake();
  }

  async stop(graceMs: number): Promise<void> {
    this.#draining = true;
    const closed = this.#closers.map((close) => close());
    clearTimeout(this.#gathering);
    await this.#claiming;
    for (const id of this.#executions.keys()) this.#abort(id, 'draining');
    const all = Promise.allSettled([...this.#executions.values()].map((execution) => execution.done));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      all,
      new Promise((resolve) => {
        timer = setTimeout(resolve, graceMs);
      }),
    ]);
    clearTimeout(timer);
    await Promise.all(closed);
    // What still executes keeps its lease until here; a heartbeat that came after the farewell would make a worker that nobody ends.
    await this.#stopBeating();
    await this.#options.db.system((tx) => sql`select durable.leave(${this.#id})`.execute(tx));
    this.#options.bus.publish('work', 'left');
  }

  /**
   * Repeats `work`, one at a time. A failure (the database is away) is logged and the next turn tries again. Returns its end, which waits
   * for the turn under way.
   */
  #every(ms: number, work: () => Promise<unknown>): () => Promise<void> {
    let turn: Promise<void> | undefined;
    const once = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        this.#options.log.warn('worker: a periodic duty failed and will be tried again', { error });
      }
      turn = undefined;
    };
    const timer = setInterval(() => {
      turn ??= once();
    }, ms);
    return async () => {
      clearInterval(timer);
      await turn;
    };
  }

  async #register(): Promise<void> {
    this.#id = this.#options.ids.make('wrk');
    await this.#options.db.system((tx) =>
      sql`select durable.register(${this.#id}, ${hostname()}, ${process.pid})`.execute(tx),
    );
  }

  async #beat(): Promise<void> {
    const result = await this.#options.db.system((tx) =>
      sql<{
        cancelled: string[];
      }>`select * from durable.beat(${this.#id}, ${[...this.#executions.keys()]}::text[])`.execute(tx),
    );
    const row = result.rows[0];
    if (row) {
      for (const id of row.cancelled) this.#abort(id, 'cancelled');
      return;
    }
    this.#options.log.warn('worker: the lease ran out while this process was away; going on under a new id', {
      workerId: this.#id,
    });
    for (const id of this.#executions.keys()) this.#abort(id, 'expelled');
    await this.#register();
  }

  async #reap(): Promise<void> {
    const result = await this.#options.db.system((tx) =>
      sql<{
        worker_id: string;
        task_id: string;
      }>`select * from durable.reap(${`${LEASE_MS} milliseconds`}::interval)`.execute(tx),
    );
    if (result.rows.length === 0) return;
    const workers = [...new Set(result.rows.map((row) => row.worker_id))];
    this.#options.log.warn('worker: took tasks over from workers that died', { workers, tasks: result.rows.length });
    this.#wake();
    this.#options.bus.publish('work', 'reaped');
  }

  #abort(id: string, reason: StopReason): void {
    this.#executions.get(id)?.abort.abort(reason);
  }

  /** One claim at a time; wake-ups during a claim, and while a busy worker lets work gather behind it, make one more. */
  #wake(): void {
    if (this.#draining || this.#executions.size >= this.#options.slots) return;
    if (this.#claiming !== undefined || this.#gathering !== undefined) {
      this.#claimAgain = true;
      return;
    }
    this.#claimAgain = false;
    this.#claiming = this.#claim()
      .catch((error: unknown) => this.#options.log.warn('worker: a claim failed and will be tried again', { error }))
      .finally(() => {
        this.#claiming = undefined;
        if (this.#executions.size < BUSY) this.#wakeAgain();
        else this.#gathering = setTimeout(() => this.#wakeAgain(), GATHER_MS);
      });
  }

  #wakeAgain(): void {
    this.#gathering = undefined;
    if (this.#claimAgain) this.#wake();
  }

  async #claim(): Promise<void> {
    const { db, slots } = this.#options;
    const free = slots - this.#executions.size;
    const worker = this.#id;
    const take = (after: string) =>
      db.system((tx) =>
        sql<ClaimRow>`select * from durable.claim(${worker}, ${free}, ${DURABLE_VERSION}, ${after})`.execute(tx),
      );
    let { rows } = await take(this.#after);
    if (rows.length === 0 && this.#after !== '') {
      this.#after = '';
      ({ rows } = await take(''));
    }
    for (const row of rows) this.#execute(row, worker);
    // Behind the last tenant only while there is more than fits; a short answer means that all were seen.
    this.#after = rows.length === free ? (rows.at(-1)?.org_id ?? '') : '';
  }

  #execute(row: ClaimRow, worker: string): void {
    const abort = new AbortController();
    if (this.#draining) abort.abort('draining');
    if (worker !== this.#id) abort.abort('expelled');
    const task: Claimed = {
      id: row.id,
      orgId: row.org_id,
      fence: row.fence,
      signals: row.signals,
      crashes: row.crashes,
      cancelRequested: row.cancel_requested,
      enqueuedAt: row.enqueued_at,
    };
    const done = this.#run(task, abort.signal).finally(() => {
      if (this.#executions.get(task.id)?.abort === abort) this.#executions.delete(task.id);
      this.#wake();
    });
    this.#executions.set(task.id, { abort, done });
  }

  async #run(task: Claimed, signal: AbortSignal): Promise<void> {
    const { db, log } = this.#options;
    let outcome: Outcome;
    try {
      outcome = await this.#options.execute(task, signal);
    } catch (error) {
      log.error('worker: an execution ended by a fault and is given back', {
        error,
        runId: task.id,
        orgId: task.orgId,
      });
      outcome = { kind: 'give-back', delayMs: FAILURE_DELAY_MS };
    }
    if (outcome.kind === 'done') return;
    const delay = `${outcome.delayMs} milliseconds`;
    try {
      await db.system((tx) => sql`select durable.give_back(${task.id}, ${task.fence}, ${delay}::interval)`.execute(tx));
    } catch (error) {
      // It stays this worker's in name alone until a heartbeat reports that nobody executes it.
      log.warn('worker: could not give a task back now; the next heartbeat will', { error, runId: task.id });
    }
  }
}

/** Registers a worker and starts its loop. */
export async function createWorker(options: WorkerOptions): Promise<Worker> {
  const loop = new WorkerLoop(options);
  await loop.start();
  return loop;
}
