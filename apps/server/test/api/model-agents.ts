/** Small agents that use models, for tests of `ctx.model`. */
import { defineAgent } from '@guildhall/agent-sdk';
import { generateText, isStepCount, Output, streamText, tool } from 'ai';
import { z } from 'zod';

const base = {
  version: '1.0.0',
  title: 'Model',
  summary: 'Uses a model.',
  description: 'Uses a model.',
  category: 'test',
  needsModel: true,
  limits: { timeoutMs: 60_000, stepsMax: 50 },
  examples: [],
};

const said = z.strictObject({ said: z.array(z.string()) });

/** Asks as often as it is told, one after the other or side by side, whole or streamed. */
export const talker = defineAgent({
  ...base,
  id: 'talker',
  input: z.strictObject({
    prompts: z.array(z.string()).default(['Say something.']),
    manner: z.enum(['whole', 'stream', 'parallel']).default('whole'),
    model: z.string().optional(),
    outputMax: z.number().int().default(1_000),
    /** As `plannedModelUse` says. */
    plan: z.number().int().default(100_000),
    /** Waits for a person after the models. */
    asks: z.boolean().default(false),
    fails: z.boolean().default(false),
  }),
  output: said,
  plannedModelUse: ({ plan, model }) => ({
    inputTokensMax: plan,
    outputTokensMax: plan,
    ...(model === undefined ? {} : { model }),
  }),
  run: async (ctx, input) => {
    const say = async (prompt: string, index: number): Promise<string> => {
      const purpose = input.manner === 'parallel' ? `talk ${index}` : 'talk';
      const model = ctx.model(purpose, input.model === undefined ? {} : { model: input.model });
      const request = { model, prompt, maxOutputTokens: input.outputMax };
      if (input.manner !== 'stream') return (await generateText(request)).text;
      let failure: unknown;
      const { text } = streamText({
        ...request,
        onError: ({ error }) => {
          failure = error;
        },
      });
      return Promise.resolve(text).catch((error: unknown) => {
        throw failure ?? error;
      });
    };
    const answers: string[] = [];
    if (input.manner === 'parallel') answers.push(...(await Promise.all(input.prompts.map(say))));
    else for (const [index, prompt] of input.prompts.entries()) answers.push(await say(prompt, index));
    if (input.asks) await ctx.approve('ask', { title: 'May I?' });
    if (input.fails) throw new Error('as it was told');
    return { said: answers };
  },
});

/** A loop over a tool, and a structured answer. */
export const worker = defineAgent({
  ...base,
  id: 'worker',
  input: z.strictObject({ prompt: z.string() }),
  output: z.looseObject({}),
  plannedModelUse: () => ({ inputTokensMax: 50_000, outputTokensMax: 50_000 }),
  run: async (ctx, { prompt }) => {
    const used: string[] = [];
    const look = tool({
      description: 'Looks a word up',
      inputSchema: z.object({ word: z.string() }),
      execute: async ({ word }) => {
        used.push(word);
        return ctx.step('look', async () => `meaning of ${word}`);
      },
    });
    const loop = await generateText({
      model: ctx.model('loop'),
      prompt,
      tools: { look },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
      stopWhen: isStepCount(3),
      maxOutputTokens: 500,
    });
    const shaped = await generateText({
      model: ctx.model('shape'),
      prompt,
      output: Output.object({ schema: z.object({ city: z.string(), population: z.number() }) }),
      maxOutputTokens: 500,
    });
    return { text: loop.text, used: used.length, steps: loop.steps.length, shape: shaped.output };
  },
});

/** Calls a talker and then fails, if it is told to. */
export const caller = defineAgent({
  ...base,
  id: 'caller',
  needsModel: false,
  input: z.strictObject({
    /** What the talker gets. */
    called: z.record(z.string(), z.json()).default({}),
    fails: z.boolean().default(false),
    asks: z.boolean().default(false),
  }),
  output: z.looseObject({}),
  plannedCalls: ({ called }) => [{ agent: 'talker', timesMax: 1, input: called, at: '/called' }],
  run: async (ctx, { called, fails, asks }) => {
    const result = await ctx.call('talker', called);
    if (asks) await ctx.approve('ask', { title: 'May I?' });
    if (fails) throw new Error('as it was told');
    return { status: result.status, costNanos: result.costNanos };
  },
});

/** May use few tokens, and swallows whatever goes wrong. */
export const modest = defineAgent({
  ...base,
  id: 'modest',
  limits: { ...base.limits, tokensMax: 1_200 },
  input: z.strictObject({ calls: z.number().int() }),
  output: z.strictObject({ done: z.number() }),
  plannedModelUse: () => ({ inputTokensMax: 5_000, outputTokensMax: 5_000 }),
  run: async (ctx, { calls }) => {
    let done = 0;
    for (let call = 0; call < calls; call += 1) {
      try {
        await generateText({ model: ctx.model('talk'), prompt: 'Say something.', maxOutputTokens: 500 });
        done += 1;
      } catch {
        // An agent may do so; a limit ends it all the same.
      }
    }
    return { done };
  },
});

/** Uses a model without having said so. */
export const unplanned = defineAgent({
  ...base,
  id: 'unplanned',
  input: z.strictObject({}),
  output: z.strictObject({ text: z.string() }),
  run: async (ctx) => ({ text: (await generateText({ model: ctx.model('talk'), prompt: 'Say something.' })).text }),
});

/** Leaves while its model speaks: it does not wait for it, or gives it up. */
export const leaver = defineAgent({
  ...base,
  id: 'leaver',
  input: z.strictObject({ manner: z.enum(['forgets', 'gives up']) }),
  output: z.strictObject({ heard: z.boolean() }),
  plannedModelUse: () => ({ inputTokensMax: 50_000, outputTokensMax: 50_000 }),
  run: async (ctx, { manner }) => {
    const leave = new AbortController();
    const { textStream } = streamText({
      model: ctx.model('talk'),
      prompt: 'Say something.',
      maxOutputTokens: 1_000,
      abortSignal: leave.signal,
      onError: () => {},
    });
    const first = await textStream[Symbol.asyncIterator]().next();
    if (manner === 'gives up') {
      leave.abort();
      await ctx.approve('ask', { title: 'May I?' });
    }
    return { heard: first.done !== true };
  },
});
