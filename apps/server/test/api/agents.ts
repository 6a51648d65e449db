/** Small agents for tests of the interface. */
import { defineAgent } from '@guildhall/agent-sdk';
import { z } from 'zod';

const base = {
  version: '1.0.0',
  title: 'Test',
  summary: 'Test.',
  description: 'Test.',
  category: 'test',
  needsModel: false,
  limits: { timeoutMs: 30_000, stepsMax: 500 },
};

/** Ends at once and keeps one artifact. */
export const keeper = defineAgent({
  ...base,
  id: 'keeper',
  input: z.strictObject({ say: z.string().max(20_000).default('hello'), any: z.unknown().optional() }),
  output: z.strictObject({ said: z.string() }),
  examples: [{ title: 'Hello', input: { say: 'hello' } }],
  run: async (ctx, input) => {
    await ctx.step('keep', async (step) => {
      const content = new TextEncoder().encode(input.say);
      return (await step.artifact({ name: 'said.txt', mediaType: 'text/plain', content })).id;
    });
    return { said: input.say };
  },
});

/** Waits for a person. */
export const asker = defineAgent({
  ...base,
  id: 'asker',
  input: z.strictObject({}),
  output: z.looseObject({}),
  examples: [{ title: 'Ask', input: {} }],
  run: async (ctx) => ({ ...(await ctx.approve('ask', { title: 'May I?' })) }),
});

/** Takes as many steps as it is told, each of which tells something. */
export const teller = defineAgent({
  ...base,
  id: 'teller',
  input: z.strictObject({ steps: z.number().int().min(1).max(400), pauseMs: z.number().int().min(0).default(0) }),
  output: z.strictObject({ steps: z.number() }),
  examples: [{ title: 'Ten', input: { steps: 10 } }],
  run: async (ctx, input) => {
    for (let index = 0; index < input.steps; index += 1) {
      await ctx.step(`step ${index}`, async () => {
        if (input.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, input.pauseMs));
        return index;
      });
    }
    return { steps: input.steps };
  },
});
