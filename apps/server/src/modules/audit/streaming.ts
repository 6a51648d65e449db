/** Hands the trail on to webhooks: row by row, each once, in order, from the moment it was asked for. */
import { type Db, sql, type Tx } from '../../platform/db/index.ts';
import type { Outbox } from '../../platform/outbox/index.ts';
import { listEventsAfter } from './reading.ts';

export const RECORDED = 'audit.recorded.v1';

const ORGANISATIONS_AT_ONCE = 100;
const ROWS_AT_ONCE = 200;

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

/** Resolves with the number of rows handed on. Safe beside itself: the row of the stream is locked. */
export async function handOn(deps: { readonly db: Db; readonly outbox: Outbox }): Promise<number> {
  const { rows: due } = await deps.db.system((tx) =>
    sql<{ org_id: string }>`select org_id from audit.due_streams(${ORGANISATIONS_AT_ONCE}::int)`.execute(tx),
  );
  let count = 0;
  for (const { org_id: orgId } of due) count += await deps.db.tenant(orgId, (tx) => handOnOf(tx, deps.outbox, orgId));
  return count;
}

async function handOnOf(tx: Tx, outbox: Outbox, orgId: string): Promise<number> {
  const { rows } = await sql<{ seq: bigint }>`select seq from audit.stream where org_id = ${orgId} for update`.execute(
    tx,
  );
  const [stream] = rows;
  if (!stream) return 0;
  const events = await listEventsAfter(tx, {}, { after: stream.seq, limit: ROWS_AT_ONCE });
  for (const event of events) await outbox.append(tx, { orgId, type: RECORDED, data: event });
  const last = events.at(-1);
  if (last) await sql`update audit.stream set seq = ${BigInt(last.seq)} where org_id = ${orgId}`.execute(tx);
  return events.length;
}
