/** Windows in an UNLOGGED table: one statement per question, one row per subject. */
import { type Db, sql } from '../db/index.ts';
import { assert } from '../errors/index.ts';
import type { RateGrant, RateRequest, RateStore } from './types.ts';

interface Row {
  granted: number;
  remaining: number;
  ends_in_ms: number;
}

// A sweep holds row locks; a thousand are deleted in a few milliseconds.
const SWEEP_ROWS_MAX = 1_000;
// Nothing else works without the database either, so giving up sooner would gain nothing.
const ANSWERS_WITHIN_MS = 2_500;

/**
 * A window begins with its first call and ends for everybody at the same instant of the database's clock. The row lock of the upsert puts
 * all takers in one order, and each is granted at most what the one before left, so a window never hands out more than its limit.
 */
export function createPostgresRateStore(db: Db): RateStore {
  return {
    answersWithinMs: ANSWERS_WITHIN_MS,
    take: (request) => db.direct(async (tx) => grantOf((await takeQuery(request).execute(tx)).rows[0])),
    sweep: () =>
      db.direct(async (tx) => {
        const swept = await sql`
          delete from platform.rate_window where key in (
            select key from platform.rate_window where ends_at < platform.now() limit ${SWEEP_ROWS_MAX} for update skip locked
          )`.execute(tx);
        return Number(swept.numAffectedRows ?? 0n);
      }),
  };
}

// `excluded` is the row as a new window would be, so `excluded.ends_at - period` is now. The nearer end wins, so that a database clock
// that is set back cannot keep a window open for longer than its length.
const takeQuery = ({ key, limit, windowMs, wanted, leaseMax }: RateRequest) => sql<Row>`
  with asked as materialized (select platform.now() as at, ${windowMs}::int * interval '1 millisecond' as period)
  insert into platform.rate_window as w (key, ends_at, used, granted)
  select ${key}, at + period, platform.rate_grant(${limit}, ${wanted}, ${leaseMax}), platform.rate_grant(${limit}, ${wanted}, ${leaseMax}) from asked
  on conflict (key) do update set
    ends_at = case when w.ends_at <= excluded.ends_at - ${windowMs}::int * interval '1 millisecond' then excluded.ends_at
      else least(w.ends_at, excluded.ends_at) end,
    used = case when w.ends_at <= excluded.ends_at - ${windowMs}::int * interval '1 millisecond' then excluded.used
      else w.used + platform.rate_grant(${limit} - w.used, ${wanted}, ${leaseMax}) end,
    granted = case when w.ends_at <= excluded.ends_at - ${windowMs}::int * interval '1 millisecond' then excluded.granted
      else platform.rate_grant(${limit} - w.used, ${wanted}, ${leaseMax}) end
  returning granted, greatest(0, ${limit}::int - used) as remaining,
    greatest(0, extract(epoch from ends_at - (select at from asked)) * 1000)::float8 as ends_in_ms`;

function grantOf(row: Row | undefined): RateGrant {
  assert(row, 'an upsert returns its row');
  return { granted: row.granted, remaining: row.remaining, endsInMs: row.ends_in_ms };
}
