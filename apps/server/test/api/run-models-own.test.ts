/** Whose providers a run asks, and what is paid by whom where agents call one another. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { BASE, type ModelPlatform, model, modelPlatform, PROVIDER_KEY, words } from './run-models-fixture.ts';

let platform: ModelPlatform;
let second: MockProvider;
beforeAll(async () => {
  second = await startMockProvider();
  platform = await modelPlatform({
    environment: { ANTHROPIC_API_KEY: PROVIDER_KEY, ANTHROPIC_BASE_URL: `${second.url}/v1` },
  });
});
beforeEach(async () => {
  await platform.mock.reset();
  await second.reset();
});
afterAll(async () => {
  await platform.close();
  await second.close();
});

describe('a run of a tier', () => {
  it("that sells one's own key asks with that key alone and costs the base price alone, whatever is used", async () => {
    const own = await startMockProvider();
    const fee = 2_000_000n;
    const before = await platform.spent();
    const without = await platform.begin('talker', {}, { tier: 'byok' });
    expect(without).toMatchObject({
      status: 'failed',
      error: { code: 'agent.model-no-provider' },
      cost: { nanos: '0' },
    });
    const key = 'sk-own-canary-1234567890';
    const made = await platform.call('POST', '/v1/provider-keys', {
      kind: 'openai',
      name: 'own',
      key,
      baseUrl: `${own.url}/v1`,
    });
    expect(made.status).toBe(201);
    for (const manner of ['whole', 'stream']) {
      const run = await platform.begin('talker', { manner, prompts: [words(30_000)] }, { tier: 'byok' });
      expect(run).toMatchObject({
        status: 'succeeded',
        hold: { nanos: fee.toString() },
        cost: { nanos: fee.toString() },
      });
      expect(run.usage.inputTokens).toBeGreaterThan(30_000);
    }
    const said = own.requests().filter(({ path }) => path.endsWith('/chat/completions'));
    expect(said.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${key}`, `Bearer ${key}`]);
    expect(said.some(({ raw }) => raw.includes(key))).toBe(false);
    expect(platform.asked()).toEqual([]);
    const operators = await platform.begin('talker', {});
    expect(operators.status).toBe('succeeded');
    expect(platform.asked()).toHaveLength(1);
    expect(await platform.since(before)).toBe(2n * fee + BASE);
    const { rows } = await platform.owner.query('select 1 from runs.step t where t::text like $1', [`%${key}%`]);
    expect(rows).toEqual([]);
    await own.close();
  });
});

describe('an agent that calls one that uses a model', () => {
  const spending = { prompts: [words(15_000), words(15_000)], model };

  it('pays for its use, whose worst case its own hold covers', async () => {
    const before = await platform.spent();
    const run = await platform.begin('caller', { called: spending });
    expect(run.status).toBe('succeeded');
    const { costNanos } = run.output as { costNanos: string };
    expect(BigInt(costNanos)).toBeGreaterThan(BASE);
    expect(run.cost.nanos).toBe((BASE + BigInt(costNanos)).toString());
    expect(BigInt(run.hold.nanos)).toBeGreaterThan(BigInt(run.cost.nanos));
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
  });

  it("and fails pays nothing: the use of models in all of them is the operator's", async () => {
    const before = await platform.spent();
    const run = await platform.begin('caller', { called: spending, fails: true });
    expect(run).toMatchObject({ status: 'failed', cost: { nanos: '0' } });
    const { data } = await platform.get<{ data: { id: string; cost: unknown }[] }>(`/v1/runs?parentRunId=${run.id}`);
    expect(data).toMatchObject([{ status: 'succeeded', cost: { nanos: '0' } }]);
    for (const call of await platform.callsOf(data[0]?.id ?? ''))
      expect(call).toMatchObject({ cost_nanos: '0', loss_nanos: call.provider_cost_nanos });
    expect(await platform.since(before)).toBe(0n);
  });

  it('and is cancelled pays for the use of models in all of them, and for nothing else', async () => {
    const before = await platform.spent();
    const begun = await platform.begin('caller', { called: spending, asks: true }, {}, 0);
    await platform.until(begun.id, ({ waitingFor }) => waitingFor === 'approval');
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    const { data } = await platform.get<{ data: { id: string; cost: { nanos: string } }[] }>(
      `/v1/runs?parentRunId=${run.id}`,
    );
    const calls = await platform.callsOf(data[0]?.id ?? '');
    const used = calls.reduce((sum, call) => sum + BigInt(call.cost_nanos), 0n);
    expect(used).toBeGreaterThan(0n);
    expect(run).toMatchObject({ status: 'cancelled', cost: { nanos: used.toString() } });
    expect(data[0]?.cost.nanos).toBe(used.toString());
    expect(await platform.since(before)).toBe(used);
  });

  it('and is cancelled while that one speaks pays for what was said', async () => {
    const before = await platform.spent();
    platform.mock.behave({}, { outputTokens: 900, tokensPerSecond: 40 });
    const called = { prompts: [words(21_000), 'Go on.'], model, manner: 'stream' };
    const begun = await platform.begin('caller', { called }, {}, 0);
    await platform.until(begun.id, ({ waitingFor }) => waitingFor === 'child');
    const { data } = await platform.get<{ data: { id: string }[] }>(`/v1/runs?parentRunId=${begun.id}`);
    const id = data[0]?.id ?? '';
    const isSpeaking = async () => (await platform.eventsOf(id)).filter(({ type }) => type === 'token').length > 2;
    await expect.poll(isSpeaking, { timeout: 10_000 }).toBe(true);
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    const calls = await platform.callsOf(id);
    expect(calls.map(({ status }) => status)).toEqual(['succeeded', 'cancelled']);
    const used = calls.reduce((sum, call) => sum + BigInt(call.cost_nanos), 0n);
    expect(BigInt(calls[1]?.cost_nanos ?? 0)).toBeGreaterThan(0n);
    expect(run).toMatchObject({ status: 'cancelled', cost: { nanos: used.toString() } });
    expect(await platform.since(before)).toBe(used);
  });
});

describe('an agent that did not say what it needs of models', () => {
  it('gets none', async () => {
    const before = await platform.spent();
    const run = await platform.begin('unplanned', {});
    expect(run).toMatchObject({ status: 'failed', error: { code: 'runs.agent-fault' } });
    expect(platform.asked()).toEqual([]);
    expect(await platform.since(before)).toBe(0n);
  });
});

// Last, because the refused key is then left alone for a while.
describe('a run whose provider refuses the key', () => {
  it('falls back to another model of its tier, in the language of its provider', async () => {
    platform.mock.behave({ fault: 'unauthorised', times: 'always' });
    const before = await platform.spent();
    for (const manner of ['whole', 'stream']) {
      const run = await platform.begin('talker', { manner });
      expect(run).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
      const [call] = await platform.callsOf(run.id);
      expect(call?.model).toMatch(/^anthropic\//);
    }
    expect(await platform.since(before)).toBe(2n * BASE);
  });
});
