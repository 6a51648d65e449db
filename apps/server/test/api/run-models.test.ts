/** Agents that use models, with the books looked at after each run. */
import type { Run, RunEvent, Step } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runHistory } from '../../src/modules/runs/index.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { caller, modest, talker, worker } from './model-agents.ts';
import { ENDED, eventually } from './runs-fixture.ts';

let mock: MockProvider;
let platform: TestPlatform;
let owner: pg.Client;

const PROVIDER_KEY = 'sk-operator-canary-1234567890';
// Of the tier `standard`.
const BASE = 47_500_000n;

beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: asAgents(talker, worker, caller, modest),
    environment: { OPENAI_API_KEY: PROVIDER_KEY, OPENAI_BASE_URL: `${mock.url}/v1` },
  });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
});
beforeEach(() => mock.reset());
afterAll(async () => {
  await owner.end();
  await platform.close();
  await mock.close();
});

interface CallRow {
  readonly status: string;
  readonly cost_nanos: string;
  readonly provider_cost_nanos: string;
  readonly loss_nanos: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
}
const callsOf = async (runId: string): Promise<CallRow[]> =>
  (await owner.query('select * from models.call where run_id = $1 order by id', [runId])).rows;
const get = async <T>(path: string): Promise<T> => (await platform.call<T>('GET', path)).body;
const stepsOf = async (id: string) => (await get<{ data: Step[] }>(`/v1/runs/${id}/steps`)).data;
const eventsOf = async (id: string): Promise<RunEvent[]> =>
  (await owner.query('select seq, type, data from runs.event where run_id = $1 order by seq', [id])).rows;
const begin = (agent: string, input: object, more: object = {}, wait = 20) =>
  platform.call<Run>('POST', `/v1/agents/${agent}/runs?wait=${wait}`, { input, ...more });
const until = (id: string, is: (run: Run) => boolean) =>
  eventually(async () => {
    const run = await get<Run>(`/v1/runs/${id}`);
    return is(run) ? run : undefined;
  });
const spent = async (): Promise<bigint> => {
  const body = await get<{ held: { nanos: string }; spent: { nanos: string } }>('/v1/balance');
  expect(body.held.nanos).toBe('0');
  return BigInt(body.spent.nanos);
};
const findings = async () => {
  const { ledger, metering, models } = platform.server.platform;
  return ledger.verify({
    usageByRun: (orgId) => metering.usageByRun(orgId),
    usageDifferences: (orgId) => metering.differences(orgId),
    runHistory: async (orgId) => [...(await runHistory(platform.db, orgId)), ...(await models.history(orgId))],
  });
};
/** What has been spent since `before`, with the books whole. */
const since = async (before: bigint): Promise<bigint> => {
  expect(await findings()).toEqual([]);
  return (await spent()) - before;
};

const model = 'openai/gpt-5-mini';
/** Of that model, $0.25 and $2 a million, computed apart from the platform. */
const providerCost = (input: number, output: number): bigint =>
  (BigInt(input) * 250_000_000n + BigInt(output) * 2_000_000_000n + 999_999n) / 1_000_000n;
const INCLUDED = 20_000;
/** The share of a call that is beyond what the tier includes, and 14 %. */
function priceOf(before: number, input: number, output: number): bigint {
  const tokens = input + output;
  const paid = Math.max(0, tokens - Math.max(0, INCLUDED - before));
  const share = providerCost(input, output) * BigInt(paid) * 11_400n;
  const whole = BigInt(tokens) * 10_000n;
  return (share + whole - 1n) / whole;
}
const words = (count: number): string => 'word '.repeat(count);
const asked = () => mock.requests().filter(({ path }) => path.endsWith('/chat/completions'));

