/** What a caller writes: the graph and its data. */
import type { Json } from '@guildhall/agent-sdk';
import { z } from 'zod';

export const GRAPH_LIMITS = {
  stepsMax: 200,
  needsMax: 50,
  branchesMax: 20,
  compensationsMax: 5,
  /** Attempts of one step; with `stepsMax` it bounds the records of a run. */
  attemptsMax: 10,
  /** Recorded steps of one run, all attempts counted. */
  recordsMax: 10_000,
  /** Longest wait of a timer or for a person: one year. */
  waitMsMax: 366 * 86_400_000,
  /** As long as the platform lets one exchange take. */
  httpTimeoutMsMax: 30_000,
} as const;

const MARK = `In any string, \${{ expression }} is replaced by the value of the expression.`;

/** Letters, digits and underscores, so that `steps.<id>` is always a plain path. */
const identifier = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'begin with a letter; then up to 62 letters, digits or underscores');
const agentId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'the id of an agent is kebab-case')
  .max(64);
const tierId = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'the id of a tier is kebab-case');
const expression = z.string().min(1).max(2_100).describe('An expression such as `steps.load.output.rows > 100`.');
const templateText = z.string().min(1).max(20_000).describe(`Text. ${MARK}`);
const json = z
  .unknown()
  .refine(isReasonableJson, 'must be JSON of at most 100,000 parts, nested at most 60 deep')
  .describe(`Any JSON. ${MARK}`);

const retry = z
  .strictObject({
    attemptsMax: z.int().min(1).max(GRAPH_LIMITS.attemptsMax).describe('Attempts in all, the first one included.'),
    firstDelayMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(1_000)
      .describe('Wait before the second attempt; doubles each time.'),
    delayMaxMs: z.int().min(0).max(86_400_000).default(60_000),
  })
  .describe('How often a failed attempt is tried again before `onFailure` decides.');

const agentWork = {
  agent: agentId.describe('The agent to run.'),
  tier: tierId.optional().describe('The tier of that run; left out: the tier of this run.'),
  input: json.describe('The input of that agent, as a template.'),
  maxCost: z
    .strictObject({ nanos: z.string().regex(/^\d{1,18}$/), currency: z.literal('USD') })
    .optional()
    .describe(
      'The most that run may cost. Needed where the agent calls others (as a workflow does) and its input holds an expression; an input without one is priced exactly.',
    ),
  retry: retry.optional(),
};
const httpWork = {
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  url: templateText.describe('Public addresses only.'),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'not a header name'), templateText)
    .optional(),
  body: json.optional().describe('A string is sent as it is, anything else as JSON.'),
  expectedStatus: z
    .array(z.union([z.int().min(100).max(599), z.enum(['1xx', '2xx', '3xx', '4xx', '5xx'])]))
    .min(1)
    .max(20)
    .default(['2xx'])
    .describe('Any other answer fails the step.'),
  effect: z
    .enum(['idempotent', 'once'])
    .optional()
    .describe(
      '`once`: never sent again, even if a crash hides the answer (the run then waits for a review). Left out: `once` for POST and PATCH.',
    ),
  timeoutMs: z.int().min(100).max(GRAPH_LIMITS.httpTimeoutMsMax).default(30_000).describe('For each attempt.'),
  retry: retry.optional(),
};

const compensation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('agent'), ...agentWork }),
  z.strictObject({ kind: z.literal('http'), ...httpWork }),
]);

const common = {
  id: identifier,
  title: z.string().min(1).max(200).optional(),
  needs: z
    .array(
      z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}(:[A-Za-z][A-Za-z0-9_]{0,62})?$/, 'write "step" or "step:branch"'),
    )
    .max(GRAPH_LIMITS.needsMax)
    .default([])
    .describe(
      'Steps that must succeed first; `step:branch` when only that branch counts. Steps that need nothing of each other run side by side.',
    ),
  join: z
    .union([z.enum(['all', 'any']), z.strictObject({ atLeast: z.int().min(1).max(GRAPH_LIMITS.needsMax) })])
    .default('all')
    .describe('How many of `needs` must hold. A step whose join can no longer hold is skipped.'),
  onFailure: z
    .enum(['abort', 'skip', 'compensate'])
    .default('abort')
    .describe(
      'After the last attempt: `skip` gives up this step and what needs it; `abort` starts nothing more; `compensate` also undoes what was done.',
    ),
  compensate: z
    .array(compensation)
    .min(1)
    .max(GRAPH_LIMITS.compensationsMax)
    .optional()
    .describe('What undoes this step once it has succeeded.'),
};

