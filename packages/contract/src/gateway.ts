/** What operators and organisations set of the model gateway, and the history of its calls. */
import { z } from 'zod';
import { instant, money, pageOf, pageQuery } from './common.ts';
import { providerHealth, providerKind } from './providers.ts';

const modelId = z.string().regex(/^[a-z]{1,20}\/[\x21-\x7e]{1,200}$/, 'must be written provider/name');
const CHOICE_MODELS_MAX = 20;
// Shares, not counts: a thousandth is as fine as anybody divides traffic.
const WEIGHT_MAX = 1_000;

const weightedModel = z.strictObject({
  model: modelId,
  /** Share of first places; 0: only a fallback, in the order of the list. */
  weight: z.number().int().min(0).max(WEIGHT_MAX),
});

export const modelChoice = z
  .object({
    /** A class (`small`) or a tier (`standard`); clients write `guildhall/` before it. */
    name: z.string(),
    /** `operator`: set here. `default`: came with the program. `class`: a tier without a list of its own has that of its class. */
    source: z.enum(['operator', 'default', 'class']),
    models: z.array(weightedModel),
  })
  .meta({ id: 'ModelChoice' });
export type ModelChoice = z.infer<typeof modelChoice>;
export const modelChoicePage = pageOf(modelChoice);

export const putModelChoiceBody = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a class or a tier'),
    /** Null gives back what there would be without a list of the operator's. */
    models: z
      .array(weightedModel)
      .min(1)
      .max(CHOICE_MODELS_MAX)
      .refine((list) => new Set(list.map(({ model }) => model)).size === list.length, 'each model may be named once')
      .refine((list) => list.some(({ weight }) => weight > 0), 'at least one model needs a weight above 0')
      .nullable(),
  })
  .meta({ id: 'PutModelChoice' });
export type PutModelChoiceBody = z.output<typeof putModelChoiceBody>;

const REGIONS_MAX = 20;
const ALLOWED_MAX = 200;
const policyMembers = {
  /** Providers' accounts that work in these alone; left out: anywhere. */
  regions: z
    .array(z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be a short name in lower case'))
    .min(1)
    .max(REGIONS_MAX)
    .optional(),
  /** No provider's account that may keep prompts. */
  refuseDataRetention: z.boolean(),
  /** Whether another model of a tier's list may answer when the first cannot. */
  mayFallBack: z.boolean(),
  /** `openai/gpt-5.4`, or `openai/*` for all of a provider; left out: all. */
  allowedModels: z.array(modelId).min(1).max(ALLOWED_MAX).optional(),
};
export const modelPolicy = z.object(policyMembers).meta({ id: 'ModelPolicy' });
export type ModelPolicy = z.infer<typeof modelPolicy>;
export const putModelPolicyBody = z.strictObject(policyMembers).meta({ id: 'PutModelPolicy' });

const callId = z.string().regex(/^mcl_[0-9a-z]{26}$/, 'must be the id of a call');
export const callParams = z.strictObject({ id: z.string().max(64) });
export const callListQuery = pageQuery.extend({
  cursor: callId.optional(),
  model: z.string().min(1).max(200).optional(),
  keyId: z.string().min(1).max(64).optional(),
  runId: z.string().min(1).max(64).optional(),
  status: z.enum(['open', 'succeeded', 'failed', 'cancelled', 'lost']).optional(),
  from: instant.optional(),
  to: instant.optional(),
});

const callMembers = {
  id: z.string(),
  /** `open`: under way. `lost`: nobody settled it in time, so it cost nothing. */
  status: z.enum(['open', 'succeeded', 'failed', 'cancelled', 'lost']),
  mode: z.enum(['live', 'test']),
  /** The language in which it was asked. */
  wire: z.enum(['chat', 'responses', 'messages', 'embeddings']),
  /** As it was asked for, and as it was used. */
  requested: z.string(),
  model: z.string(),
  keyId: z.string().nullable(),
  memberId: z.string().nullable(),
  agentId: z.string(),
  runId: z.string().nullable(),
  ownKey: z.boolean(),
  streamed: z.boolean(),
  /** Answered from the cache. */
  cached: z.boolean(),
  usage: z.object({
    inputTokens: z.number().int(),
    cachedTokens: z.number().int(),
    cacheWriteTokens: z.number().int(),
    /** Of those: kept for an hour. */
    cacheWriteLongTokens: z.number().int(),
    outputTokens: z.number().int(),
    reasoningTokens: z.number().int(),
    images: z.number().int(),
    /** The provider did not say: what was sent and delivered was counted. */
    counted: z.boolean(),
  }),
  hold: money,
  cost: money,
  /** What an answer from the cache would have cost. */
  saved: money,
  errorCode: z.string().nullable(),
  firstTokenMs: z.number().int().nullable(),
  createdAt: instant,
  endedAt: instant.nullable(),
};
export const modelCall = z.object(callMembers).meta({ id: 'ModelCall' });
export type ModelCall = z.infer<typeof modelCall>;
export const modelCallPage = pageOf(modelCall);
export const modelCallDetail = z
  .object({
    ...callMembers,
    requestId: z.string(),
    /** Every try to reach a provider, in order. */
    attempts: z.array(
      z.object({
        channelId: z.string(),
        provider: providerKind,
        model: z.string(),
        /** `ok`, or the code of what went wrong. */
        outcome: z.string(),
        status: z.number().int().nullable(),
        ms: z.number().int(),
      }),
    ),
    priceId: z.string().nullable(),
    priceVersion: z.number().int(),
  })
  .meta({ id: 'ModelCallDetail' });
export type ModelCallDetail = z.infer<typeof modelCallDetail>;

export const providerHealthReport = z
  .object({
    /** Health is what one process saw of its own calls; this is the one that answered. */
    process: z.object({ host: z.string(), pid: z.number().int() }),
    data: z.array(z.object({ channelId: z.string(), provider: providerKind, ...providerHealth.shape })),
  })
  .meta({ id: 'ProviderHealthReport' });
