/** Statements of runs that share a transaction with others of their kind under load. */
import { type Db, together } from '../../../platform/db/index.ts';
import type { RunRow } from '../types.ts';
import { admitRuns, type NewRun, type RunEnd, settleRuns } from './runs.ts';
import { checkpointRuns, type OwnedCheckpoint } from './steps.ts';

/**
 * Each is one commit. Only for runs that nobody called and that call nobody: their rows and holds are locked by nobody who waits for another
 * such run's.
 */
export interface SharedStatements {
  admit(run: NewRun): Promise<RunRow>;
  /** As `settleRuns`. */
  settle(end: RunEnd): Promise<boolean>;
  /** As `checkpointRuns`. */
  checkpoint(write: OwnedCheckpoint): Promise<boolean>;
}

export function createSharedStatements(db: Db): SharedStatements {
  const admit = together((runs: readonly NewRun[]) => db.direct((tx) => admitRuns(tx, runs)));
  const settle = together((ends: readonly RunEnd[]) => db.direct((tx) => settleRuns(tx, ends)));
  const checkpoint = together((writes: readonly OwnedCheckpoint[]) => db.direct((tx) => checkpointRuns(tx, writes)));
  return {
    admit: (run) => admit(run.orgId, run),
    settle: (end) => settle(end.orgId, end),
    // Takes no lock of an organisation, and each item enters its own: so all of this process share.
    checkpoint: (write) => checkpoint('', write),
  };
}
