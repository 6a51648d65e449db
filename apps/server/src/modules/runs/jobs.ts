/** Retention: what is older than its setting goes, and its bytes with it. */
import type { Db } from '../../platform/db/index.ts';
import type { FileStore } from '../../platform/files/index.ts';
import { prune, takeOrphans } from './store/retention.ts';

export interface Retention {
  readonly runsMs: number;
  readonly filesMs: number;
}

// A turn of the job holds no lock for long.
const BATCH = 500;

/**
 * Deletes ended runs (with their steps, events and artifacts) and uploaded files past their age, then contents that no row names any
 * more. Usage and ledger stay: they are the books. Returns how many of each went. Safe to run in several processes at once.
 */
export async function pruneRuns(
  db: Db,
  files: FileStore,
  keep: Retention,
): Promise<{ runs: number; files: number; contents: number }> {
  const pruned = await db.system((tx) => prune(tx, { ...keep, limit: BATCH }));
  const orphans = await db.system((tx) => takeOrphans(tx, BATCH));
  for (const orphan of orphans) await files.delete(orphan.org_id, orphan.sha256);
  return { ...pruned, contents: orphans.length };
}
