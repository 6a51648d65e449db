/** Work by the clock: each job runs on one process at a time, whoever gets its lock. */
import { type Db, sql } from '../../platform/db/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';

export interface Job {
  /** `noun.verb`; also the name of its lock. */
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<unknown>;
}

export interface Jobs {
  stop(): Promise<void>;
}

/**
 * Starts the timers. A job that is still running is not started again; one that fails is logged and tried at its next turn. Jobs are
 * idempotent, so a turn that two processes share does no harm: the lock only saves work.
 */
export function createJobs(deps: { db: Db; log: Logger }, jobs: readonly Job[]): Jobs {
  const running = new Set<Promise<void>>();
  const turn = async (job: Job): Promise<void> => {
    const mine = await deps.db.open(async (tx) => {
      const result = await sql<{
        ok: boolean;
      }>`select pg_try_advisory_xact_lock(hashtextextended(${`job ${job.name}`}, 2)) as ok`.execute(tx);
      return result.rows[0]?.ok ?? false;
    });
    if (mine) await job.run();
  };
  const timers = jobs.map((job) => {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      const done = turn(job)
        .catch((error: unknown) =>
          deps.log.error('jobs: a turn failed and will be tried again', { job: job.name, error }),
        )
        .finally(() => {
          busy = false;
          running.delete(done);
        });
      running.add(done);
    }, job.everyMs);
  });
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.allSettled([...running]);
    },
  };
}
