/** SQL of what runs say of themselves, for `ledger verify`. */
import { type Db, sql } from '../../../platform/db/index.ts';

export interface RunHistoryRow {
  readonly runId: string;
  readonly ended: boolean;
  /** What the run itself cost, without what it called. */
  readonly costNanos: bigint;
}

/** Every run of an organisation that retention has not removed, with its own cost. */
export async function runHistory(db: Db, orgId: string): Promise<RunHistoryRow[]> {
  const result = await db.system((tx) =>
    sql<{
      run_id: string;
      ended: boolean;
      cost_nanos: bigint;
    }>`select run_id, ended, cost_nanos from runs.history(${orgId})`.execute(tx),
  );
  return result.rows.map((row) => ({ runId: row.run_id, ended: row.ended, costNanos: row.cost_nanos }));
}