describe('what models cost in a run', () => {
  it('is nothing beyond the base price while its tier includes the tokens', async () => {
    const before = await spent();
    const { body: run } = await begin('talker', {});
    expect(run).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
    expect(run.usage.outputTokens).toBe(16);
    const [step] = await stepsOf(run.id);
    expect(step).toMatchObject({ name: 'model talk', kind: 'model', status: 'succeeded', cost: { nanos: '0' } });
    expect(step?.usage).toEqual({ inputTokens: run.usage.inputTokens, outputTokens: 16 });
    expect(await since(before)).toBe(BASE);
  });

  it('is to the nano the price of the tokens beyond those, whole and streamed', async () => {
    for (const manner of ['whole', 'stream']) {
      const before = await spent();
      const { body: run } = await begin('talker', {
        model,
        manner,
        prompts: [words(15_000), words(15_000), 'One more.'],
      });
      expect(run.status).toBe('succeeded');
      const steps = await stepsOf(run.id);
      let used = 0;
      let total = 0n;
      for (const { usage, cost } of steps) {
        const price = priceOf(used, usage.inputTokens, usage.outputTokens);
        expect(cost.nanos).toBe(price.toString());
        used += usage.inputTokens + usage.outputTokens;
        total += price;
      }
      expect(used).toBe(run.usage.inputTokens + run.usage.outputTokens);
      expect(used).toBeGreaterThan(30_000);
      expect(run.cost.nanos).toBe((BASE + total).toString());
      expect(await since(before)).toBe(BASE + total);
    }
  });

  it('is the same for calls side by side, in the order in which they end', async () => {
    const before = await spent();
    const prompts = Array.from({ length: 6 }, () => words(6_000));
    const { body: run } = await begin('talker', { model, manner: 'parallel', prompts });
    expect(run.status).toBe('succeeded');
    const { rows } = await owner.query('select * from models.call where run_id = $1 order by loss_nanos, ended_at', [
      run.id,
    ]);
    let used = 0;
    for (const row of rows as CallRow[]) {
      const [input, output] = [Number(row.input_tokens), Number(row.output_tokens)];
      expect(row.cost_nanos).toBe(priceOf(used, input, output).toString());
      used += input + output;
    }
    expect(await since(before)).toBe(BigInt(run.cost.nanos));
    expect(BigInt(run.cost.nanos)).toBeGreaterThan(BASE);
  });

  it('is held before, as the plan of its agent says, and told before', async () => {
    const estimate = (plan: number) =>
      platform.call<{ maximum: { nanos: string } }>('POST', '/v1/agents/talker/estimate', { input: { model, plan } });
    const worst = (providerCost(1_000_000, 1_000_000) * 11_400n) / 10_000n;
    expect((await estimate(1_000_000)).body.maximum.nanos).toBe((BASE + worst).toString());
    expect((await estimate(10_000)).body.maximum.nanos).toBe(BASE.toString());
  });

  it('is counted once in the usage of the organisation', async () => {
    const usage = async () => {
      const { data } = await get<{ data: { key: string; inputTokens: number; costNanos?: string }[] }>(
        '/v1/usage?groupBy=model',
      );
      return data.find(({ key }) => key === model)?.inputTokens ?? 0;
    };
    const total = async () => {
      const { data } = await get<{ data: { inputTokens: number }[] }>('/v1/usage?groupBy=agent');
      return data.reduce((sum, row) => sum + row.inputTokens, 0);
    };
    const [before, beforeInAll] = [await usage(), await total()];
    const { body: run } = await begin('talker', { model });
    expect((await usage()) - before).toBe(run.usage.inputTokens);
    expect((await total()) - beforeInAll).toBe(run.usage.inputTokens);
  });
});

