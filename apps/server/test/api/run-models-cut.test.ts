/** Calls of models that are cut short: by a worker that stops, a database that goes away, an agent that leaves. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FailpointName } from '../../src/platform/failpoints/index.ts';
import { BASE, type ModelPlatform, model, modelPlatform, words } from './run-models-fixture.ts';

let platform: ModelPlatform;
let at: ((name: FailpointName) => Promise<void> | void) | undefined;
beforeEach(async () => {
  at = undefined;
  platform = await modelPlatform({ role: 'api' });
});
afterEach(() => platform.close());

const worker = () => platform.another('worker', (name) => at?.(name));
const speaks = async (id: string): Promise<boolean> =>
  (await platform.eventsOf(id)).filter(({ type }) => type === 'token').length > 1;
const slowly = { outputTokens: 900, tokensPerSecond: 20 };

describe('a worker that stops while a model speaks', () => {
  it('gives the run to another one, which asks again: the customer pays once, the operator for what was lost', async () => {
    const before = await platform.spent();
    const first = await worker();
    platform.mock.behave({}, slowly, { outputTokens: 30 });
    const prompts = [words(21_000), 'Go on.'];
    const begun = await platform.begin('talker', { model, manner: 'stream', prompts }, {}, 0);
    await expect.poll(() => speaks(begun.id), { timeout: 10_000 }).toBe(true);
    const stopped = first.stop();
    await worker();
    await stopped;
    const run = await platform.ended(begun.id);
    expect(run.status).toBe('succeeded');
    const calls = await platform.callsOf(run.id);
    expect(calls.map(({ status }) => status)).toEqual(['succeeded', 'lost', 'succeeded']);
    expect(calls[1]).toMatchObject({ cost_nanos: '0' });
    expect(BigInt(calls[1]?.loss_nanos ?? 0)).toBeGreaterThan(0n);
    expect((await platform.stepsOf(run.id)).map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(platform.asked()).toHaveLength(3);
    const used = calls.reduce((sum, call) => sum + BigInt(call.cost_nanos), 0n);
    expect(await platform.since(before)).toBe(BASE + used);
  }, 40_000);
});

describe('a call that is cut short by the end of its run', () => {
  it('is settled before the run is, however long that takes', async () => {
    const before = await platform.spent();
    await worker();
    platform.mock.behave({}, slowly);
    let passages = 0;
    at = async (name) => {
      if (name !== 'step.after-work') return;
      passages += 1;
      if (passages === 2) await new Promise((resolve) => setTimeout(resolve, 1_000));
    };
    const prompts = [words(21_000), 'Go on.'];
    const begun = await platform.begin('talker', { model, manner: 'stream', prompts }, {}, 0);
    await expect.poll(() => speaks(begun.id), { timeout: 10_000 }).toBe(true);
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    const calls = await platform.callsOf(run.id);
    expect(calls.map(({ status }) => status)).toEqual(['succeeded', 'cancelled']);
    expect(BigInt(calls[1]?.cost_nanos ?? 0)).toBeGreaterThan(0n);
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
  }, 30_000);
});

describe('a call that nobody settles', () => {
  it('is lost when its run ends', async () => {
    const before = await platform.spent();
    await worker();
    at = (name) => (name === 'step.after-work' ? new Promise<void>(() => {}) : undefined);
    const begun = await platform.begin('talker', { model, prompts: [words(21_000)] }, {}, 0);
    await expect.poll(() => platform.asked()[0]?.outcome, { timeout: 10_000 }).toBe('complete');
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    expect(run).toMatchObject({ status: 'cancelled', cost: { nanos: '0' } });
    const [call] = await platform.callsOf(run.id);
    expect(call).toMatchObject({ status: 'lost', cost_nanos: '0' });
    expect(BigInt(call?.loss_nanos ?? 0)).toBeGreaterThan(0n);
    expect(await platform.since(before)).toBe(0n);
  }, 30_000);
});

describe('a database that goes away while an answer is booked', () => {
  it('loses nothing when it comes back soon: the answer is booked once', async () => {
    const before = await platform.spent();
    await worker();
    let cuts = 0;
    at = async (name) => {
      if (name !== 'step.after-work' || cuts > 0) return;
      cuts += 1;
      await platform.owner.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test worker' and datname = current_database()",
      );
    };
    const run = await platform.begin('talker', { model, prompts: [words(21_000)] });
    expect(run.status).toBe('succeeded');
    expect(cuts).toBe(1);
    expect(platform.asked()).toHaveLength(1);
    expect((await platform.callsOf(run.id)).map(({ status }) => status)).toEqual(['succeeded']);
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
  });
});

describe('an agent that leaves while a model speaks', () => {
  it('and ends well pays nothing for what nobody waited for', async () => {
    const before = await platform.spent();
    await worker();
    platform.mock.behave(slowly);
    const run = await platform.begin('leaver', { manner: 'forgets' });
    expect(run).toMatchObject({ status: 'succeeded', output: { heard: true }, cost: { nanos: BASE.toString() } });
    const [call] = await platform.callsOf(run.id);
    expect(call).toMatchObject({ status: 'lost', cost_nanos: '0' });
    expect(await platform.since(before)).toBe(BASE);
    await expect.poll(() => platform.asked()[0]?.outcome).toBe('cancelled');
  });

  it('and goes on finds the step failed with what it used', async () => {
    const before = await platform.spent();
    await worker();
    platform.mock.behave(slowly);
    const begun = await platform.begin('leaver', { manner: 'gives up' }, {}, 0);
    await platform.until(begun.id, ({ status }) => status === 'waiting');
    const [step] = await platform.stepsOf(begun.id);
    expect(step).toMatchObject({ status: 'failed', error: { code: 'agent.model-caller-left' } });
    expect(step?.usage.outputTokens).toBeGreaterThan(0);
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    await platform.ended(begun.id);
    expect(await platform.since(before)).toBe(0n);
  });
});
