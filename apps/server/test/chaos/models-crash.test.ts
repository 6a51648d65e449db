/** An API process dies at every edge of a call: the customer pays for what is on record and for nothing else, and no hold stays. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callViolations } from './models-invariants.ts';
import { type CallRow, type ModelStage, openModelStage } from './models-stage.ts';
import { expireAll } from './models-storm.ts';
import { type Running, startProcess } from './processes.ts';

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
    { place: 'after the hold and before the provider is asked', failpoint: 'call.after-hold', asked: 0 },
    { place: 'after the provider answered and before the settlement', failpoint: 'call.before-settle', asked: 1 },
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
