/** Reading the trail: pages, and the whole of it for taking away. */
import type { AuditEventView } from '@guildhall/contract';
import { sql, type Tx } from '../../../platform/db/index.ts';
import type { ActorType } from '../types.ts';

/** What to leave out; undefined leaves out nothing. */
export interface AuditFilter {
  readonly actor?: string | undefined;
  /** `key.create`, `key.*` or `key`. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly q?: string | undefined;
}

interface EventRow {
  readonly id: string;
  readonly seq: bigint;
  readonly actor_type: ActorType;
  readonly actor_id: string | null;
  readonly action: string;
  readonly target_type: string | null;
  readonly target_id: string | null;
  readonly request_id: string | null;
  readonly data: AuditEventView['data'];
  readonly created_at: Date;
  readonly prev_hash: string;
  readonly hash: string;
}

const toWire = (row: EventRow): AuditEventView => ({
  id: row.id,
  seq: row.seq.toString(),
  actorType: row.actor_type,
  actorId: row.actor_id,
  action: row.action,
  targetType: row.target_type,
  targetId: row.target_id,
  requestId: row.request_id,
  data: row.data,
  createdAt: row.created_at.toISOString(),
  prevHash: row.prev_hash,
  hash: row.hash,
});

const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');

function matching({ actor, action, target, from, to, q }: AuditFilter) {
  const [noun = '', verb] = action?.split('.') ?? [];
  const isNoun = verb === undefined || verb === '*';
  const like = `%${escapeLike(q ?? '')}%`;
  return sql`
    (${actor ?? null}::text is null or actor_id = ${actor ?? null})
    and (${target ?? null}::text is null or target_id = ${target ?? null})
    and (${action ?? null}::text is null or case when ${isNoun} then split_part(action, '.', 1) = ${noun} else action = ${action ?? ''} end)
    and (${from ?? null}::timestamptz is null or created_at >= ${from ?? null}::timestamptz)
    and (${to ?? null}::timestamptz is null or created_at < ${to ?? null}::timestamptz)
    and (${q ?? null}::text is null
      or concat_ws(' ', action, actor_id, target_type, target_id, request_id, data::text) ilike ${like})`;
}

const columns = sql.raw(`id, seq, actor_type, actor_id, action, target_type, target_id, request_id, data, created_at,
  encode(prev_hash, 'hex') as prev_hash, encode(hash, 'hex') as hash`);

/** Newest first: rows of the chain of this transaction's organisation or person, before `before`. */
export async function listEvents(
  tx: Tx,
  filter: AuditFilter,
  page: { readonly before: bigint | undefined; readonly limit: number },
): Promise<AuditEventView[]> {
  const { rows } = await sql<EventRow>`
    select ${columns} from audit.event
     where (${page.before ?? null}::bigint is null or seq < ${page.before ?? null}) and ${matching(filter)}
     order by seq desc limit ${page.limit}`.execute(tx);
  return rows.map(toWire);
}

/** Oldest first, behind `after`. */
export async function listEventsAfter(
  tx: Tx,
  filter: AuditFilter,
  page: { readonly after: bigint; readonly limit: number },
): Promise<AuditEventView[]> {
  const { rows } = await sql<EventRow>`
    select ${columns} from audit.event where seq > ${page.after} and ${matching(filter)} order by seq limit ${page.limit}`.execute(
    tx,
  );
  return rows.map(toWire);
}
