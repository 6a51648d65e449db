/** Reading the history of calls. It is written by the books, in the statement that moves the money. */
import type { Mode } from '@guildhall/contract';
import { sql, type Tx } from '../../../platform/db/index.ts';
import { lowestId } from '../../../platform/ids/index.ts';
import type { Attempt, Wire } from '../types.ts';

export interface CallRow {
  readonly id: string;
  readonly mode: Mode;
  readonly key_id: string | null;
  readonly member_id: string | null;
  readonly agent_id: string;
  readonly run_id: string | null;
  readonly request_id: string;
  readonly wire: Wire;
  readonly requested: string;
  readonly model: string;
  readonly own_key: boolean;
  readonly streamed: boolean;
  readonly status: 'open' | 'succeeded' | 'failed' | 'cancelled' | 'lost';
  readonly cached: boolean;
  readonly attempts: readonly (Omit<Attempt, 'status'> & { readonly status?: number })[];
  readonly price_id: string | null;
  readonly price_version: number;
  readonly input_tokens: bigint;
  readonly cached_tokens: bigint;
  readonly cache_write_tokens: bigint;
  readonly cache_write_long_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly images: bigint;
  readonly counted: boolean;
  readonly hold_nanos: bigint;
  readonly cost_nanos: bigint;
  readonly saved_nanos: bigint;
  readonly error_code: string | null;
  readonly first_token_ms: number | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

const COLUMNS = sql.raw(
  `id, mode, key_id, member_id, agent_id, run_id, request_id, wire, requested, model, own_key, streamed, status, cached, attempts, price_id,
   price_version, input_tokens, cached_tokens, cache_write_tokens, cache_write_long_tokens, output_tokens, reasoning_tokens, images, counted, hold_nanos, cost_nanos,
   saved_nanos, error_code, first_token_ms, created_at, ended_at`,
);

export interface CallFilter {
  readonly mode: Mode;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly model?: string | undefined;
  readonly keyId?: string | undefined;
  readonly runId?: string | undefined;
  readonly status?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

// An id is made by a process's clock up to some seconds before the database writes its own; clocks of machines differ by less than the rest.
const SKEW_MS = 600_000;
const lowest = (at: Date, skewMs: number): string => lowestId('mcl', new Date(at.getTime() + skewMs));

/** Newest first. The bounds on ids are what the index is entered by; those on times are exact. */
export async function listCalls(tx: Tx, filter: CallFilter): Promise<CallRow[]> {
  const { cursor, model, keyId, runId, status, from, to } = filter;
  const conditions = [
    sql`org_id = platform.current_org() and mode = ${filter.mode}`,
    ...(cursor === undefined ? [] : [sql`id < ${cursor}`]),
    ...(model === undefined ? [] : [sql`(model = ${model} or requested = ${model})`]),
    ...(keyId === undefined ? [] : [sql`key_id = ${keyId}`]),
    ...(runId === undefined ? [] : [sql`run_id = ${runId}`]),
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(from === undefined ? [] : [sql`created_at >= ${from} and id >= ${lowest(from, -SKEW_MS)}`]),
    ...(to === undefined ? [] : [sql`created_at < ${to} and id < ${lowest(to, SKEW_MS)}`]),
  ];
  const found = await sql<CallRow>`
    select ${COLUMNS} from models.call where ${sql.join(conditions, sql` and `)} order by id desc limit ${filter.limit}`.execute(
    tx,
  );
  return found.rows;
}

export async function findCall(tx: Tx, mode: Mode, id: string): Promise<CallRow | undefined> {
  const found = await sql<CallRow>`
    select ${COLUMNS} from models.call where org_id = platform.current_org() and mode = ${mode} and id = ${id}`.execute(
    tx,
  );
  return found.rows[0];
}
