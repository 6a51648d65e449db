/** Agents as the interface shows them. */
import { z } from 'zod';
import { money, pageOf, pageQuery } from './common.ts';

const jsonSchema = z.record(z.string(), z.unknown());

export const agentSummary = z
  .object({
    id: z.string(),
    version: z.string(),
    title: z.string(),
    summary: z.string(),
    category: z.string(),
    needsModel: z.boolean(),
    tiers: z.array(z.object({ id: z.string(), price: money })),
  })
  .meta({ id: 'AgentSummary' });
export type AgentSummary = z.infer<typeof agentSummary>;

export const agent = agentSummary
  .extend({
    description: z.string(),
    /** JSON Schema, draft 2020-12. */
    inputSchema: jsonSchema,
    outputSchema: jsonSchema,
    examples: z.array(z.object({ title: z.string(), input: z.unknown() })),
    limits: z.object({ timeoutMs: z.number().int(), stepsMax: z.number().int() }),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof agent>;

export const agentPage = pageOf(agentSummary);
export const agentPageQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^[a-z0-9-]{1,100}$/)
    .optional(),
});
export const agentParams = z.strictObject({ id: z.string().max(100) });
