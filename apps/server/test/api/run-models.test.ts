/** Agents that use models, with the books looked at after each run. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  BASE,
  type CallRow,
  INCLUDED,
  type ModelPlatform,
  model,
  modelPlatform,
  PROVIDER_KEY,
  priceOf,
  providerCost,
  words,
} from './run-models-fixture.ts';
import { eventually } from './runs-fixture.ts';

let platform: ModelPlatform;
beforeAll(async () => {
  platform = await modelPlatform();
});
beforeEach(() => platform.mock.reset());
afterAll(() => platform.close());

describe('what models cost in a run', () => {
  it('is nothing beyond the base price while its tier includes the tokens', async () => {
    const before = await platform.spent();
    const run = await platform.begin('talker', {});
    expect(run).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
    expect(run.usage.outputTokens).toBe(16);
    const [step] = await platform.stepsOf(run.id);
    expect(step).toMatchObject({ name: 'model talk', kind: 'model', status: 'succeeded', cost: { nanos: '0' } });
    expect(step?.usage).toEqual({ inputTokens: run.usage.inputTokens, outputTokens: 16 });
    expect(await platform.since(before)).toBe(BASE);
  });

  it('is to the nano the price of the tokens beyond those, whole and streamed', async () => {
    for (const manner of ['whole', 'stream']) {
      const before = await platform.spent();
      const run = await platform.begin('talker', {
        model,
        manner,
        prompts: [words(15_000), words(15_000), 'One more.'],
      });
      expect(run.status).toBe('succeeded');
      const steps = await platform.stepsOf(run.id);
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
      expect(await platform.since(before)).toBe(BASE + total);
    }
  });

  it('is the same for calls side by side, in the order in which they end', async () => {
    const before = await platform.spent();
    const prompts = Array.from({ length: 6 }, () => words(6_000));
    const run = await platform.begin('talker', { model, manner: 'parallel', prompts });
    expect(run.status).toBe('succeeded');
    const { rows } = await platform.owner.query(
      'select * from models.call where run_id = $1 order by loss_nanos, ended_at',
      [run.id],
    );
    let used = 0;
    for (const row of rows as CallRow[]) {
      const [input, output] = [Number(row.input_tokens), Number(row.output_tokens)];
      expect(row.cost_nanos).toBe(priceOf(used, input, output).toString());
      used += input + output;
    }
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
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
      const { data } = await platform.get<{ data: { key: string; inputTokens: number; costNanos?: string }[] }>(
        '/v1/usage?groupBy=model',
      );
      return data.find(({ key }) => key === model)?.inputTokens ?? 0;
    };
    const total = async () => {
      const { data } = await platform.get<{ data: { inputTokens: number }[] }>('/v1/usage?groupBy=agent');
      return data.reduce((sum, row) => sum + row.inputTokens, 0);
    };
    const [before, beforeInAll] = [await usage(), await total()];
    const run = await platform.begin('talker', { model });
    expect((await usage()) - before).toBe(run.usage.inputTokens);
    expect((await total()) - beforeInAll).toBe(run.usage.inputTokens);
  });
});

describe('an agent that uses a model', () => {
  it('works with tools and shapes', async () => {
    platform.mock.behave(
      { toolCalls: [{ name: 'look', arguments: { word: 'guild' } }] },
      { text: 'A guild is a hall.' },
      { text: JSON.stringify({ city: 'Cairo', population: 10 }) },
    );
    const run = await platform.begin('worker', { prompt: 'What is a guild?' });
    expect(run).toMatchObject({
      status: 'succeeded',
      output: { text: 'A guild is a hall.', used: 1, steps: 2, shape: { city: 'Cairo', population: 10 } },
    });
    expect((await platform.stepsOf(run.id)).map(({ name }) => name)).toEqual([
      'model loop',
      'look',
      'model loop',
      'model shape',
    ]);
    const bodies = platform.asked().map(({ body }) => body as { response_format?: { type: string }; model: string });
    expect(bodies.at(-1)).toMatchObject({ response_format: { type: 'json_schema' }, max_completion_tokens: 500 });
    expect(bodies.at(-1)).not.toHaveProperty('max_tokens');
  });

  it('is heard while it speaks, and what readers hear is what it said', async () => {
    platform.mock.behave({ outputTokens: 40, tokensPerSecond: 80 });
    const run = await platform.begin('talker', { manner: 'stream' });
    const events = await platform.eventsOf(run.id);
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
    const run = await platform.begin('talker', { manner, prompts: ['One.', 'Two.'] });
    const before = await platform.spent();
    await platform.mock.reset();
    const again = await platform.replayed(run.id);
    expect(again).toMatchObject({ status: 'succeeded', output: run.output, cost: { nanos: '0' } });
    expect(platform.asked()).toEqual([]);
    expect(await platform.since(before)).toBe(0n);
    const forked = await platform.replayed(run.id, { fromStep: 1 });
    expect(forked).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
    expect(platform.asked()).toHaveLength(1);
    expect(await platform.since(before)).toBe(BASE);
  });

  it('is told by a code of its own what a provider cannot do, and asks no more often than the gateway', async () => {
    platform.mock.behave({ fault: 'bad-request', times: 'always' });
    for (const manner of ['whole', 'stream']) {
      const before = await platform.spent();
      const run = await platform.begin('talker', { manner });
      expect(run).toMatchObject({
        status: 'failed',
        error: { code: 'agent.model-provider-refused' },
        cost: { nanos: '0' },
      });
      expect(await platform.since(before)).toBe(0n);
      const again = await platform.replayed(run.id);
      expect(again.error?.code).toBe('agent.model-provider-refused');
    }
    expect(platform.asked()).toHaveLength(2);
  });

  it('that hears a stream break off pays for it as part of the run, and hears the same in a replay', async () => {
    platform.mock.behave({ fault: 'cut', afterTokens: 5, outputTokens: 50 });
    const before = await platform.spent();
    const run = await platform.begin('talker', { manner: 'stream' });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'agent.model-stream-cut' }, cost: { nanos: '0' } });
    const [step] = await platform.stepsOf(run.id);
    expect(step).toMatchObject({ status: 'failed', usage: { outputTokens: 5 } });
    const [call] = await platform.callsOf(run.id);
    expect(call).toMatchObject({ status: 'failed', cost_nanos: '0' });
    expect(call?.loss_nanos).toBe(call?.provider_cost_nanos);
    expect(await platform.since(before)).toBe(0n);
    const again = await platform.replayed(run.id);
    expect(again.error?.code).toBe('agent.model-stream-cut');
    expect(platform.asked()).toHaveLength(1);
  });
});

describe('a run that does not succeed', () => {
  it('costs nothing when it fails: the use of models is the loss of the operator', async () => {
    const before = await platform.spent();
    const run = await platform.begin('talker', { prompts: [words(15_000), words(15_000)], fails: true });
    expect(run).toMatchObject({ status: 'failed', cost: { nanos: '0' } });
    for (const call of await platform.callsOf(run.id)) {
      expect(call).toMatchObject({ status: 'succeeded', cost_nanos: '0' });
      expect(BigInt(call.loss_nanos)).toBeGreaterThan(0n);
      expect(call.loss_nanos).toBe(call.provider_cost_nanos);
    }
    expect((await platform.stepsOf(run.id)).map(({ cost }) => cost.nanos)).toEqual(['0', '0']);
    expect(await platform.since(before)).toBe(0n);
  });

  it('costs the use of models until then when its customer cancels it', async () => {
    const before = await platform.spent();
    const begun = await platform.begin('talker', { prompts: [words(15_000), words(15_000)], asks: true }, {}, 0);
    await platform.until(begun.id, ({ status }) => status === 'waiting');
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    const [first, second] = await platform.stepsOf(run.id);
    expect(first?.cost.nanos).toBe('0');
    expect(BigInt(second?.cost.nanos ?? '0')).toBeGreaterThan(0n);
    expect(run).toMatchObject({ status: 'cancelled', cost: second?.cost });
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
  });

  it('pays for what a stream delivered until it is cancelled', async () => {
    const before = await platform.spent();
    platform.mock.behave({}, { outputTokens: 900, tokensPerSecond: 40 });
    const begun = await platform.begin(
      'talker',
      { model, manner: 'stream', prompts: [words(21_000), 'Go on.'] },
      {},
      0,
    );
    await eventually(async () =>
      (await platform.eventsOf(begun.id)).filter(({ type }) => type === 'token').length > 2 ? true : undefined,
    );
    await platform.call('POST', `/v1/runs/${begun.id}/cancel`);
    const run = await platform.ended(begun.id);
    const [, second] = await platform.stepsOf(run.id);
    expect(second).toMatchObject({ status: 'failed', error: { code: 'agent.model-caller-left' } });
    expect(second?.usage.outputTokens).toBeGreaterThan(0);
    expect(second?.usage.outputTokens).toBeLessThan(900);
    const { inputTokens = 0, outputTokens = 0 } = second?.usage ?? {};
    expect(second?.cost.nanos).toBe(priceOf(INCLUDED, inputTokens, outputTokens).toString());
    expect(run.status).toBe('cancelled');
    expect(await platform.since(before)).toBe(BigInt(run.cost.nanos));
    await eventually(() => (platform.asked().every(({ outcome }) => outcome !== 'open') ? true : undefined));
  });
});

describe('a limit', () => {
  it('of money ends the run before the call that may go beyond it, and nothing is overspent', async () => {
    const before = await platform.spent();
    const prompts = [words(15_000), words(15_000), words(15_000)];
    const maxCost = { nanos: (BASE + 8_000_000n).toString(), currency: 'USD' };
    const run = await platform.begin('talker', { prompts }, { maxCost });
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'budget.max-cost-reached', status: 402 },
      cost: { nanos: '0' },
    });
    expect(platform.asked().length).toBeGreaterThan(0);
    expect(platform.asked().length).toBeLessThan(3);
    expect(await platform.since(before)).toBe(0n);
    const again = await platform.replayed(run.id);
    expect(again.error?.code).toBe('budget.max-cost-reached');
  });

  it('of money holds for calls side by side, and what is under way then is given up', async () => {
    platform.mock.behave({ outputTokens: 900, tokensPerSecond: 200, times: 'always' });
    const prompts = Array.from({ length: 12 }, () => words(9_000));
    const endings = await Promise.all(
      [1, 2, 3, 5, 8, 40].map(async (calls) => {
        const maxCost = { nanos: (BASE + BigInt(calls) * 5_000_000n).toString(), currency: 'USD' };
        return platform.begin('talker', { model, manner: 'parallel', prompts, plan: 200_000 }, { maxCost });
      }),
    );
    const before = await platform.spent();
    for (const run of endings.slice(0, 5))
      expect(run).toMatchObject({ status: 'failed', error: { code: 'budget.max-cost-reached' }, cost: { nanos: '0' } });
    expect(endings[5]?.status).toBe('succeeded');
    for (const run of endings) {
      const calls = await platform.callsOf(run.id);
      expect(calls.some(({ status }) => status === 'open')).toBe(false);
      const loss = calls.reduce((sum, call) => sum + BigInt(call.loss_nanos), 0n);
      expect(loss > 0n).toBe(run.status === 'failed' && calls.length > 0);
    }
    expect(await platform.since(before)).toBe(0n);
  });

  it('of tokens ends the run before the call that may go beyond it, whatever the agent makes of the refusal', async () => {
    const before = await platform.spent();
    platform.mock.behave({ outputTokens: 300, times: 'always' });
    const run = await platform.begin('modest', { calls: 10 });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'runs.too-many-tokens' }, cost: { nanos: '0' } });
    expect(run.usage.inputTokens + run.usage.outputTokens).toBeLessThanOrEqual(1_200);
    expect(platform.asked()).toHaveLength(3);
    expect(await platform.since(before)).toBe(0n);
  });
});

describe('the key of a provider', () => {
  it('is in no prompt, and nowhere in what is kept of a run', async () => {
    const run = await platform.begin('talker', { manner: 'stream' });
    for (const request of platform.asked()) {
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
      const { rows } = await platform.owner.query(`select 1 from ${table} t where t::text like $1`, [
        `%${PROVIDER_KEY}%`,
      ]);
      expect(rows).toEqual([]);
    }
    expect(run.status).toBe('succeeded');
  });
});
