/** What organisations set of their caches. */
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import { remember } from '../choices/remembered.ts';
import { findSettings } from './store.ts';
import type { CacheSettings } from './types.ts';

export const TTL_SECONDS_DEFAULT = 86_400;
export const DEFAULT_SETTINGS: CacheSettings = Object.freeze({
  responses: false,
  ttlSeconds: TTL_SECONDS_DEFAULT,
  vectors: true,
  generation: 0,
});
/** Where the settings cannot be read nothing is answered from the cache: it may have been switched off. */
const UNKNOWN: CacheSettings = Object.freeze({ ...DEFAULT_SETTINGS, vectors: false });

export interface KnownSettings {
  /** At most 5 s old. Never throws. */
  forOrg(orgId: string): Promise<CacheSettings>;
  /** To be called after the commit of a change. */
  changed(orgId: string): void;
}

export function createSettings({ db, clock }: { readonly db: Db; readonly clock: Clock }): KnownSettings {
  const known = remember(clock, async (orgId) => (await db.tenant(orgId, findSettings)) ?? DEFAULT_SETTINGS);
  return { forOrg: (orgId) => known.get(orgId).catch(() => UNKNOWN), changed: known.forget };
}
