/** Workflows inside workflows: one hold covers them all, and the bill is exact to the nano whatever fails. */
import { AgentError, defineAgent, type Json, type PlannedCall } from '@guildhall/agent-sdk';
import { workflowOrchestrator } from '@guildhall/agent-workflow-orchestrator';
import type { Problem, Run } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findViolations } from '../chaos/invariants.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const BASE = 47_500_000n;
const base = {
  version: '1.0.0',
  title: 'Test',
  summary: 'Test.',
  description: 'Test.',
  category: 'test',
  needsModel: false,
  examples: [],
  limits: { timeoutMs: 10_000, stepsMax: 20 },
};
const worker = defineAgent({
  ...base,
  id: 'worker',
  input: z.strictObject({ fails: z.boolean().default(false) }),
  output: z.null(),
  run: async (_, { fails }) => {
    if (fails) throw new AgentError('broken', 'It broke.');
    return null;
  },
});
/** Calls a worker, which is paid, and then fails. */
const spoiler = defineAgent({
  ...base,
  id: 'spoiler',
  input: z.strictObject({}),
  output: z.null(),
  plannedCalls: () => [{ agent: 'worker', timesMax: 1, input: {} }],
  run: async (ctx) => {
    await ctx.call('worker', {});
    throw new AgentError('spoilt', 'It is spoilt.');
  },
});
let called = 'worker';
/** Calls what is called `called` at the moment. */
const fickle = defineAgent({
  ...base,
  id: 'fickle',
  input: z.strictObject({}),
  output: z.custom<Json>(),
  plannedCalls: () => [{ agent: called, timesMax: 1 }],
  run: async (ctx) => (await ctx.call('worker', {})).status,
});
/** Calls itself, with one less to cost each time. */
const chain = defineAgent({
  ...base,
  id: 'chain',
  input: z.strictObject({ left: z.number() }),
  output: z.custom<Json>(),
  plannedCalls: ({ left }): PlannedCall[] =>
    left > 0 ? [{ agent: 'chain', timesMax: 1, maxNanos: BigInt(left) * BASE }] : [],
  run: async (ctx, { left }) => {
    if (left === 0) return null;
    const { error, output } = await ctx.call('chain', { left: left - 1 }, { maxNanos: BigInt(left) * BASE });
    return error ? error.detail : output;
  },
});

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform({ agents: asAgents(workflowOrchestrator, worker, spoiler, fickle, chain) });
});
afterAll(() => platform.close());

const WORKFLOW = 'workflow-orchestrator';
const money = (nanos: bigint) => ({ nanos: `${nanos}`, currency: 'USD' });
const call = (agent: string, input: unknown, more: object = {}) => ({ id: 'a', kind: 'agent', agent, input, ...more });
const graph = (...steps: object[]) => ({ steps: steps.map((step, index) => ({ ...step, id: `s${index}` })) });
const nested = (...steps: object[]) => call(WORKFLOW, graph(...steps));
const start = <T = Run>(input: unknown, more: object = {}, agent = WORKFLOW) =>
  platform.call<T>('POST', `/v1/agents/${agent}/runs?wait=20`, { input, ...more });
const estimate = async (input: unknown) =>
  (await platform.call<{ maximum: unknown }>('POST', `/v1/agents/${WORKFLOW}/estimate`, { input })).body.maximum;
const balance = async () => {
  const { body } = await platform.call<Record<'available' | 'held' | 'spent', { nanos: string }>>('GET', '/v1/balance');
  return { available: BigInt(body.available.nanos), held: BigInt(body.held.nanos), spent: BigInt(body.spent.nanos) };
};
const below = async (id: string): Promise<Run[]> => {
  const { body } = await platform.call<{ data: Run[] }>('GET', `/v1/runs?parentRunId=${id}`);
  return [...body.data, ...(await Promise.all(body.data.map((run) => below(run.id)))).flat()];
};
/** What the organisation paid in all, beside what the run says it cost; nothing may stay held. */
async function paid(
  input: unknown,
  more: object = {},
): Promise<{ run: Run; cost: bigint; runs: number; below: Run[] }> {
  const before = await balance();
  const { body: run } = await start(input, more);
  const after = await balance();
  expect(after.held).toBe(0n);
  expect(before.available - after.available).toBe(after.spent - before.spent);
  expect(money(before.available - after.available)).toEqual(run.cost);
  const called = await below(run.id);
  return { run, cost: BigInt(run.cost.nanos) / BASE, runs: called.length + 1, below: called };
}

