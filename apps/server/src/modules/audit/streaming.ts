/** Hands the trail on to webhooks: row by row, each once, in order, from the moment it was asked for. */
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Outbox } from '../../platform/outbox/index.ts';
import { listEventsAfter } from './store/reading.ts';
import { listDueStreams, lockStream, moveStream } from './store/streams.ts';

export const RECORDED = 'audit.recorded.v1';

const ORGANISATIONS_AT_ONCE = 100;
const ROWS_AT_ONCE = 200;

/** Resolves with the number of rows handed on. Safe beside itself. */
export async function handOn(deps: { readonly db: Db; readonly outbox: Outbox }): Promise<number> {
  const due = await deps.db.system((tx) => listDueStreams(tx, ORGANISATIONS_AT_ONCE));
  let count = 0;
  for (const orgId of due) count += await deps.db.tenant(orgId, (tx) => handOnOf(tx, deps.outbox, orgId));
  return count;
}

async function handOnOf(tx: Tx, outbox: Outbox, orgId: string): Promise<number> {
  const after = await lockStream(tx, orgId);
  if (after === undefined) return 0;
  const events = await listEventsAfter(tx, {}, { after, limit: ROWS_AT_ONCE });
  for (const event of events) await outbox.append(tx, { orgId, type: RECORDED, data: event });
  const last = events.at(-1);
  if (last) await moveStream(tx, orgId, BigInt(last.seq));
  return events.length;
}
