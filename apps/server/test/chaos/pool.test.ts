/** The organisation belongs to a transaction, never to a connection. */
import { expect, it } from 'vitest';
import { createDb, isConnectionError, sql, type Tx } from '../../src/platform/db/index.ts';
import { testDatabase } from '../harness/database.ts';

const QUERIES = 4_000;
const ORGS = ['org_a', 'org_b', 'org_c'];

/** A reproducible stream of numbers in [0, below). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const contextOf = async (tx: Tx): Promise<string | null> =>
  (await sql<{ org: string | null }>`select platform.current_org() as org`.execute(tx)).rows[0]?.org ?? null;

it('4,000 interleaved queries on two connections, many of them aborted, cut or killed, never see another organisation', async () => {
  const database = await testDatabase();
  const db = createDb({ ...database, appPoolMax: 2, systemPoolMax: 2, applicationName: 'pool', onIdleError: () => {} });
  try {
    for (const org of ORGS)
      await db.tenant(org, (tx) =>
        sql`insert into platform.outbox (id, org_id, type, data) values (${`evt_${org}`}, ${org}, 'canary', '{}')`.execute(
          tx,
        ),
      );
    const next = numbers(20_260_101);
    const leaks: string[] = [];
    const rowsOf = async (tx: Tx) =>
      (await sql<{ org_id: string }>`select org_id from platform.outbox`.execute(tx)).rows.map((row) => row.org_id);
    const inside = async (org: string, ending: number): Promise<void> => {
      await db.tenant(org, async (tx) => {
        const [context, rows] = [await contextOf(tx), await rowsOf(tx)];
        if (context !== org || rows.join() !== org) leaks.push(`in ${org}: ${context}, rows of ${rows.join()}`);
        if (ending === 0) throw new Error('aborted by the caller');
        if (ending === 1) await sql`select 1 / 0`.execute(tx);
        if (ending === 2)
          await sql`set local statement_timeout = 1`.execute(tx).then(() => sql`select pg_sleep(1)`.execute(tx));
        if (ending === 3) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
      });
    };
    const outside = async (direct: boolean): Promise<void> => {
      const [context, rows] = await (direct
        ? db.direct(async (tx) => [await contextOf(tx), await rowsOf(tx)] as const)
        : db.open(async (tx) => [await contextOf(tx), await rowsOf(tx)] as const));
      if (context !== null || rows.length > 0) leaks.push(`outside: ${context}, rows of ${rows.join()}`);
    };
    // Timeouts wait a millisecond and killed connections are made again: rare enough to keep this quick.
    const endings = [0, 0, 0, 1, 1, 1, 2, 3, ...Array.from({ length: 42 }, () => 4)];
    const kinds = new Map<string, number>();
    const one = async (): Promise<void> => {
      const choice = next(4);
      const org = ORGS[next(ORGS.length)] ?? '';
      const ending = endings[next(endings.length)] ?? 4;
      await (choice < 2 ? inside(org, ending) : outside(choice === 2)).then(
        () => kinds.set('ended', (kinds.get('ended') ?? 0) + 1),
        (error: unknown) => {
          const kind = isConnectionError(error) ? 'cut' : 'aborted';
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        },
      );
    };
    const lane = async (): Promise<void> => {
      for (let i = 0; i < QUERIES / 8; i += 1) await one();
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    expect(leaks).toEqual([]);
    expect(kinds.get('cut')).toBeGreaterThan(5);
    expect(kinds.get('aborted')).toBeGreaterThan(50);
    expect(kinds.get('ended')).toBeGreaterThan(QUERIES / 2);
  } finally {
    await db.close();
    await database.close();
  }
}, 30_000);
