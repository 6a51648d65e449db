/** The lists of organisations in the memory of the process. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import { findHosts } from './store.ts';

export interface EgressHosts {
  /** Undefined: every public host. At most 5 s old; a change made here is seen at once. Rejects while no database answers: nothing is called then. */
  of(orgId: string): Promise<readonly string[] | undefined>;
  /** To be called after the commit of a change. */
  changed(orgId: string): void;
}

const FRESH_MS = 5_000;
const ORGANISATIONS_MAX = 10_000;

interface Entry {
  readonly hosts: Promise<readonly string[] | undefined>;
  readonly goodUntilMs: number;
}

export function createEgressHosts({ db, clock }: { readonly db: Db; readonly clock: Clock }): EgressHosts {
  const entries = new LRUCache<string, Entry>({ max: ORGANISATIONS_MAX });
  return {
    of(orgId) {
      const known = entries.get(orgId);
      if (known && known.goodUntilMs > clock.monotonicMs()) return known.hosts;
      // From when the reading begins, because a change during it may not be seen.
      const entry = { hosts: db.tenant(orgId, findHosts), goodUntilMs: clock.monotonicMs() + FRESH_MS };
      entries.set(orgId, entry);
      entry.hosts.catch(() => {
        if (entries.peek(orgId) === entry) entries.delete(orgId);
      });
      return entry.hosts;
    },
    changed: (orgId) => {
      entries.delete(orgId);
    },
  };
}