describe('an agent that uses a model', () => {
  it('works with tools and shapes', async () => {
    mock.behave(
      { toolCalls: [{ name: 'look', arguments: { word: 'guild' } }] },
      { text: 'A guild is a hall.' },
      { text: JSON.stringify({ city: 'Cairo', population: 10 }) },
    );
    const { body: run } = await begin('worker', { prompt: 'What is a guild?' });
    expect(run).toMatchObject({
      status: 'succeeded',
      output: { text: 'A guild is a hall.', used: 1, steps: 2, shape: { city: 'Cairo', population: 10 } },
    });
    expect((await stepsOf(run.id)).map(({ name }) => name)).toEqual([
      'model loop',
      'look',
      'model loop',
      'model shape',
    ]);
    const bodies = asked().map(({ body }) => body as { response_format?: { type: string }; model: string });
    expect(bodies.at(-1)).toMatchObject({ response_format: { type: 'json_schema' } });
  });

  it('is heard while it speaks, and what readers hear is what it said', async () => {
    mock.behave({ outputTokens: 40, tokensPerSecond: 80 });
    const { body: run } = await begin('talker', { manner: 'stream' });
    const events = await eventsOf(run.id);
    const spoken = events.filter(({ type }) => type === 'token');
    expect(spoken.length).toBeGreaterThan(1);
    expect(spoken.length).toBeLessThan(6);
    const text = spoken.map(({ data }) => (data as { text: string }).text).join('');
    expect(run.output).toEqual({ said: [text] });
    const end = events.findIndex(
      ({ data }) =>
        (data as { status?: string; kind?: string }).kind === 'model' &&
        (data as { status?: string }).status === 'succeeded',
    );
    expect(events.findLastIndex(({ type }) => type === 'token')).toBeLessThan(end);
  });

  it.each(['whole', 'stream'])('is replayed (%s) from the record without a provider, and free', async (manner) => {
    const { body: run } = await begin('talker', { manner, prompts: ['One.', 'Two.'] });
    const before = await spent();
    mock.reset();
    const { body: replay } = await platform.call<Run>('POST', `/v1/runs/${run.id}/replay`, {});
    const again = await until(replay.id, ({ status }) => ENDED.has(status));
    expect(again).toMatchObject({ status: 'succeeded', output: run.output, cost: { nanos: '0' } });
    expect(asked()).toEqual([]);
    expect(await since(before)).toBe(0n);
    const { body: fork } = await platform.call<Run>('POST', `/v1/runs/${run.id}/replay`, { fromStep: 1 });
    const forked = await until(fork.id, ({ status }) => ENDED.has(status));
    expect(forked).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
    expect(asked()).toHaveLength(1);
    expect(await since(before)).toBe(BASE);
  });

  it('is told by a code of its own what a provider cannot do, and asks no more often than the gateway', async () => {
    mock.behave({ fault: 'bad-request', times: 'always' });
    for (const manner of ['whole', 'stream']) {
      const before = await spent();
      const { body: run } = await begin('talker', { manner });
      expect(run).toMatchObject({
        status: 'failed',
        error: { code: 'agent.model-provider-refused' },
        cost: { nanos: '0' },
      });
      expect(await since(before)).toBe(0n);
      const { body: replay } = await platform.call<Run>('POST', `/v1/runs/${run.id}/replay`, {});
      const again = await until(replay.id, ({ status }) => ENDED.has(status));
      expect(again.error?.code).toBe('agent.model-provider-refused');
    }
    expect(asked()).toHaveLength(2);
  });

  it('that hears a stream break off pays for it as part of the run, and hears the same in a replay', async () => {
    mock.behave({ fault: 'cut', afterTokens: 5, outputTokens: 50 });
    const before = await spent();
    const { body: run } = await begin('talker', { manner: 'stream' });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'agent.model-stream-cut' }, cost: { nanos: '0' } });
    const [step] = await stepsOf(run.id);
    expect(step).toMatchObject({ status: 'failed', usage: { outputTokens: 5 } });
    const [call] = await callsOf(run.id);
    expect(call).toMatchObject({ status: 'failed', cost_nanos: '0' });
    expect(call?.loss_nanos).toBe(call?.provider_cost_nanos);
    expect(await since(before)).toBe(0n);
    const { body: replay } = await platform.call<Run>('POST', `/v1/runs/${run.id}/replay`, {});
    const again = await until(replay.id, ({ status }) => ENDED.has(status));
    expect(again.error?.code).toBe('agent.model-stream-cut');
    expect(asked()).toHaveLength(1);
  });
});

describe('a run that does not succeed', () => {
  it('costs nothing when it fails: the use of models is the loss of the operator', async () => {
    const before = await spent();
    const { body: run } = await begin('talker', { prompts: [words(15_000), words(15_000)], fails: true });
    expect(run).toMatchObject({ status: 'failed', cost: { nanos: '0' } });
    for (const call of await callsOf(run.id)) {
      expect(call).toMatchObject({ status: 'succeeded', cost_nanos: '0' });
      expect(BigInt(call.loss_nanos)).toBeGreaterThan(0n);
      expect(call.loss_nanos).toBe(call.provider_cost_nanos);
    }
    expect(await since(before)).toBe(0n);
  });

  it('costs the use of models until then when its customer cancels it', async () => {
    const before = await spent();
    const { body: begun } = await begin('talker', { prompts: [words(15_000), words(15_000)], asks: true }, {}, 0);
    await until(begun.id, ({ status }) => status === 'waiting');
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await until(begun.id, ({ status }) => ENDED.has(status));
    const [first, second] = await stepsOf(run.id);
    expect(first?.cost.nanos).toBe('0');
    expect(BigInt(second?.cost.nanos ?? '0')).toBeGreaterThan(0n);
    expect(run).toMatchObject({ status: 'cancelled', cost: second?.cost });
    expect(await since(before)).toBe(BigInt(run.cost.nanos));
  });

  it('pays for what a stream delivered until it is cancelled', async () => {
    const before = await spent();
    mock.behave({}, { outputTokens: 900, tokensPerSecond: 40 });
    const { body: begun } = await begin(
      'talker',
      { model, manner: 'stream', prompts: [words(21_000), 'Go on.'] },
      {},
      0,
    );
    await eventually(async () =>
      (await eventsOf(begun.id)).filter(({ type }) => type === 'token').length > 2 ? true : undefined,
    );
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await until(begun.id, ({ status }) => ENDED.has(status));
    const [, second] = await stepsOf(run.id);
    expect(second).toMatchObject({ status: 'failed', error: { code: 'agent.model-caller-left' } });
    expect(second?.usage.outputTokens).toBeGreaterThan(0);
    expect(second?.usage.outputTokens).toBeLessThan(900);
    const { inputTokens = 0, outputTokens = 0 } = second?.usage ?? {};
    expect(second?.cost.nanos).toBe(priceOf(INCLUDED, inputTokens, outputTokens).toString());
    expect(run.status).toBe('cancelled');
    expect(await since(before)).toBe(BigInt(run.cost.nanos));
    await eventually(() => (asked().every(({ outcome }) => outcome !== 'open') ? true : undefined));
  });
});

