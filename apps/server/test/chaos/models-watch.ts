/** Looks at all money again and again while it moves, inside the database, where nothing that this process is busy with can blind it. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { isConnectionError } from '../../src/platform/db/index.ts';

export interface Watched {
  readonly samples: number;
  readonly violations: readonly string[];
}

export interface MoneyWatch {
  end(): Promise<Watched>;
}

// Each sample is one statement, so all its parts see the same instant.
const SAMPLE = `
  select format('%s %s does not sum to zero', org_id, mode) as what from ledger.account group by org_id, mode having sum(balance) <> 0
  union all
  select format('%s %s: %s', org_id, kind, balance) from ledger.account where kind in ('available', 'held') and balance < 0
  union all
  select format('budget %s: %s spent, %s held of %s', id, spent, held, limit_nanos) from ledger.budget where hard and spent + held > limit_nanos
  union all
  select format('%s: %s held, open holds of %s', a.org_id, a.balance, h.total) from ledger.account a
    left join (select org_id, mode, sum(amount) as total from ledger.hold where state = 'open' group by 1, 2) h using (org_id, mode)
    where a.kind = 'held' and a.balance <> coalesce(h.total, 0)
  union all
  select format('%s: %s spent, calls of %s', a.org_id, a.balance, c.total) from ledger.account a
    left join (select org_id, mode, sum(cost_nanos) as total from models.call group by 1, 2) c using (org_id, mode)
    where a.kind = 'spent' and a.balance <> coalesce(c.total, 0)`;

const TURN_MS = 1_000;
const GAP_SECONDS = 0.1;

async function turn(client: pg.Client): Promise<{ samples: number; broken: string[] }> {
  const { rows } = await client.query<{ samples: number; broken: string[] }>('select * from pg_temp.watch($1)', [
    TURN_MS,
  ]);
  return rows[0] ?? { samples: 0, broken: [] };
}

async function open(ownerUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: ownerUrl });
  client.on('error', () => {});
  await client.connect();
  await client.query(`create function pg_temp.watch(p_ms int, out samples int, out broken text[]) language plpgsql as $$
    declare
      v_until timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
    begin
      samples := 0;
      broken := '{}';
      while clock_timestamp() < v_until loop
        broken := broken || array(select s.what from (${SAMPLE}) s limit 5);
        samples := samples + 1;
        perform pg_sleep(${GAP_SECONDS});
      end loop;
    end $$`);
  return client;
}

/** Goes on through restarts of the server. */
export function watchMoney(ownerUrl: string): MoneyWatch {
  let isOver = false;
  let samples = 0;
  const violations: string[] = [];
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const client = await open(ownerUrl).catch(() => undefined);
      if (!client) {
        await pause(100);
        continue;
      }
      try {
        while (!isOver) {
          const seen = await turn(client);
          samples += seen.samples;
          violations.push(...seen.broken);
        }
      } catch (error) {
        // The server went away in the middle of a turn, whose samples are lost.
        if (!isConnectionError(error)) throw error;
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  };
  const watching = watch();
  return {
    end: async () => {
      isOver = true;
      await watching;
      return { samples, violations };
    },
  };
}
