/** Many calls for little money, holds that expire while they are settled, and clocks that are wrong. */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Clock } from '../../src/platform/clock/index.ts';
import { serveOn } from '../../src/serve.ts';
import { foundationOn } from './foundation.ts';
import { callViolations } from './models-invariants.ts';
import { type ModelStage, openModelStage } from './models-stage.ts';
import { expireAll } from './models-storm.ts';
import { watchMoney } from './models-watch.ts';
import { type Running, startProcess } from './processes.ts';
import { until } from './stage.ts';

const PROCESSES = 4;
const CALLS = 1_000;
const COVERED = 10;
const RACING = 200;

let one: ModelStage;
let processes: Running[];

beforeAll(async () => {
  one = await openModelStage({ creditNanos: 1_000_000_000n, sockets: CALLS });
  processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => startProcess({ role: 'api', ground: one.stage.ground })),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((running) => running.kill()));
  await one.close();
});

const at = (index: number): string => processes[index % PROCESSES]?.url ?? '';
const allEnded = () =>
  until('every call has ended', 15_000, async () => (await one.calls()).every(({ status }) => status !== 'open'));

it('holds that expire while their calls are settled are settled or taken back, one of the two, and books agree', async () => {
  const answers = Array.from({ length: RACING }, (_, index) =>
    one.chat({ url: at(index), directive: `delayMs=${(index * 7) % 400}` }),
  );
  let isOver = false;
  const expiring = (async () => {
    while (!isOver) await expireAll(one.stage);
  })();
  const received = await Promise.all(answers);
  isOver = true;
  await expiring;
  await allEnded();
  const calls = new Map((await one.calls()).map((call) => [call.id, call]));
  const ends = received.map(({ status, headers }) => {
    expect(status).toBe(200);
    const call = calls.get(String(headers['x-guildhall-call']));
    // What the client was told is what it was charged, also when the sweeper was faster.
    expect(headers['x-guildhall-cost-nanos']).toBe(call?.cost_nanos);
    return call?.status;
  });
  expect(new Set(ends)).toEqual(new Set(['succeeded', 'lost']));
  expect(await one.money()).toMatchObject({ held: 0n });
  expect(await callViolations(one.stage)).toEqual([]);
}, 60_000);

it.each([
  { what: 'ten minutes ahead', moved: [600_000] },
  { what: 'ten minutes behind', moved: [-600_000] },
  { what: 'set back an hour while a call is under way', moved: [0, -3_600_000] },
])(
  'a process whose clock is $what takes holds that end by the clock of the database, and settles them',
  async ({ moved: [first = 0, then = first] }) => {
    let moved = first;
    const clock: Clock = { now: () => new Date(Date.now() + moved), monotonicMs: () => performance.now() };
    const foundation = { ...foundationOn(one.stage.ground, 'wrong clock'), clock };
    const { settings, log } = foundation;
    const server = await serveOn(foundation, { role: 'api', settings, log, agents: [] });
    try {
      const answering = one.chat({ url: server.url ?? '', directive: 'delayMs=300' });
      let open: { left: string; mine: string } | undefined;
      await until('a hold', 10_000, async () => {
        [open] = await one.stage.query<{ left: string; mine: string }>(
          `select extract(epoch from expires_at - platform.now()) as left, run_id as mine from ledger.hold where state = 'open'`,
        );
        return open !== undefined;
      });
      moved = then;
      // The longest a call may last, and the time in which its settlement is tried.
      expect(Number(open?.left)).toBeGreaterThan(680);
      expect(Number(open?.left)).toBeLessThanOrEqual(690);
      await one.stage.server.platform.models.sweepExpired();
      const { status, headers } = await answering;
      expect(status).toBe(200);
      expect((await one.calls()).find(({ id }) => id === open?.mine)).toMatchObject({
        status: 'succeeded',
        cost_nanos: headers['x-guildhall-cost-nanos'],
      });
      expect(await callViolations(one.stage)).toEqual([]);
    } finally {
      await server.stop();
    }
  },
  30_000,
);

// The last, because it leaves every process with a provider that fails.
it('1,000 calls at once through 4 processes on money for 10: ten are admitted, never over by one nano, and every hold comes back', async () => {
  expect((await one.chat({ directive: 'fault=bad-request&delayMs=00000' })).status).toBe(400);
  // The same for every call whose prompt is as long.
  const hold = BigInt((await one.calls()).at(-1)?.hold_nanos ?? 0);
  const credit = hold * BigInt(COVERED + 1) - 1n;
  const poor = await one.customer(credit);
  const watch = watchMoney(one.stage.ground.ownerUrl);
  // All processes decide at once: none gets through to the balance before each has a statement under way.
  const blocker = new pg.Client({ connectionString: one.stage.ground.ownerUrl });
  await blocker.connect();
  const block = (): Promise<unknown> =>
    blocker.query(
      `begin; select 1 from ledger.account where org_id = ${blocker.escapeLiteral(poor.orgId)} and kind = 'available' for update`,
    );
  await block();
  const statuses: number[] = [];
  const asked = Array.from({ length: CALLS }, async (_, index) => {
    const { status } = await one.chat({ url: at(index), key: poor.key, directive: 'fault=bad-request&delayMs=60000' });
    statuses.push(status);
  });
  const allWait = () =>
    until('every process waits for the balance', 30_000, async () => {
      const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%book_calls%'`;
      return (await one.stage.query(waiting)).length >= PROCESSES;
    });
  // The first statements carry the first call of each process, the next all that came meanwhile.
  for (let turn = 0; turn < 2; turn += 1) {
    await allWait();
    await blocker.query('commit');
    if (turn === 0) await block();
  }
  await blocker.end();
  await until('every call is refused or held', 60_000, async () => {
    const open = (await one.calls()).filter(({ status }) => status === 'open');
    return statuses.length + open.length >= CALLS;
  });
  expect(statuses).toHaveLength(CALLS - COVERED);
  expect(new Set(statuses)).toEqual(new Set([402]));
  expect(await one.money(poor.orgId)).toEqual({ available: hold - 1n, held: hold * BigInt(COVERED), spent: 0n });
  // The ten who wait for the provider are let go.
  await one.mock.refuse();
  await Promise.all(asked);
  await one.mock.accept();
  await allEnded();
  const { samples, violations } = await watch.end();
  expect(samples).toBeGreaterThan(5);
  expect(violations).toEqual([]);
  expect(await one.money(poor.orgId)).toEqual({ available: credit, held: 0n, spent: 0n });
  expect(await callViolations(one.stage)).toEqual([]);
}, 90_000);
