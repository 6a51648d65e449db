/** What a caller gets back. */
import { z } from 'zod';

const instant = z.iso.datetime();
const money = z.strictObject({ nanos: z.string().regex(/^\d+$/), currency: z.literal('USD') });
const failure = z.strictObject({ code: z.string(), message: z.string() });
const anyJson = z.unknown();

const stepResult = z.strictObject({
  id: z.string(),
  title: z.string(),
  kind: z.enum(['agent', 'http', 'transform', 'condition', 'wait', 'approval']),
  status: z.enum(['succeeded', 'failed', 'skipped', 'compensated', 'not-reached']),
  reason: z.string().nullable().describe('Why it was skipped or not reached.'),
  branch: z.string().nullable().describe('The branch taken by a condition or an approval.'),
  attempts: z.int(),
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  durationMs: z.int().nullable(),
  cost: money.describe('Of the called runs, compensation included.'),
  output: anyJson,
  isOutputOmitted: z
    .boolean()
    .describe('True when the output was too large for this report; the run or the step holds it.'),
  error: failure.nullable(),
  runId: z.string().nullable().describe('The last run that an agent step made.'),
  compensation: z.strictObject({ isDone: z.boolean(), attempts: z.int(), error: failure.nullable() }).nullable(),
});

const node = z.strictObject({
  id: z.string(),
  label: z.string(),
  kind: stepResult.shape.kind,
  status: stepResult.shape.status,
  layer: z.int(),
  x: z.number(),
  y: z.number(),
});

const edge = z.strictObject({
  from: z.string(),
  to: z.string(),
  branch: z.string().nullable(),
  isTaken: z.boolean(),
});

/** The whole output. */
export const outputSchema = z.strictObject({
  status: z
    .enum(['succeeded', 'partial', 'failed', 'compensated'])
    .describe(
      'partial: a step failed and was left out; failed: stopped by a failed step; compensated: stopped, and all was undone.',
    ),
  output: anyJson.describe('The filled `output` template of the graph; null when there is none.'),
  outputError: failure.nullable(),
  failedSteps: z.array(z.string()),
  steps: z.array(stepResult),
  cost: money.describe('Of all called runs; the price of this run itself is on the run.'),
  startedAt: instant,
  finishedAt: instant,
  durationMs: z.int(),
  criticalPath: z.strictObject({ ids: z.array(z.string()), ms: z.int() }),
  picture: z.strictObject({ nodes: z.array(node), edges: z.array(edge) }),
});

export type GraphReport = z.output<typeof outputSchema>;
export type StepReport = GraphReport['steps'][number];
