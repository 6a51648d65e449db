/** An API process dies at every edge of a call: the customer pays for what is on record and for nothing else, and no hold stays. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callViolations } from './models-invariants.ts';
import { type CallRow, type ModelStage, openModelStage } from './models-stage.ts';
import { expireAll } from './models-storm.ts';
import { type Running, startProcess } from './processes.ts';
import { until } from './stage.ts';

const CREDIT = 10_000_000n;
let one: ModelStage;
let victim: Running;
let before: { available: bigint; held: bigint; spent: bigint };

beforeAll(async () => {
  one = await openModelStage({ creditNanos: CREDIT });
}, 60_000);
afterAll(() => one.close());
beforeEach(async () => {
  await one.mock.reset();
  before = await one.money();
});

const armed = async (failpoint?: string): Promise<void> => {
  victim = await startProcess({ role: 'api', ground: one.stage.ground, ...(failpoint ? { failpoint } : {}) });
};
const newest = async (): Promise<CallRow | undefined> => (await one.calls()).at(-1);

// Each starts a process, which takes its time on a busy machine.
describe('a process that dies', { timeout: 60_000 }, () => {
  it.each([
    { place: 'before the provider is asked', failpoint: 'call.after-hold', asked: 0 },
    { place: 'before the settlement', failpoint: 'call.before-settle', asked: 1 },
  ])(
    '$place charges nothing; the hold goes back when it expires, and the operator books what may be owed',
    async ({ failpoint, asked }) => {
      await armed(`${failpoint}=crash`);
      const answer = await one.chat({ url: victim.url });
      expect(await victim.exited).toBe('SIGKILL');
      expect(answer).toMatchObject({ status: 0, end: 'cut' });
      expect(one.mock.stats().byPath['/v1/chat/completions'] ?? 0).toBe(asked);
      const open = await newest();
      expect(open?.status).toBe('open');
      const hold = BigInt(open?.hold_nanos ?? 0);
      expect(await one.money()).toEqual({ ...before, available: before.available - hold, held: hold });

      await expireAll(one.stage);
      expect(await newest()).toMatchObject({ status: 'lost', cost_nanos: '0' });
      expect(BigInt((await newest())?.loss_nanos ?? 0)).toBeGreaterThan(0n);
      expect(await one.money()).toEqual(before);
      expect(await callViolations(one.stage)).toEqual([]);
    },
  );

  it('after the settlement and before the answer has charged once what history says, and the next call is another', async () => {
    await armed('call.after-settle=crash');
    const answer = await one.chat({ url: victim.url });
    expect(await victim.exited).toBe('SIGKILL');
    expect(answer.status).toBe(0);
    const call = await newest();
    expect(call).toMatchObject({ status: 'succeeded', output_tokens: '16' });
    const cost = BigInt(call?.cost_nanos ?? 0);
    expect(cost).toBeGreaterThan(0n);
    expect(await one.money()).toEqual({
      available: before.available - cost,
      held: before.held,
      spent: before.spent + cost,
    });
    const again = await one.chat();
    expect(again.status).toBe(200);
    expect(again.headers['x-guildhall-call']).not.toBe(call?.id);
    await expireAll(one.stage);
    expect(await callViolations(one.stage)).toEqual([]);
  });

  it('in the middle of a stream leaves a cut answer, charges nothing, and books the loss', async () => {
    await armed();
    const begun = Promise.withResolvers<void>();
    const answering = one.chat({
      url: victim.url,
      stream: true,
      directive: 'fault=stall&afterTokens=5',
      onBody: (soFar) => {
        if (soFar.split('"content":').length > 5) begun.resolve();
      },
    });
    await begun.promise;
    await victim.kill();
    expect(await answering).toMatchObject({ status: 200, end: 'cut' });
    await expireAll(one.stage);
    expect(await newest()).toMatchObject({ status: 'lost', cost_nanos: '0' });
    expect(await one.money()).toEqual(before);
    expect(await callViolations(one.stage)).toEqual([]);
  });
});

it('the end of a stream is told when the settlement has committed, and not before', async () => {
  let soFar = '';
  const answering = one.chat({
    stream: true,
    directive: 'firstTokenMs=300&tokensPerSecond=200',
    onBody: (body) => {
      soFar = body;
    },
  });
  await until('the call is open', 10_000, async () => (await newest())?.status === 'open');
  const blocker = new pg.Client({ connectionString: one.stage.ground.ownerUrl });
  await blocker.connect();
  await blocker.query(`begin; select 1 from ledger.hold where state = 'open' for update`);
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%book_calls%'`;
  await until('the settlement waits', 10_000, async () => (await one.stage.query(waiting)).length > 0);
  await until('the text is there', 10_000, () => soFar.includes('"content"'));
  expect(soFar).not.toContain('[DONE]');
  await blocker.query('commit');
  await blocker.end();
  expect((await answering).body).toContain('[DONE]');
  expect((await newest())?.status).toBe('succeeded');
}, 30_000);
