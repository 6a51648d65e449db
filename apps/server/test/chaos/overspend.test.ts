/** Four processes, a thousand starts, money for ten. */
import pg from 'pg';
import { expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { startProcess } from './processes.ts';
import { openStage, until } from './stage.ts';

const PRICE = 47_500_000n;
const STARTS = 1_000;
// Longer than the starts take; a sample every five milliseconds.
const WATCH_MS = 4_000;

/** Looks at the money again and again inside the database, where nothing that this process is busy with can blind it. */
async function watchMoney(ownerUrl: string): Promise<{ samples: number; violations: number }> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`create function pg_temp.watch(p_ms int, out samples int, out violations int) language plpgsql as $$
      declare
        v_until timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
        v_bad boolean;
      begin
        samples := 0;
        violations := 0;
        while clock_timestamp() < v_until loop
          select sum(balance) filter (where kind in ('available', 'held')) <> ${PRICE * 11n - 1n}
              or min(balance) filter (where kind = 'available') < 0 or max(balance) filter (where kind = 'held') > ${PRICE * 10n}
            into v_bad from ledger.account where mode = 'live';
          samples := samples + 1;
          violations := violations + v_bad::int;
          perform pg_sleep(0.005);
        end loop;
      end $$`);
    const { rows } = await client.query<{ samples: number; violations: number }>('select * from pg_temp.watch($1)', [
      WATCH_MS,
    ]);
    return rows[0] ?? { samples: 0, violations: 0 };
  } finally {
    await client.end();
  }
}

it('1,000 starts at once through 4 processes on money for 10: ten are admitted, never over by one nano, no hold leaks', async () => {
  const database = await testDatabase();
  const stage = await openStage({ ...database, creditNanos: PRICE * 11n - 1n });
  try {
    const apis = await Promise.all(
      Array.from({ length: 4 }, () => startProcess({ role: 'api', ground: stage.ground })),
    );
    const sampling = watchMoney(database.ownerUrl);
    const replies = await Promise.all(
      Array.from({ length: STARTS }, (_, i) =>
        stage.start('counting', { plan: ['none'] }, { url: apis[i % 4]?.url ?? '' }),
      ),
    );
    const { samples, violations } = await sampling;
    const byStatus = Map.groupBy(replies, (reply) => reply?.status);
    expect(Object.fromEntries([...byStatus].map(([status, all]) => [status, all.length]))).toEqual({
      202: 10,
      402: STARTS - 10,
    });
    expect(samples).toBeGreaterThan(50);
    expect(violations).toBe(0);
    await stage.another('worker');
    await stage.untilAllEnded(15_000);
    const left = await stage.query(
      `select kind, balance from ledger.account where mode = 'live' and kind in ('available', 'held', 'spent') order by kind`,
    );
    expect(left).toEqual([
      { kind: 'available', balance: String(PRICE - 1n) },
      { kind: 'held', balance: '0' },
      { kind: 'spent', balance: String(PRICE * 10n) },
    ]);
    await until(
      'the outbox is empty',
      5_000,
      async () => (await stage.query('select 1 from platform.outbox')).length === 0,
    );
    expect(await findViolations(stage)).toEqual([]);
    for (const api of apis) await api.kill();
  } finally {
    await stage.close();
  }
}, 60_000);
