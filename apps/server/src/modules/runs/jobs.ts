/** Retention: what is older than its setting goes, and its bytes with it; so does all of an organisation that is over. */
import type { Db } from '../../platform/db/index.ts';
import { type Erase, eraser } from '../../platform/erasure/index.ts';
import type { FileStore } from '../../platform/files/index.ts';
import { announceContent as announce } from './store/files.ts';
import {
  eraseStatement,
  findOrphans,
  forgetContent,
  lockOrphan,
  loosenContents,
  type Orphan,
  prune,
} from './store/retention.ts';

export interface Retention {
  readonly runsMs: number;
  readonly filesMs: number;
}

// A turn of the job holds no lock for long.
const BATCH = 500;
// Each is a transaction and a deletion in the store.
const CONTENTS_AT_ONCE = 50;

/**
 * Deletes ended runs (with their steps, events and artifacts) and uploaded files past their age, then the bytes that no row names and
 * none has named for two hours, whoever left them. Usage and ledger stay: they are the books. Returns how many of each went. Safe to run
 * in several processes at once.
 */
export async function pruneRuns(
  db: Db,
  files: FileStore,
  keep: Retention,
): Promise<{ runs: number; files: number; contents: number }> {
  const pruned = await db.system((tx) => prune(tx, { ...keep, limit: BATCH }));
  let contents = 0;
  for (const orphan of await db.system((tx) => findOrphans(tx, BATCH)))
    if (await sweepContent(db, files, orphan)) contents += 1;
  return { ...pruned, contents };
}

/**
 * The one place where bytes are deleted inside a transaction: its lock makes whoever puts the same bytes meanwhile wait, and put them
 * again afterwards. A process that dies here leaves the row, and the next turn deletes again.
 */
const sweepContent = (db: Db, files: FileStore, { org_id, sha256 }: Orphan): Promise<boolean> =>
  db.tenant(org_id, async (tx) => {
    if (!(await lockOrphan(tx, sha256))) return false;
    await files.delete(org_id, sha256);
    await forgetContent(tx, sha256);
    return true;
  });

/** Commits that bytes are about to be put, so that they are swept when no row comes to name them. For the file store's `announce`. */
export const announceContent = (db: Db, orgId: string, sha256: string): Promise<void> =>
  db.tenant(orgId, (tx) => announce(tx, orgId, sha256));

/** Runs with all that is theirs, and files; then the bytes. Usage and ledger stay. */
export function createErase(db: Db, files: FileStore): Erase {
  const eraseRows = eraser(db, eraseStatement);
  return async (orgId) => {
    if (await eraseRows(orgId)) return true;
    const contents = await db.tenant(orgId, (tx) => loosenContents(tx, CONTENTS_AT_ONCE));
    for (const sha256 of contents) await sweepContent(db, files, { org_id: orgId, sha256 });
    return contents.length > 0;
  };
}
