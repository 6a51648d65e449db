/** Agents whose effects outside are counted, and agents that do harm. */
import { setTimeout as pause } from 'node:timers/promises';
import { type AgentDefinition, defineAgent, type StepEffect } from '@guildhall/agent-sdk';
import { generateText, streamText } from 'ai';
import { z } from 'zod';

const base = {
  version: '1.0.0',
  summary: 'For chaos tests.',
  description: 'For chaos tests.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 60_000, stepsMax: 60 },
};

/** Tells the counter outside that an effect happened. Its answer comes after it has counted. */
async function hit(counter: string, key: string, kind: StepEffect): Promise<void> {
  const answer = await fetch(`${counter}/?kind=${kind}&key=${encodeURIComponent(key)}`, { method: 'POST' });
  if (!answer.ok) throw new Error(`the counter answered ${answer.status}`);
  await answer.arrayBuffer();
}

const effect = z.enum(['none', 'idempotent', 'once']);
const FIVE: StepEffect[] = ['none', 'idempotent', 'once', 'idempotent', 'none'];

/** Five steps, three of them with an effect outside. */
export const counting = defineAgent({
  ...base,
  id: 'counting',
  title: 'Counting',
  input: z.strictObject({
    counter: z.string(),
    plan: z.array(effect).max(50).default(FIVE),
    pauseMs: z.number().int().min(0).default(0),
  }),
  output: z.strictObject({ sum: z.number() }),
  examples: [{ title: 'Five', input: { counter: 'http://127.0.0.1:1' } }],
  run: async (ctx, input) => {
    let sum = 0;
    for (const [index, kind] of input.plan.entries()) {
      sum += await ctx.step(
        `${kind} ${index}`,
        async (step) => {
          if (input.pauseMs > 0) await pause(input.pauseMs, undefined, { signal: step.signal });
          if (kind !== 'none') await hit(input.counter, step.idempotencyKey, kind);
          return index;
        },
        { effect: kind },
      );
    }
    return { sum };
  },
});

/** Calls a counting run, sleeps, and calls another. */
export const calling = defineAgent({
  ...base,
  id: 'calling',
  title: 'Calling',
  input: z.strictObject({ counter: z.string() }),
  output: z.strictObject({ sums: z.array(z.string()) }),
  examples: [{ title: 'Two calls', input: { counter: 'http://127.0.0.1:1' } }],
  plannedCalls: () => [{ agent: 'counting', timesMax: 2 }],
  run: async (ctx, input) => {
    const plan = ['idempotent', 'none'];
    const first = await ctx.call('counting', { counter: input.counter, plan });
    await ctx.sleep('between', 50);
    const second = await ctx.call('counting', { counter: input.counter, plan });
    return { sums: [first.status, second.status] };
  },
});

/** Asks a person between two effects. */
export const asking = defineAgent({
  ...base,
  id: 'asking',
  title: 'Asking',
  input: z.strictObject({ counter: z.string() }),
  output: z.strictObject({ decision: z.string() }),
  examples: [{ title: 'Ask', input: { counter: 'http://127.0.0.1:1' } }],
  run: async (ctx, input) => {
    const work = (name: string) =>
      ctx.step(
        name,
        async (step) => {
          await hit(input.counter, step.idempotencyKey, 'idempotent');
          return null;
        },
        { effect: 'idempotent' },
      );
    await work('before');
    const answer = await ctx.approve('ask', { title: 'May I?' });
    await work('after');
    return { decision: answer.decision };
  },
});

/** Kills the process that executes it, each time it is loaded; `beside` a call that is under way, if asked. */
export const poison = defineAgent({
  ...base,
  id: 'poison',
  title: 'Poison',
  input: z.strictObject({ counter: z.string(), beside: z.boolean().default(false) }),
  output: z.strictObject({}),
  examples: [{ title: 'Die', input: { counter: 'http://127.0.0.1:1' } }],
  plannedCalls: (input) => (input.beside ? [{ agent: 'counting', timesMax: 1 }] : []),
  run: async (ctx, input) => {
    const child = input.beside
      ? ctx.call('counting', { counter: input.counter, plan: ['none'], pauseMs: 60_000 })
      : undefined;
    if (child) await ctx.step('let the call begin', async () => pause(100).then(() => null));
    process.kill(process.pid, 'SIGKILL');
    await child;
    return {};
  },
});

const HOSTILE = new URL('../../../../packages/agent-sdk/src/sandbox/test-children/hostile.ts', import.meta.url);

/** Does too much: for ever, or too large, in a sandbox or out of it. */
export const runaway = defineAgent({
  ...base,
  id: 'runaway',
  title: 'Runaway',
  input: z.strictObject({ counter: z.string(), deed: z.enum(['loop', 'output', 'result']) }),
  output: z.strictObject({}),
  examples: [{ title: 'Loop', input: { counter: 'http://127.0.0.1:1', deed: 'loop' } }],
  run: async (ctx, input) => {
    await ctx.step('too much', async (step) => {
      if (input.deed === 'result') return 'x'.repeat(10 * 1024 * 1024);
      const limits = { wallMs: 1_500, memoryMaxBytes: 512 * 1024 * 1024 };
      return step.sandbox({ entry: HOSTILE, input: { deed: input.deed }, writeDir: step.workdir, limits });
    });
    return {};
  },
});

/** Speaks with a model three times, of which its tier includes the first two, and then fails if it is told to. */
export const speaking = defineAgent({
  ...base,
  id: 'speaking',
  title: 'Speaking',
  // Three calls fit, and none beside that a dead worker left open.
  limits: { ...base.limits, tokensMax: 29_000 },
  input: z.strictObject({ counter: z.string(), fails: z.boolean().default(false) }),
  output: z.strictObject({ said: z.array(z.string()) }),
  examples: [{ title: 'Speak', input: { counter: 'http://127.0.0.1:1' } }],
  plannedModelUse: () => ({ inputTokensMax: 40_000, outputTokensMax: 1_000 }),
  run: async (ctx, { fails }) => {
    const request = { model: ctx.model('speech'), prompt: 'word '.repeat(9_000), maxOutputTokens: 100 };
    const said = [
      (await generateText(request)).text,
      await streamText(request).text,
      (await generateText({ ...request, model: ctx.model('last word') })).text,
    ];
    if (fails) throw new Error('as it was told');
    return { said };
  },
});

export const chaosAgents = [
  speaking,
  counting,
  calling,
  asking,
  poison,
  runaway,
] as unknown as readonly AgentDefinition[];
