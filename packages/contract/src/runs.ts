/** Runs, their steps and events, files and artifacts, as the public interface shows them. */
import { z } from 'zod';
import { instant, mode, money, pageQuery, problem } from './common.ts';

const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{1,64}$`));
export const runId = id('run');
export const fileId = id('file');

export const RUN_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const;
export const runStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof runStatus>;
export const waitingFor = z.enum(['approval', 'review', 'timer', 'child', 'input']);

// Small enough for an index, large enough for a customer's own references.
const METADATA_MAX = 16;
export const metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((value) => Object.keys(value).length <= METADATA_MAX, {
    message: `at most ${METADATA_MAX} entries`,
  });

export const tierId = z.string().min(1).max(32);

export const startRunBody = z.strictObject({
  input: z.unknown().refine((value) => value !== undefined, { message: 'is required' }),
  tier: tierId.optional(),
  maxCost: money.optional(),
  metadata: metadata.optional(),
});
export const startRunQuery = z.strictObject({ wait: z.coerce.number().int().min(0).max(60).default(0) });

export const estimateBody = z.strictObject({ input: z.unknown(), tier: tierId.optional() });
export const estimate = z.object({
  tier: z.string(),
  expected: money,
  p95: money.nullable(),
  maximum: money,
  basis: z.enum(['history', 'price-book']),
  sampleSize: z.number().int(),
});

export type Estimate = z.infer<typeof estimate>;

export const artifact = z
  .object({
    id: z.string(),
    name: z.string(),
    mediaType: z.string(),
    size: z.number().int(),
    sha256: z.string(),
    url: z.string(),
  })
  .meta({ id: 'Artifact' });

export const run = z
  .object({
    id: z.string(),
    agent: z.object({ id: z.string(), version: z.string() }),
    status: runStatus,
    waitingFor: waitingFor.nullable(),
    tier: z.string(),
    mode,
    input: z.unknown(),
    output: z.unknown(),
    error: problem.nullable(),
    usage: z.object({ inputTokens: z.number().int(), outputTokens: z.number().int(), steps: z.number().int() }),
    estimate: money,
    hold: money,
    cost: money,
    artifacts: z.array(artifact),
    parentRunId: z.string().nullable(),
    replayOf: z.object({ runId: z.string(), fromStep: z.number().int().nullable() }).nullable(),
    metadata: z.record(z.string(), z.string()),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    durationMs: z.number().int().nullable(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof run>;

export const runListQuery = pageQuery.extend({
  cursor: runId.optional(),
  agent: z.string().max(64).optional(),
  status: runStatus.optional(),
  tier: tierId.optional(),
  from: instant.optional(),
  to: instant.optional(),
  q: z.string().min(1).max(200).optional(),
  parentRunId: runId.optional(),
});

export const step = z
  .object({
    index: z.number().int(),
    name: z.string(),
    kind: z.string(),
    status: z.enum(['running', 'succeeded', 'failed']),
    attempt: z.number().int(),
    startedAt: instant,
    finishedAt: instant.nullable(),
    cost: money,
    usage: z.object({ inputTokens: z.number().int(), outputTokens: z.number().int() }),
    error: problem.nullable(),
  })
  .meta({ id: 'Step' });
export type Step = z.infer<typeof step>;

export const EVENT_TYPES = ['status', 'step', 'token', 'artifact', 'cost', 'log', 'approval'] as const;
export const runEvent = z
  .object({ seq: z.number().int(), type: z.enum(EVENT_TYPES), at: instant, runId: z.string(), data: z.unknown() })
  .meta({ id: 'RunEvent' });
export type RunEvent = z.infer<typeof runEvent>;

export const replayBody = z.strictObject({
  fromStep: z.number().int().min(0).max(100_000).optional(),
  input: z.unknown().optional(),
});
export const approvalBody = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  comment: z.string().max(2_000).optional(),
});

/** 256 MiB. */
export const FILE_MAX_BYTES = 256 * 1024 * 1024;
export const file = z
  .object({
    id: z.string(),
    name: z.string(),
    mediaType: z.string(),
    size: z.number().int(),
    sha256: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'File' });
export type File = z.infer<typeof file>;