describe('a limit', () => {
  it('of money ends the run before the call that may go beyond it, and nothing is overspent', async () => {
    const before = await spent();
    const prompts = [words(15_000), words(15_000), words(15_000)];
    const maxCost = { nanos: (BASE + 8_000_000n).toString(), currency: 'USD' };
    const { body: run } = await begin('talker', { prompts }, { maxCost });
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'budget.max-cost-reached', status: 402 },
      cost: { nanos: '0' },
    });
    expect(asked().length).toBeGreaterThan(0);
    expect(asked().length).toBeLessThan(3);
    expect(await since(before)).toBe(0n);
    const { body: replay } = await platform.call<Run>('POST', `/v1/runs/${run.id}/replay`, {});
    const again = await until(replay.id, ({ status }) => ENDED.has(status));
    expect(again.error?.code).toBe('budget.max-cost-reached');
  });

  it('of tokens ends the run before the call that may go beyond it, whatever the agent makes of the refusal', async () => {
    const before = await spent();
    mock.behave({ outputTokens: 300, times: 'always' });
    const { body: run } = await begin('modest', { calls: 10 });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'runs.too-many-tokens' }, cost: { nanos: '0' } });
    expect(run.usage.inputTokens + run.usage.outputTokens).toBeLessThanOrEqual(1_200);
    expect(asked()).toHaveLength(3);
    expect(await since(before)).toBe(0n);
  });
});

describe('an agent that calls one that uses a model', () => {
  it('pays for its use, and knows what it may come to', async () => {
    const before = await spent();
    const { body: run } = await begin('caller', {});
    expect(run).toMatchObject({ status: 'succeeded', output: { status: 'succeeded', costNanos: BASE.toString() } });
    expect(await since(before)).toBe(2n * BASE);
  });

  it.each([
    { how: 'fails', ends: 'failed' },
    { how: 'is cancelled', ends: 'cancelled' },
  ])('and $how pays nothing for the use that its tier includes', async ({ ends }) => {
    const before = await spent();
    const { body: begun } = await begin('caller', { fails: ends === 'failed', asks: ends === 'cancelled' }, {}, 0);
    if (ends === 'cancelled') {
      await until(begun.id, ({ status, waitingFor }) => status === 'waiting' && waitingFor === 'approval');
      await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    }
    const run = await until(begun.id, ({ status }) => ENDED.has(status));
    expect(run).toMatchObject({ status: ends, cost: { nanos: '0' } });
    expect(await since(before)).toBe(0n);
  });
});

describe('the key of a provider', () => {
  it('is in no prompt, and nowhere in what is kept of a run', async () => {
    const { body: run } = await begin('talker', { manner: 'stream' });
    for (const request of asked()) {
      expect(request.raw).not.toContain(PROVIDER_KEY);
      expect(request.headers.authorization).toBe(`Bearer ${PROVIDER_KEY}`);
    }
    for (const table of [
      'runs.run',
      'runs.step',
      'runs.event',
      'models.call',
      'metering.usage',
      'ledger.transfer',
      'audit.event',
    ]) {
      const { rows } = await owner.query(`select 1 from ${table} t where t::text like $1`, [`%${PROVIDER_KEY}%`]);
      expect(rows).toEqual([]);
    }
    expect(run.status).toBe('succeeded');
  });
});
