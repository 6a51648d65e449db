/** SQL of runs that were given up. */
import { sql, type Tx } from '../../../platform/db/index.ts';

export interface DeadLetterRow {
  readonly run_id: string;
  readonly reason: string;
  readonly crashes: number;
  readonly created_at: Date;
  readonly redriven_run_id: string | null;
}

export async function insertDeadLetter(
  tx: Tx,
  letter: { runId: string; orgId: string; reason: string; crashes: number },
): Promise<void> {
  await sql`insert into runs.dead_letter (run_id, org_id, reason, crashes) values (${letter.runId}, ${letter.orgId}, ${letter.reason}, ${letter.crashes})`.execute(
    tx,
  );
}

export async function listDeadLetters(tx: Tx, limit: number): Promise<DeadLetterRow[]> {
  const result =
    await sql<DeadLetterRow>`select * from runs.dead_letter order by created_at desc, run_id limit ${limit}`.execute(
      tx,
    );
  return result.rows;
}

/** False when the letter does not exist or has been redriven already. */
export async function markRedriven(tx: Tx, runId: string, redrivenRunId: string): Promise<boolean> {
  const result =
    await sql`update runs.dead_letter set redriven_run_id = ${redrivenRunId} where run_id = ${runId} and redriven_run_id is null returning 1`.execute(
      tx,
    );
  return result.rows.length > 0;
}
