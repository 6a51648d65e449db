import { AgentError, defineAgent } from '@guildhall/agent-sdk';
import type { Run } from '@guildhall/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const base = {
  version: '1.0.0',
  title: 'Test',
  summary: 'Test.',
  description: 'Test.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 5_000, stepsMax: 20 },
};
const anything = z.looseObject({});

const calls: string[] = [];
const count = (name: string): number => calls.filter((call) => call === name).length;

const adder = defineAgent({
  ...base,
  id: 'adder',
  input: z.strictObject({ numbers: z.array(z.number()).max(10) }),
  output: z.strictObject({ sum: z.number() }),
  examples: [{ title: 'Two', input: { numbers: [1, 2] } }],
  run: async (ctx, input) => {
    let sum = 0;
    for (const [index, number] of input.numbers.entries()) {
      sum = await ctx.step(`add ${index}`, async () => {
        calls.push(`${ctx.runId} add ${index}`);
        return sum + number;
      });
    }
    return { sum };
  },
});

const behaves = defineAgent({
  ...base,
  id: 'behaves',
  input: z.strictObject({ as: z.string(), times: z.number().int().default(1) }),
  output: anything,
  examples: [{ title: 'Fail', input: { as: 'fail' } }],
  plannedCalls: (input) => (input.as.startsWith('call') ? [{ agent: 'adder', timesMax: input.times }] : []),
  run: async (ctx, input) => {
    if (input.as === 'fail') throw new AgentError('no-luck', 'There was no luck.', { advice: 'Try another day.' });
    if (input.as === 'crash') throw new Error('secret detail of ours');
    if (input.as === 'hang')
      await ctx.step(
        'hang',
        (step) =>
          new Promise<null>((_, reject) => step.signal.addEventListener('abort', () => reject(step.signal.reason))),
      );
    if (input.as === 'deaf') await ctx.step('deaf', () => new Promise<null>(() => {}));
    if (input.as === 'approve') return { ...(await ctx.approve('ask', { title: 'May I?' })) };
    if (input.as === 'sleep') await ctx.sleep('nap', 300);
    if (input.as === 'retry') {
      await ctx.step(
        'flaky',
        async (step) => {
          if (step.attempt < 3) throw new AgentError('flaky', 'Not yet.', { retryable: true });
          return step.attempt;
        },
        { retry: { attemptsMax: 3, firstDelayMs: 1, delayMaxMs: 2 } },
      );
    }
    if (input.as === 'artifact') {
      await ctx.step(
        'keep',
        async (step) =>
          (
            await step.artifact({
              name: 'hello.txt',
              mediaType: 'text/plain',
              content: new TextEncoder().encode('hello'),
            })
          ).id,
      );
    }
    if (input.as === 'call') {
      const results = [];
      for (let i = 0; i < input.times; i += 1) results.push(await ctx.call('adder', { numbers: [i, 1] }));
      return { results };
    }
    if (input.as === 'call-then-fail') {
      await ctx.call('adder', { numbers: [1] });
      throw new AgentError('no-luck', 'Too late.');
    }
    return {};
  },
});

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(adder, behaves) });
});
afterAll(() => platform.close());

const start = (agent: string, input: unknown, more: Record<string, unknown> = {}, wait = 10) =>
  platform.call<Run>('POST', `/v1/agents/${agent}/runs?wait=${wait}`, { input, ...more });
const balance = async () =>
  (
    await platform.call<{ available: { nanos: string }; held: { nanos: string }; spent: { nanos: string } }>(
      'GET',
      '/v1/balance',
    )
  ).body;
const until = async (id: string, status: string): Promise<Run> => {
  for (let i = 0; i < 200; i += 1) {
    const { body } = await platform.call<Run>('GET', `/v1/runs/${id}`);
    if (body.status === status) return body;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`run ${id} did not become ${status}`);
};