const duration = z.union([z.int().min(0).max(GRAPH_LIMITS.waitMsMax), templateText]);

/** One step of a graph. */
export const stepSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('agent'), ...agentWork }),
  z.strictObject({ ...common, kind: z.literal('http'), ...httpWork }),
  z.strictObject({
    ...common,
    kind: z.literal('transform'),
    value: json.describe('The template whose value is the output.'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('condition'),
    branches: z
      .array(z.strictObject({ name: identifier, when: expression }))
      .min(1)
      .max(GRAPH_LIMITS.branchesMax)
      .describe('The first branch that is true is taken.'),
    otherwise: identifier.default('otherwise').describe('The branch taken when none is true.'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('wait'),
    durationMs: duration.optional(),
    until: templateText.optional().describe('An instant such as 2026-01-31T08:00:00Z; one in the past does not wait.'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('approval'),
    request: templateText.describe('What the person is asked.'),
    details: json.optional(),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(GRAPH_LIMITS.waitMsMax)
      .optional()
      .describe('Default 30 days; then the decision is `expired`.'),
    whenRejected: z
      .enum(['fail', 'branch'])
      .default('fail')
      .describe('`branch`: approve, reject and expired become branches; `fail`: only approve succeeds.'),
  }),
]);

/** The whole input. */
export const inputSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  steps: z.array(stepSchema).min(1).max(GRAPH_LIMITS.stepsMax),
  data: json.optional().describe('The values of this run; expressions read them as `data`.'),
  output: json.optional().describe('A template of the result, filled when the graph has ended.'),
  concurrencyMax: z
    .int()
    .min(1)
    .max(50)
    .default(10)
    .describe('Steps at work at once; waits and approvals do not count.'),
});

export type GraphInput = z.output<typeof inputSchema>;
export type StepInput = z.output<typeof stepSchema>;
export type StepKind = StepInput['kind'];
export type CompensationInput = z.output<typeof compensation>;
export type RetryInput = z.output<typeof retry>;
export type AgentWork = Extract<CompensationInput, { kind: 'agent' }>;
export type HttpWork = Extract<CompensationInput, { kind: 'http' }>;

/** The parsed value as JSON. */
export function asJson(value: unknown): Json {
  // The schema passed it through isReasonableJson, which lets only JSON through.
  return value as Json;
}

const PARTS_MAX = 100_000;
const DEPTH_MAX = 60;

/** Walks with its own stack, so no nesting can overflow the call stack. */
function isReasonableJson(value: unknown): boolean {
  let parts = 0;
  const open: (readonly [unknown, number])[] = [[value, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [current, depth] = next;
    parts += 1;
    if (parts > PARTS_MAX || depth > DEPTH_MAX) return false;
    if (current === null || typeof current === 'string' || typeof current === 'boolean') continue;
    if (typeof current === 'number' && Number.isFinite(current)) continue;
    if (current === undefined && depth === 0) continue;
    if (typeof current !== 'object') return false;
    const children = Object.values(current);
    if (parts + open.length + children.length > PARTS_MAX) return false;
    for (const child of children) open.push([child, depth + 1]);
  }
  return true;
}

/** What sending this request leaves behind: what the author declared, else `once` for the methods that HTTP does not call idempotent. */
export function effectOf(work: HttpWork | Extract<StepInput, { kind: 'http' }>): 'idempotent' | 'once' {
  if (work.effect !== undefined) return work.effect;
  return work.method === 'POST' || work.method === 'PATCH' ? 'once' : 'idempotent';
}