describe('a tree of runs', () => {
  it('three deep is estimated, held and paid to the nano', async () => {
    const input = graph(nested(nested(call('worker', {}), call('worker', {})), call('worker', {})), call('worker', {}));
    expect(await estimate(input)).toEqual(money(7n * BASE));
    const { run, ...rest } = await paid(input);
    expect(run).toMatchObject({ status: 'succeeded', output: { status: 'succeeded' } });
    expect(rest).toMatchObject({ cost: 7n, runs: 7 });
    expect(rest.below.map(({ cost }) => BigInt(cost.nanos) / BASE).toSorted()).toEqual([1n, 1n, 1n, 1n, 3n, 5n]);
  });

  it('pays for those above a grandchild that failed, and not for that one', async () => {
    const fails = call('worker', { fails: true }, { onFailure: 'skip', retry: { attemptsMax: 3, firstDelayMs: 0 } });
    const { run, ...rest } = await paid(graph(nested(nested(fails, call('worker', {})))));
    expect(run).toMatchObject({ status: 'succeeded', output: { status: 'succeeded' } });
    expect(rest).toMatchObject({ cost: 4n, runs: 7 });
  });

  it('pays nothing below a run in its middle that failed, though what it called was paid', async () => {
    const input = graph(
      nested(
        call('spoiler', {}, { onFailure: 'skip', retry: { attemptsMax: 2, firstDelayMs: 0 } }),
        call('worker', {}),
      ),
    );
    expect(await estimate(input)).toEqual(money(5n * BASE));
    const { cost, runs } = await paid(input);
    expect([cost, runs]).toEqual([3n, 7]);
  });

  it('whose input holds an expression is held by its cap, and pays what it took', async () => {
    const inner = { ...graph(call('worker', {}), call('worker', {})), data: { n: '${{ data.n }}' } };
    const input = { ...graph(call(WORKFLOW, inner, { maxCost: money(5n * BASE) })), data: { n: 7 } };
    expect(await estimate(input)).toEqual(money(6n * BASE));
    expect((await paid(input)).cost).toBe(4n);
  });

  it('stops where its cap is too small for it, free of charge, and its caller goes on', async () => {
    const capped = call(WORKFLOW, graph(call('worker', {}), call('worker', {}, { needs: ['s0'] })), {
      maxCost: money(2n * BASE + 1n),
      onFailure: 'skip',
    });
    const { run, cost } = await paid(graph(capped, call('worker', {})));
    expect(run.output).toMatchObject({
      steps: [{ status: 'failed', error: { code: 'budget.max-cost-reached' } }, { status: 'succeeded' }],
    });
    expect(cost).toBe(2n);
  });

  it('that reaches maxCost of the start ends as failed and costs nothing', async () => {
    const { run, cost } = await paid(graph(nested(call('worker', {}))), { maxCost: money(2n * BASE + 5n) });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'budget.max-cost-reached' } });
    expect(cost).toBe(0n);
  });

  it('ends at the eighth call of a circle, which refuses the ninth', async () => {
    const before = await balance();
    const { body } = await start({ left: 12 }, {}, 'chain');
    expect(body).toMatchObject({ status: 'succeeded', output: expect.stringContaining('8 deep') });
    expect(body.cost).toEqual(money(9n * BASE));
    expect((await balance()).available).toBe(before.available - 9n * BASE);
  });
});

describe('a run that called what is no longer offered', () => {
  it('can be replayed from its record, but not begun anew', async () => {
    const { body: original } = await start({}, {}, 'fickle');
    called = 'ghost';
    expect((await start<Problem>({}, {}, 'fickle')).body.code).toBe('catalog.invalid-input');
    const replay = (body: object) => platform.call<Run>('POST', `/v1/runs/${original.id}/replay`, body);
    expect((await replay({ fromStep: 0 })).status).toBe(422);
    const { body: again } = await replay({});
    const ended = async () => (await platform.call<Run>('GET', `/v1/runs/${again.id}`)).body;
    await expect.poll(ended).toMatchObject({ status: 'succeeded', output: 'succeeded', cost: money(0n) });
  });
});

describe('a graph that cannot be priced', () => {
  it.each<[string, object, string]>([
    ['calls an agent that does not exist', call('ghost', {}), '/input/steps/1/agent'],
    ['asks for a tier that does not exist', call('worker', {}, { tier: 'gold' }), '/input/steps/1/tier'],
    ['caps a step below its price', call('worker', {}, { maxCost: money(BASE - 1n) }), '/input/steps/1/maxCost'],
    ['computes a graph and states no cap', call(WORKFLOW, '${{ data.graph }}'), '/input/steps/1/maxCost'],
    ['holds a faulty graph', call(WORKFLOW, { steps: [] }), '/input/steps/1/input/steps'],
    ['calls a missing agent from within', nested(call('ghost', {})), '/input/steps/1/input/steps/0/agent'],
    [
      'undoes by a missing agent',
      call('worker', {}, { compensate: [{ kind: 'agent', agent: 'ghost', input: {} }] }),
      '/input/steps/1/compensate/0/agent',
    ],
  ])('as one that %s is refused with its place before anything is held', async (_, step, path) => {
    const before = await balance();
    const { status, body } = await start<Problem>(graph(call('worker', {}), step));
    expect([status, body.code, body.errors.map((error) => error.path)]).toEqual([422, 'catalog.invalid-input', [path]]);
    expect(body.charged).toEqual(money(0n));
    expect(await balance()).toEqual(before);
    expect((await platform.call<{ data: Run[] }>('GET', '/v1/runs?status=queued')).body.data).toEqual([]);
  });
});

it('trees of runs, whatever became of them, leave books in which no fault is found', async () => {
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const query = async <T>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await owner.query(text, values)).rows as T[];
  const { data } = (await platform.call<{ data: Run[] }>('GET', '/v1/runs?limit=200')).body;
  expect(data.length).toBeGreaterThan(30);
  const acknowledged = new Set(data.map(({ id }) => id));
  expect(await findViolations({ server: platform.server, acknowledged, query })).toEqual([]);
  await owner.end();
});