describe('a run', () => {
  it('succeeds, costs its base price, and leaves nothing held', async () => {
    const before = await balance();
    const { status, body } = await start('adder', { numbers: [1, 2, 3] });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'succeeded',
      output: { sum: 6 },
      cost: { nanos: '47500000' },
      usage: { steps: 3 },
    });
    const after = await balance();
    expect(BigInt(before.available.nanos) - BigInt(after.available.nanos)).toBe(47_500_000n);
    expect(after.held.nanos).toBe('0');
  });

  it('fails with the agent’s own words and costs nothing', async () => {
    const before = await balance();
    const { body } = await start('behaves', { as: 'fail' });
    expect(body).toMatchObject({
      status: 'failed',
      error: { code: 'agent.no-luck', detail: 'There was no luck. Try another day.' },
      cost: { nanos: '0' },
    });
    expect(await balance()).toEqual(before);
  });

  it('hides the text of an error that is not the agent’s own', async () => {
    const { body } = await start('behaves', { as: 'crash' });
    expect(body.error?.code).toBe('runs.agent-fault');
    expect(JSON.stringify(body)).not.toContain('secret detail');
  });

  it('tries a step again by its policy and says how often', async () => {
    const { body } = await start('behaves', { as: 'retry' });
    const steps = await platform.call<{ data: { attempt: number; status: string }[] }>(
      'GET',
      `/v1/runs/${body.id}/steps`,
    );
    expect(steps.body.data).toMatchObject([{ attempt: 3, status: 'succeeded' }]);
  });

  it('keeps artifacts that whoever has the link can download, and nobody with another link', async () => {
    const { body } = await start('behaves', { as: 'artifact' });
    const [artifact] = body.artifacts;
    expect(artifact).toMatchObject({ name: 'hello.txt', size: 5 });
    expect(await (await fetch(artifact?.url ?? '')).text()).toBe('hello');
    const forged = await fetch((artifact?.url ?? '').replace(/token=.{8}/, 'token=AAAAAAAA'));
    expect(forged.status).toBe(404);
  });

  it('sleeps without a slot and goes on', async () => {
    expect((await start('behaves', { as: 'sleep' })).body.status).toBe('succeeded');
  });
});

describe('cancelling', () => {
  it.each(['hang', 'deaf'])('ends a running step that reacts as %s within two seconds, for nothing', async (as) => {
    const before = await balance();
    const { body } = await start('behaves', { as }, {}, 0);
    await until(body.id, 'running');
    const began = performance.now();
    expect((await platform.call('POST', `/v1/runs/${body.id}/cancel`, {})).status).toBe(202);
    const ended = await until(body.id, 'cancelled');
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(ended.cost.nanos).toBe('0');
    expect(await balance()).toEqual(before);
  });

  it('leaves a run that has ended as it is', async () => {
    const { body } = await start('adder', { numbers: [] });
    const again = await platform.call<Run>('POST', `/v1/runs/${body.id}/cancel`, {});
    expect(again.body.status).toBe('succeeded');
  });
});

describe('waiting for a person', () => {
  it('goes on with the decision, once', async () => {
    const { body } = await start('behaves', { as: 'approve' }, {}, 0);
    expect((await until(body.id, 'waiting')).waitingFor).toBe('approval');
    const events = await fetch(`${platform.url}/v1/runs/${body.id}/events`, {
      headers: { authorization: `Bearer ${platform.key}` },
    });
    const reader = events.body?.getReader();
    let text = '';
    while (!text.includes('approvalId')) text += new TextDecoder().decode((await reader?.read())?.value);
    await reader?.cancel();
    const approvalId = /"approvalId":"([^"]+)"/.exec(text)?.[1];
    const decide = () =>
      platform.call('POST', `/v1/runs/${body.id}/approvals/${approvalId}`, { decision: 'approve', comment: 'fine' });
    expect((await decide()).status).toBe(200);
    expect((await until(body.id, 'succeeded')).output).toMatchObject({ decision: 'approve', comment: 'fine' });
    expect((await decide()).status).toBe(409);
  });
});

