/** Retention: what is older than its setting goes, and its bytes with it. */
import { type Db, sql } from '../../platform/db/index.ts';
import type { FileStore } from '../../platform/files/index.ts';

export interface Retention {
  readonly runsMs: number;
  readonly filesMs: number;
}

// A turn of the job holds no lock for long.
const BATCH = 500;

interface Orphan {
  readonly org_id: string;
  readonly sha256: string;
}

const interval = (ms: number): string => `${Math.round(ms)} milliseconds`;

/**
 * Deletes ended runs (with their steps, events and artifacts) and uploaded files past their age, then contents that no row names any
 * more. Usage and ledger stay: they are the books. Returns how many of each went. Safe to run in several processes at once.
 */
export async function pruneRuns(
  db: Db,
  files: FileStore,
  keep: Retention,
): Promise<{ runs: number; files: number; contents: number }> {
  const pruned = await db.system((tx) =>
    sql<{
      runs: number;
      files: number;
    }>`select * from runs.prune(${interval(keep.runsMs)}::interval, ${interval(keep.filesMs)}::interval, ${BATCH})`.execute(
      tx,
    ),
  );
  const orphans = await db.system((tx) => sql<Orphan>`select * from runs.take_orphans(${BATCH})`.execute(tx));
  for (const orphan of orphans.rows) await files.delete(orphan.org_id, orphan.sha256);
  const { runs = 0, files: gone = 0 } = pruned.rows[0] ?? {};
  return { runs, files: gone, contents: orphans.rows.length };
}
