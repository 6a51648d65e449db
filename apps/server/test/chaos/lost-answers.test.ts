/** Statements that take effect although their caller is told that they failed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase } from '../harness/database.ts';
import { findViolations } from './invariants.ts';
import { type LossyLink, startLossyLink } from './lossy-link.ts';
import { openStage, type Reply, type Stage, until } from './stage.ts';

let link: LossyLink;
let stage: Stage;

beforeAll(async () => {
  const database = await testDatabase();
  link = await startLossyLink(database.ownerUrl);
  stage = await openStage({
    ownerUrl: database.ownerUrl,
    appUrl: link.through(database.appUrl),
    systemUrl: link.through(database.systemUrl),
    close: async () => {
      await database.close();
      await link.close();
    },
  });
});
afterAll(() => stage.close());

const held = async (): Promise<bigint> =>
  BigInt(
    (
      await stage.query<{ balance: string }>(`select balance from ledger.account where mode = 'live' and kind = 'held'`)
    )[0]?.balance ?? -1,
  );
const count = async (table: string): Promise<number> => (await stage.query(`select 1 from ${table}`)).length;

/** The same request until it is answered; each commit of its transaction is made, and its answer lost, `times` times. */
async function insist(
  request: () => Promise<Reply | undefined>,
  times: number,
): Promise<{ reply: Reply; tries: number }> {
  let left = times;
  link.lose((message, seen) => {
    if (left === 0 || !/commit\0/i.test(message) || !seen.includes('platform.idempotency')) return undefined;
    left -= 1;
    return 'answer';
  });
  for (let tries = 1; tries <= 10; tries += 1) {
    const reply = await request();
    if (reply && reply.status < 300) {
      link.lose();
      return { reply, tries };
    }
    expect(reply?.status).toBe(503);
  }
  throw new Error('never answered');
}

it('a run whose start was committed but not answered is the same run when asked again, held for once', async () => {
  const before = await held();
  const request = () => stage.start('counting', { plan: ['none'] }, { idempotencyKey: 'lost-start' });
  const { reply, tries } = await insist(request, 2);
  expect(tries).toBe(3);
  expect(await count('runs.run')).toBe(1);
  expect((await held()) - before).toBe(47_500_000n);
  const again = await request();
  expect(again).toEqual(reply);
});

it('a key whose making was committed but not answered is one key when asked again', async () => {
  const before = await count('identity.api_key');
  const body = { name: 'lost', scopes: ['runs:read'], mode: 'live' };
  const { reply } = await insist(() => stage.call('POST', '/v1/keys', body, { idempotencyKey: 'lost-key' }), 2);
  expect((await count('identity.api_key')) - before).toBe(1);
  // What is shown once was in the lost answer.
  expect(reply.body).toMatchObject({ name: 'lost', secret: null });
});

it('a platform that loses every 25th message, asked or answered, still brings every run to the end that it earned', async () => {
  await stage.another('worker');
  let message = 0;
  link.lose(() => {
    message += 1;
    if (message % 25 !== 0) return undefined;
    return message % 50 === 0 ? 'answer' : 'question';
  });
  const lostBefore = link.lost();
  await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      const agent = i % 5 === 0 ? 'calling' : 'counting';
      const request = () => stage.start(agent, {}, { idempotencyKey: `lossy-${i}` });
      for (let tries = 0; tries < 30; tries += 1) if ((await request())?.status === 202) return;
      throw new Error('never started');
    }),
  );
  await stage.untilAllEnded(60_000);
  link.lose();
  expect(link.lost() - lostBefore).toBeGreaterThan(30);
  const ends = await stage.query<{ id: string; status: string; error: unknown }>(
    `select id, status, error from runs.run where status <> 'succeeded'`,
  );
  // Only a payment that happened and was not recorded may fail, by the person's decision.
  expect(ends.filter(({ id }) => stage.counter.onceUnder(`${id}:once 2#1`) === 0)).toEqual([]);
  expect(stage.counter.repeatedOnce()).toEqual([]);
  await until('the outbox is empty', 5_000, async () => (await count('platform.outbox')) === 0);
  expect(await findViolations(stage)).toEqual([]);
}, 90_000);