describe('a run that calls others', () => {
  it('draws from its own hold and costs the sum', async () => {
    const before = await balance();
    const { body } = await start('behaves', { as: 'call', times: 2 });
    expect(body).toMatchObject({ status: 'succeeded', hold: { nanos: '142500000' }, cost: { nanos: '142500000' } });
    const after = await balance();
    expect(BigInt(before.available.nanos) - BigInt(after.available.nanos)).toBe(142_500_000n);
    expect(after.held.nanos).toBe('0');
    const children = await platform.call<{ data: Run[] }>('GET', `/v1/runs?parentRunId=${body.id}`);
    expect(children.body.data.map((child) => child.cost.nanos)).toEqual(['47500000', '47500000']);
  });

  it('ends by its maximum when the hold is smaller than what it calls, and costs nothing then', async () => {
    const before = await balance();
    const { body } = await start(
      'behaves',
      { as: 'call', times: 2 },
      { maxCost: { nanos: '100000000', currency: 'USD' } },
    );
    expect(body).toMatchObject({ status: 'failed', error: { code: 'budget.max-cost-reached' }, cost: { nanos: '0' } });
    expect(await balance()).toEqual(before);
  });
});

describe('a failed run that called others', () => {
  it('costs nothing, and what the others were charged is given back', async () => {
    const before = await balance();
    const { body } = await start('behaves', { as: 'call-then-fail' });
    expect(body).toMatchObject({ status: 'failed', error: { code: 'agent.no-luck' }, cost: { nanos: '0' } });
    const children = await platform.call<{ data: Run[] }>('GET', `/v1/runs?parentRunId=${body.id}`);
    expect(children.body.data).toMatchObject([{ status: 'succeeded', cost: { nanos: '0' } }]);
    expect(await balance()).toEqual(before);
  });
});

describe('repeating', () => {
  it('replays from the record without doing or costing anything', async () => {
    const { body } = await start('adder', { numbers: [4, 5] });
    const before = await balance();
    const replayed = await platform.call<Run>('POST', `/v1/runs/${body.id}/replay`, {});
    expect(replayed.status).toBe(202);
    const ended = await until(replayed.body.id, 'succeeded');
    expect(ended).toMatchObject({
      output: { sum: 9 },
      cost: { nanos: '0' },
      replayOf: { runId: body.id, fromStep: null },
    });
    expect(count(`${ended.id} add 0`) + count(`${ended.id} add 1`)).toBe(0);
    expect(await balance()).toEqual(before);
  });

  it('forks from a step: what came before answers from the record, the rest is done and billed', async () => {
    const { body } = await start('adder', { numbers: [4, 5] });
    const forked = await platform.call<Run>('POST', `/v1/runs/${body.id}/replay`, { fromStep: 1 });
    const ended = await until(forked.body.id, 'succeeded');
    expect(ended).toMatchObject({ output: { sum: 9 }, cost: { nanos: '47500000' }, replayOf: { fromStep: 1 } });
    expect(count(`${ended.id} add 0`)).toBe(0);
    expect(count(`${ended.id} add 1`)).toBe(1);
  });
});

