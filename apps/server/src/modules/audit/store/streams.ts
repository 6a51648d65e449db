/** SQL of the streams: which organisations hand their trail on, and how far they are. */
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { Erased } from '../../../platform/erasure/index.ts';

export async function findStream(tx: Tx): Promise<boolean> {
  const { rows } = await sql`select 1 from audit.stream where org_id = platform.current_org()`.execute(tx);
  return rows.length > 0;
}

/** From the present end of the chain on; asked for again it goes on where it is. */
export async function setStream(tx: Tx, orgId: string, isEnabled: boolean): Promise<void> {
  if (!isEnabled) {
    await sql`delete from audit.stream where org_id = ${orgId}`.execute(tx);
    return;
  }
  await sql`
    insert into audit.stream (org_id, seq)
    select ${orgId}, coalesce((select h.seq from audit.head h where h.org_id = ${orgId}), 0)
    on conflict (org_id) do nothing`.execute(tx);
}

/** System role. Organisations whose chain goes on behind what they handed on. */
export async function listDueStreams(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await sql<{ org_id: string }>`select org_id from audit.due_streams(${limit}::int)`.execute(tx);
  return rows.map(({ org_id: orgId }) => orgId);
}

/** How far the organisation's stream is; its row is locked. Undefined without a stream. */
export async function lockStream(tx: Tx, orgId: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ seq: bigint }>`select seq from audit.stream where org_id = ${orgId} for update`.execute(
    tx,
  );
  return rows[0]?.seq;
}

export async function moveStream(tx: Tx, orgId: string, seq: bigint): Promise<void> {
  await sql`update audit.stream set seq = ${seq} where org_id = ${orgId}`.execute(tx);
}

/** For `eraser`. */
export const eraseStatement = (orgId: string, limit: number) =>
  sql<Erased>`select audit.erase(${orgId}, ${limit}::int) as more`;
