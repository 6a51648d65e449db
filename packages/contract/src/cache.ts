/** What organisations set of the caches of the model gateway, and what these are good for. */
import { z } from 'zod';
import { money } from './common.ts';

const TTL_SECONDS_MIN = 60;
const TTL_SECONDS_MAX = 30 * 86_400;
const ttlSeconds = z.number().int().min(TTL_SECONDS_MIN).max(TTL_SECONDS_MAX);

export const modelSettings = z
  .object({
    /** Whole answers to requests that are the same. */
    responseCache: z.object({ enabled: z.boolean(), ttlSeconds }),
    /** Vectors of single texts. */
    embeddingsCache: z.object({ enabled: z.boolean() }),
  })
  .meta({ id: 'ModelSettings' });
export type ModelSettings = z.infer<typeof modelSettings>;

/** What is left out has its default: no answers are kept (a day where only the time is left out), vectors are. */
export const putModelSettingsBody = z
  .strictObject({
    responseCache: z.strictObject({ enabled: z.boolean(), ttlSeconds: ttlSeconds.optional() }).optional(),
    embeddingsCache: z.strictObject({ enabled: z.boolean() }).optional(),
  })
  .meta({ id: 'PutModelSettings' });
export type PutModelSettingsBody = z.output<typeof putModelSettingsBody>;

const cacheSection = {
  hits: z.number().int(),
  misses: z.number().int(),
  /** What the hits would have cost. */
  saved: money,
  entries: z.number().int(),
  bytes: z.number().int(),
};

export const cacheReport = z
  .object({
    ...cacheSection,
    /** Hits and misses are calls. */
    responses: z.object(cacheSection),
    /** Hits and misses are inputs. */
    embeddings: z.object(cacheSection),
  })
  .meta({ id: 'CacheReport' });
export type CacheReport = z.infer<typeof cacheReport>;
