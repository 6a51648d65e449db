/** SQL of retention. Works across organisations, by named functions. */
import { sql, type Tx } from '../../../platform/db/index.ts';

export interface Orphan {
  readonly org_id: string;
  readonly sha256: string;
}

const interval = (ms: number): string => `${Math.round(ms)} milliseconds`;

/** Deletes at most `limit` ended runs and as many files past their age. */
export async function prune(
  tx: Tx,
  keep: { runsMs: number; filesMs: number; limit: number },
): Promise<{ runs: number; files: number }> {
  const result = await sql<{ runs: number; files: number }>`
    select * from runs.prune(${interval(keep.runsMs)}::interval, ${interval(keep.filesMs)}::interval, ${keep.limit})`.execute(
    tx,
  );
  return result.rows[0] ?? { runs: 0, files: 0 };
}

/** Contents that no row names any more; their bytes are the caller's to delete. */
export async function takeOrphans(tx: Tx, limit: number): Promise<Orphan[]> {
  const result = await sql<Orphan>`select * from runs.take_orphans(${limit})`.execute(tx);
  return result.rows;
}
