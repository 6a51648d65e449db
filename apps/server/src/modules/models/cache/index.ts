/** The caches of the gateway: exact answers, vectors, and embeddings that go to the provider together. See README.md. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import type { RouteDefinition } from '../../../platform/http/index.ts';
import { type AnswerCache, createAnswerCache } from './answers.ts';
import { type Batches, type BatchesDeps, createBatches } from './batches.ts';
import { type CacheRoutesDeps, cacheRoutes } from './routes.ts';
import { createSettings } from './settings.ts';
import { createShelf, type ShelfDeps } from './shelf.ts';
import { pruneEntries } from './store.ts';
import { createVectorCache, type VectorCache } from './vectors.ts';

export type { AnswerSlot, KeptAnswer } from './answers.ts';
export type { Embedded } from './batches.ts';
export { share } from './share.ts';
export { writeVector } from './vector.ts';
export type { KeptVector, VectorSlot } from './vectors.ts';

/** What the path of a call asks. */
export interface Caches {
  readonly answers: AnswerCache;
  readonly vectors: VectorCache;
  readonly batches: Batches;
}

export interface CacheService extends Caches {
  readonly routes: readonly RouteDefinition[];
  /** Deletes what has expired; returns how many entries. */
  prune(): Promise<number>;
  /** Waits until the database knows what is to be kept. */
  close(): Promise<void>;
}

export interface CachesDeps extends ShelfDeps, BatchesDeps, Pick<CacheRoutesDeps, 'audit'> {
  readonly db: Db;
  readonly clock: Clock;
}

// Bounds one turn of the job; the next follows in minutes.
const TURNS_MAX = 100;

async function prune(db: Db): Promise<number> {
  let pruned = 0;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const now = await db.system(pruneEntries);
    if (now === 0) break;
    pruned += now;
  }
  return pruned;
}

export function createCaches(deps: CachesDeps): CacheService {
  const shelf = createShelf(deps);
  const settings = createSettings(deps);
  const parts = { keyring: deps.keyring, shelf, settings };
  return {
    answers: createAnswerCache(parts),
    vectors: createVectorCache(parts),
    batches: createBatches(deps),
    routes: cacheRoutes({ shelf, settings, audit: deps.audit }),
    prune: () => prune(deps.db),
    close: () => shelf.settled(),
  };
}