describe('starting', () => {
  it('gives fifty equal requests with one Idempotency-Key one run', async () => {
    const headers = { 'idempotency-key': 'fifty' };
    const send = () =>
      platform.call<Run>('POST', '/v1/agents/adder/runs?wait=10', { input: { numbers: [1] } }, { headers });
    const answers = await Promise.all(Array.from({ length: 50 }, send));
    const ids = new Set(answers.filter((answer) => answer.status !== 409).map((answer) => answer.body.id));
    expect(ids.size).toBe(1);
    expect(answers.every((answer) => [200, 202, 409].includes(answer.status))).toBe(true);
    expect((await send()).body.id).toBe([...ids][0]);
  });

  it('refuses the same Idempotency-Key with another body', async () => {
    const headers = { 'idempotency-key': 'other-body' };
    await platform.call('POST', '/v1/agents/adder/runs?wait=10', { input: { numbers: [1] } }, { headers });
    const answer = await platform.call(
      'POST',
      '/v1/agents/adder/runs?wait=10',
      { input: { numbers: [2] } },
      { headers },
    );
    expect(answer).toMatchObject({ status: 422, body: { code: 'idempotency.conflict' } });
  });

  it.each([
    ['malformed JSON', '{"input":', 400, 'http.malformed-json'],
    ['an unknown member', { input: { numbers: [] }, extra: 1 }, 422, 'http.invalid-request'],
    ['a wrong type', { input: { numbers: 'x' } }, 422, 'catalog.invalid-input'],
    ['an unknown member of the input', { input: { numbers: [], more: 1 } }, 422, 'catalog.invalid-input'],
    ['an unknown tier', { input: { numbers: [] }, tier: 'gold' }, 422, 'metering.tier-not-found'],
    [
      'a maximum below the base price',
      { input: { numbers: [] }, maxCost: { nanos: '1', currency: 'USD' } },
      402,
      'budget.max-cost-below-base',
    ],
    ['a NUL character', { input: { numbers: [] }, metadata: { a: 'x\u0000y' } }, 422, 'http.invalid-request'],
  ])('refuses %s and charges nothing', async (_, body, status, code) => {
    const before = await balance();
    const answer = await platform.call('POST', '/v1/agents/adder/runs', body);
    expect(answer).toMatchObject({ status, body: { code, charged: { nanos: '0' } } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await balance()).toEqual(before);
  });

  it('refuses an agent that does not exist', async () => {
    expect(await start('nobody', {})).toMatchObject({ status: 404, body: { code: 'catalog.agent-not-found' } });
  });

  it('refuses what the balance cannot hold, says what is missing, and leaves no run behind', async () => {
    const poor = await platform.organisation('Poor', 10_000_000n);
    const answer = await platform.call('POST', '/v1/agents/adder/runs', { input: { numbers: [] } }, { key: poor.key });
    expect(answer).toMatchObject({
      status: 402,
      body: { code: 'budget.insufficient-balance', required: { nanos: '47500000' }, available: { nanos: '10000000' } },
    });
    expect(
      (await platform.call<{ data: unknown[] }>('GET', '/v1/runs', undefined, { key: poor.key })).body.data,
    ).toEqual([]);
  });

  it('answers another organisation’s run exactly as a missing one', async () => {
    const { body } = await start('adder', { numbers: [] });
    const stranger = await platform.organisation('Stranger');
    const strip = ({ requestId: _, ...rest }: Record<string, unknown>) => rest;
    for (const [method, suffix] of [
      ['GET', ''],
      ['GET', '/steps'],
      ['GET', '/events'],
      ['POST', '/cancel'],
      ['POST', '/replay'],
    ] as const) {
      const payload = method === 'POST' ? {} : undefined;
      const foreign = await platform.call(method, `/v1/runs/${body.id}${suffix}`, payload, { key: stranger.key });
      const missing = await platform.call(method, `/v1/runs/run_00000000000000000000000000${suffix}`, payload, {
        key: stranger.key,
      });
      expect(foreign.status).toBe(404);
      expect(strip(foreign.body)).toEqual(strip(missing.body));
    }
  });
});

describe('events', () => {
  it('can be read from any point on, without gap or repetition, and end with the run', async () => {
    const { body } = await start('adder', { numbers: [1, 2, 3] });
    const read = async (after?: number) => {
      const headers = {
        authorization: `Bearer ${platform.key}`,
        ...(after === undefined ? {} : { 'last-event-id': String(after) }),
      };
      const text = await (await fetch(`${platform.url}/v1/runs/${body.id}/events`, { headers })).text();
      return [...text.matchAll(/^data: (.+)$/gm)].map(
        (match) => JSON.parse(match[1] ?? '') as { seq: number; type: string; data: { status?: string } },
      );
    };
    const all = await read();
    expect(all.map((event) => event.seq)).toEqual(all.map((_, index) => index + 1));
    expect(all.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } });
    expect(await read(3)).toEqual(all.slice(3));
  });
});
