/** Four processes, a thousand starts, money for ten. */
import { expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { startProcess } from './processes.ts';
import { openStage, until } from './stage.ts';

const PRICE = 47_500_000n;
const STARTS = 1_000;

it('1,000 starts at once through 4 processes on money for 10: ten are admitted, never over by one nano, no hold leaks', async () => {
  const stage = await openStage({ ...(await testDatabase()), creditNanos: PRICE * 11n - 1n });
  try {
    const apis = await Promise.all(
      Array.from({ length: 4 }, () => startProcess({ role: 'api', ground: stage.ground })),
    );
    let done = false;
    const seen: { available: bigint; held: bigint }[] = [];
    const sampling = (async () => {
      while (!done) {
        const [row] = await stage.query<{ available: string; held: string }>(
          `select max(balance) filter (where kind = 'available') as available, max(balance) filter (where kind = 'held') as held
           from ledger.account where mode = 'live'`,
        );
        seen.push({ available: BigInt(row?.available ?? -1), held: BigInt(row?.held ?? -1) });
      }
    })();
    const replies = await Promise.all(
      Array.from({ length: STARTS }, (_, i) =>
        stage.start('counting', { plan: ['none'] }, { url: apis[i % 4]?.url ?? '' }),
      ),
    );
    done = true;
    await sampling;
    const byStatus = Map.groupBy(replies, (reply) => reply?.status);
    expect(Object.fromEntries([...byStatus].map(([status, all]) => [status, all.length]))).toEqual({
      202: 10,
      402: STARTS - 10,
    });
    expect(seen.length).toBeGreaterThan(5);
    for (const { available, held } of seen) {
      expect(available >= 0n && held <= PRICE * 10n && available + held === PRICE * 11n - 1n).toBe(true);
    }
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
