/** The least an agent can do in three steps: what is measured with it is the platform. */
import { defineAgent } from '@guildhall/agent-sdk';
import { z } from 'zod';

export const emptyAgent = defineAgent({
  id: 'empty',
  version: '1.0.0',
  title: 'Empty',
  summary: 'Three steps that do nothing.',
  description: 'For benchmarks and chaos tests.',
  category: 'test',
  needsModel: false,
  input: z.strictObject({ steps: z.number().int().min(0).max(50).default(3) }),
  output: z.strictObject({ steps: z.number().int() }),
  examples: [{ title: 'Three steps', input: { steps: 3 } }],
  limits: { timeoutMs: 60_000, stepsMax: 60 },
  run: async (ctx, input) => {
    for (let i = 0; i < input.steps; i += 1) await ctx.step(`step ${i}`, async () => i);
    return { steps: input.steps };
  },
});
