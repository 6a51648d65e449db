/** Providers of models: the operator's, and the keys that organisations bring themselves. */
import { z } from 'zod';
import { instant, pageOf, pageQuery } from './common.ts';

export const PROVIDER_KINDS = [
  'openai',
  'anthropic',
  'google',
  'mistral',
  'novita',
  'openrouter',
  'ollama',
  'compatible',
] as const;
export const providerKind = z.enum(PROVIDER_KINDS);

const name = z.string().trim().min(1).max(100);
const baseUrl = z.string().min(1).max(2_048);
// Keys travel in headers, where a line end would begin a header of its own.
const key = z.string().regex(/^[\x21-\x7e]{8,1024}$/, 'must be 8 to 1024 printable characters without spaces');
const regions = z
  .array(z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be a short name in lower case'))
  .max(20)
  .refine((names) => new Set(names).size === names.length, 'each region may be named once');
const limit = z.number().int().min(1).max(1_000_000_000);

/** What asking a provider for its models said. Anything but `ok` and `slow` means that calls would fail. */
export const PROVIDER_CHECK_OUTCOMES = [
  'ok',
  'slow',
  'key-refused',
  'unreachable',
  'address-refused',
  'not-this-wire',
  'rate-limited',
  'provider-fault',
] as const;
export const providerCheckOutcome = z.enum(PROVIDER_CHECK_OUTCOMES);
export type ProviderCheckOutcome = z.infer<typeof providerCheckOutcome>;

export const providerCheck = z
  .object({
    outcome: providerCheckOutcome,
    /** What that means, for a person. */
    detail: z.string(),
    /** HTTP status of the answer; null when there was none. */
    status: z.number().int().nullable(),
    ms: z.number().int(),
    /** How many models it names. */
    models: z.number().int(),
    at: instant,
  })
  .meta({ id: 'ProviderCheck' });
export type ProviderCheck = z.infer<typeof providerCheck>;

/** What calls saw of a provider lately, in the process that answers. */
export const providerHealth = z
  .object({
    /** `open`: it failed too often and rests. `half-open`: one call finds out whether it is back. */
    state: z.enum(['closed', 'open', 'half-open']),
    since: instant,
    /** Median from sending to the first byte; null before the first answer. */
    firstByteMs: z.number().nullable(),
    /** Failures per call, 0 to 1. */
    errorRate: z.number(),
    calls: z.number().int(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'ProviderHealth' });

/** `environment`: from the settings. `found`: an Ollama on this machine. `stored`: added by API or command line; only these can be changed. */
export const providerSource = z.enum(['environment', 'found', 'stored']);

export const provider = z
  .object({
    id: z.string(),
    source: providerSource,
    kind: providerKind,
    name: z.string(),
    baseUrl: z.string(),
    /** The end of the key; null where it has none, or one too short to show a part of. */
    keyLast4: z.string().nullable(),
    /** Share of the calls among providers of the same priority. */
    weight: z.number().int(),
    /** Lower is asked first. */
    priority: z.number().int(),
    regions: z.array(z.string()),
    /** Whether it may keep prompts. */
    retainsData: z.boolean(),
    requestsPerMinute: z.number().int().nullable(),
    tokensPerMinute: z.number().int().nullable(),
    concurrencyMax: z.number().int().nullable(),
    enabled: z.boolean(),
    /** Names of its models when it was last asked; at most 50 are shown. */
    models: z.array(z.string()),
    /** Null where nothing was called yet. */
    health: providerHealth.nullable(),
    lastCheck: providerCheck.nullable(),
    createdAt: instant.nullable(),
    updatedAt: instant.nullable(),
  })
  .meta({ id: 'Provider' });
export type Provider = z.infer<typeof provider>;

export const providerPage = pageOf(provider);
export const providerParams = z.strictObject({ id: z.string().max(64) });

const limits = {
  requestsPerMinute: limit.nullish(),
  tokensPerMinute: limit.nullish(),
  concurrencyMax: z.number().int().min(1).max(100_000).nullish(),
};

/** It is tried before it is stored; `force` stores it although it does not work. */
export const createProviderBody = z.strictObject({
  kind: providerKind,
  name: name.optional(),
  baseUrl: baseUrl.optional(),
  key: key.optional(),
  weight: z.number().int().min(1).max(1_000).default(1),
  priority: z.number().int().min(0).max(100).default(1),
  regions: regions.default([]),
  retainsData: z.boolean().default(true),
  ...limits,
  enabled: z.boolean().default(true),
  force: z.boolean().default(false),
});
export type CreateProviderBody = z.output<typeof createProviderBody>;

/** What is left out stays; null takes a limit away. Another base URL needs the key again. */
export const updateProviderBody = z
  .strictObject({
    name: name.optional(),
    baseUrl: baseUrl.optional(),
    key: key.optional(),
    weight: z.number().int().min(1).max(1_000).optional(),
    priority: z.number().int().min(0).max(100).optional(),
    regions: regions.optional(),
    retainsData: z.boolean().optional(),
    ...limits,
    enabled: z.boolean().optional(),
    force: z.boolean().default(false),
  })
  .refine((body) => Object.keys(body).some((member) => member !== 'force'), 'name at least one member to change');
export type UpdateProviderBody = z.output<typeof updateProviderBody>;

/** A key that an organisation brought. The key itself is never shown again. */
export const providerKey = z
  .object({
    id: z.string(),
    kind: providerKind,
    name: z.string(),
    baseUrl: z.string(),
    keyLast4: z.string().nullable(),
    weight: z.number().int(),
    priority: z.number().int(),
    models: z.array(z.string()),
    lastCheck: providerCheck.nullable(),
    createdAt: instant,
    /** Exact to the minute. */
    lastUsedAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: 'ProviderKey' });
export type ProviderKey = z.infer<typeof providerKey>;

export const providerKeyPage = pageOf(providerKey);
export const providerKeyPageQuery = pageQuery.extend({
  cursor: z
    .string()
    .regex(/^pvk_[0-9a-z]{26}$/)
    .optional(),
});
export const providerKeyParams = z.strictObject({ id: z.string().max(64) });

export const createProviderKeyBody = z.strictObject({
  kind: providerKind,
  name: name.optional(),
  baseUrl: baseUrl.optional(),
  key,
  weight: z.number().int().min(1).max(1_000).default(1),
  priority: z.number().int().min(0).max(100).default(1),
  force: z.boolean().default(false),
});
export type CreateProviderKeyBody = z.output<typeof createProviderKeyBody>;
