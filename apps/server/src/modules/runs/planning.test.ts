import { type AgentDefinition, defineAgent, type PlannedCall, type PlannedModelUse } from '@guildhall/agent-sdk';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CALL_DEPTH_MAX, type Offer, planCost } from './planning.ts';

const agent = (
  id: string,
  plannedCalls?: (input: { calls?: readonly PlannedCall[] }) => readonly PlannedCall[],
  plannedModelUse?: (input: { words?: number }) => PlannedModelUse,
) =>
  defineAgent({
    id,
    version: '1.0.0',
    title: id,
    summary: id,
    description: id,
    category: 'test',
    needsModel: false,
    input: z.custom<{ calls?: readonly PlannedCall[]; words?: number }>(),
    output: z.null(),
    examples: [],
    limits: { timeoutMs: 1_000, stepsMax: 1 },
    ...(plannedCalls ? { plannedCalls } : {}),
    ...(plannedModelUse ? { plannedModelUse } : {}),
    run: async () => null,
  });

const PRICES: Record<string, bigint> = { cheap: 5n, dear: 100n, nest: 10n, circle: 1n, speaker: 3n };
// What an agent calls stands in its input.
const agents = [
  agent('cheap'),
  agent('dear'),
  agent('nest', ({ calls = [] }) => calls),
  agent('speaker', undefined, ({ words = 0 }) => ({ inputTokensMax: 0, outputTokensMax: words })),
  agent('circle', () => [{ agent: 'circle', timesMax: 2, input: {}, at: '/next' }]),
] as unknown as readonly AgentDefinition[];
const find = (id: string) => agents.find((known) => known.id === id);
const offer: Offer = {
  find,
  read: (_, input) => (input === null ? { faults: [{ path: '/input/calls', message: 'are missing' }] } : { input }),
  modelPriceOf: (tier, use) => BigInt(use.outputTokensMax) * (tier === 'top' ? 2n : 1n),
  priceOf: (id, tier) => ({ normal: PRICES[id], top: 7n })[tier],
};
const plan = (calls: readonly unknown[], depth = 0) =>
  // Every one of them is in the list.
  planCost(offer, { agent: find('nest') as AgentDefinition, input: { calls }, tier: 'normal', depth });
const nest = (calls: readonly unknown[], more: object = {}) => ({
  agent: 'nest',
  timesMax: 1,
  at: '/calls/0',
  input: { calls },
  ...more,
});

describe('the most a run may cost', () => {
  const cheap = { agent: 'cheap', timesMax: 1 };
  it.each<[string, unknown[], bigint]>([
    ['calls nothing', [], 10n],
    ['calls one thrice', [{ agent: 'cheap', timesMax: 3 }], 25n],
    ['calls on another tier', [{ agent: 'cheap', tier: 'top', timesMax: 2 }], 24n],
    ['calls several', [cheap, { agent: 'dear', timesMax: 2 }], 215n],
    ['may call, but never does', [{ agent: 'nobody', timesMax: 0 }], 10n],
    ['calls one that calls', [nest([cheap])], 25n],
    ['calls three deep', [nest([nest([cheap, cheap])])], 40n],
    ['calls one that calls, several times', [nest([cheap, cheap], { timesMax: 3 })], 70n],
    ['calls on another tier, and so does what it calls', [nest([cheap], { tier: 'top' })], 24n],
    ['calls what is not known, within a cap', [nest([], { input: undefined, maxNanos: 33n })], 43n],
    ['caps what costs more', [nest([{ agent: 'dear', timesMax: 1 }], { maxNanos: 50n })], 60n],
    ['caps what costs less', [nest([cheap], { maxNanos: 50n })], 25n],
    ['caps one that calls nothing', [{ agent: 'cheap', timesMax: 2, maxNanos: 50n }], 20n],
    ['calls one that uses models', [{ agent: 'speaker', timesMax: 2, input: { words: 50 } }], 116n],
    [
      'calls one that uses models of another tier',
      [{ agent: 'speaker', tier: 'top', timesMax: 1, input: { words: 50 } }],
      117n,
    ],
    ['calls one that uses models, within a cap', [{ agent: 'speaker', timesMax: 1, maxNanos: 20n }], 30n],
  ])('of an agent that %s', (_, calls, expected) => {
    expect(plan(calls)).toEqual({ maximumNanos: expected, faults: [] });
  });

  it.each<[string, unknown[], string, RegExp]>([
    [
      'an agent that does not exist',
      [{ agent: 'nobody', timesMax: 1, at: '/a' }],
      '/input/a/agent',
      /no agent "nobody"/,
    ],
    ['one without a place', [{ agent: 'nobody', timesMax: 1 }], '/input', /no agent "nobody"/],
    ['a tier that is not sold', [{ ...cheap, tier: 'gold', at: '/a' }], '/input/a/tier', /no tier "gold"/],
    ['a cap below the price', [{ ...cheap, maxNanos: 4n, at: '/a' }], '/input/a/maxCost', /base price of "cheap", 5/],
    ['neither input nor cap', [nest([], { input: undefined })], '/input/calls/0/maxCost', /"nest" calls other agents/],
    [
      'models without either',
      [{ agent: 'speaker', timesMax: 1, at: '/a' }],
      '/input/a/maxCost',
      /"speaker" calls models/,
    ],
    ['a bad input', [nest([], { input: null })], '/input/calls/0/input/calls', /are missing/],
    ['one far inside', [nest([{ ...cheap, tier: 'x', at: '/b' }])], '/input/calls/0/input/b/tier', /no tier/],
    [
      'one inside of what has no place',
      [nest([{ ...cheap, tier: 'x', at: '/b' }], { at: undefined })],
      '/input',
      /no tier/,
    ],
  ])('is refused for %s, at its place', (_, calls, path, message) => {
    expect(plan(calls).faults).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it('is refused for a circle, and looked at no longer than it takes to see one', () => {
    const { faults } = plan([{ agent: 'circle', timesMax: 1, input: {}, at: '/a' }]);
    expect(faults).toEqual([
      { path: `/input/a/input${'/next/input'.repeat(8)}`, message: expect.stringContaining('deep') },
    ]);
  });

  it('is known to the deepest that may be called, and not one deeper', () => {
    const deep = (levels: number): object => (levels === 1 ? nest([]) : nest([deep(levels - 1)]));
    expect(plan([deep(CALL_DEPTH_MAX)])).toEqual({ maximumNanos: 90n, faults: [] });
    expect(plan([deep(CALL_DEPTH_MAX + 1)]).faults).toHaveLength(1);
    expect(plan([deep(CALL_DEPTH_MAX - 2)], 2).faults).toEqual([]);
    expect(plan([deep(CALL_DEPTH_MAX - 1)], 2).faults).toHaveLength(1);
  });

  it('is refused for more calls than anybody writes, however they are spread', () => {
    const many = (calls: object) => Array.from({ length: 100 }, () => calls);
    expect(plan(many(nest(many(cheap)))).faults[0]?.message).toContain('calls are planned');
  });
});
