/** SQL of retention. Works across organisations, by named functions. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';

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

/** Contents that seem to be named by no row, past their grace; `lockOrphan` has the last word. */
export async function findOrphans(tx: Tx, limit: number): Promise<Orphan[]> {
  const result = await sql<Orphan>`select * from runs.find_orphans(${limit})`.execute(tx);
  return result.rows;
}

/** Whether no row names the content still; then it is locked until `tx`, its organisation's, ends. */
export async function lockOrphan(tx: Tx, sha256: string): Promise<boolean> {
  const result = await sql<{ is_orphan: boolean }>`select runs.lock_orphan(${sha256}) as is_orphan`.execute(tx);
  return result.rows[0]?.is_orphan === true;
}

/** Under the lock of `lockOrphan`, after the bytes are gone. */
export async function forgetContent(tx: Tx, sha256: string): Promise<void> {
  await sql`delete from runs.content where sha256 = ${sha256}`.execute(tx);
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select runs.erase(${orgId}, ${limit}::int) as more`;

/** Contents of this organisation, which is over: nothing names them, and nobody puts them again, so they need not wait any longer. */
export async function loosenContents(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await sql<{ sha256: string }>`
    update runs.content set loose_since = '-infinity' where org_id = platform.current_org()
       and sha256 in (select c.sha256 from runs.content c where c.org_id = platform.current_org() limit ${limit})
    returning sha256`.execute(tx);
  return rows.map((row) => row.sha256);
}
