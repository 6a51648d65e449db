/**
 * What somebody may do at this moment whose request is long answered: the key or the member who started a run. Remembered in the process as
 * keys are, and forgotten when a change of rights is announced, so that it costs no round trip and holds in milliseconds.
 */
import type { Scope } from '@guildhall/contract';
import { LRUCache } from 'lru-cache';
import { KEYS_CHANNEL } from './authentication.ts';
import { findRights } from './store.ts';
import type { IdentityDeps } from './types.ts';

export interface Rights {
  /** Whether a key (`key_…`) or a member (`mbr_…`, `svc_…`) has this right now. Nobody has any in a deleted organisation. */
  has(orgId: string, actorId: string, scope: Scope): Promise<boolean>;
  /** Begins to hear announcements, and from then on to remember. The result stops both. */
  start(): Promise<() => Promise<void>>;
}

interface Remembered {
  readonly scopes: Promise<readonly Scope[]>;
  readonly goodUntilMs: number;
}

// Bounds the harm of an announcement lost on a dead connection that nobody has noticed yet.
const REMEMBER_MS = 10_000;
const REMEMBERED_MAX = 10_000;

export function createRights({ db, clock }: Pick<IdentityDeps, 'db' | 'clock'>): Rights {
  // A new one at every announcement: a look-up that began before it is remembered by the old one, which nobody asks any more.
  let memory = new LRUCache<string, Remembered>({ max: REMEMBERED_MAX });
  let remembering = false;
  const forget = (): void => {
    memory = new LRUCache({ max: REMEMBERED_MAX });
  };

  const scopesOf = (orgId: string, actorId: string): Promise<readonly Scope[]> => {
    const name = `${orgId} ${actorId}`;
    const known = memory.get(name);
    if (known && known.goodUntilMs > clock.monotonicMs()) return known.scopes;
    const scopes = db.system((tx) => findRights(tx, orgId, actorId));
    if (!remembering) return scopes;
    const mine = memory;
    mine.set(name, { scopes, goodUntilMs: clock.monotonicMs() + REMEMBER_MS });
    scopes.catch(() => mine.delete(name));
    return scopes;
  };

  return {
    has: async (orgId, actorId, scope) => (await scopesOf(orgId, actorId)).includes(scope),
    async start() {
      const stop = await db.listen([KEYS_CHANNEL], forget, forget);
      remembering = true;
      return async () => {
        remembering = false;
        forget();
        await stop();
      };
    },
  };
}
