/**
 * What somebody may do at this moment whose request is long answered: the key or the member who started a run. Remembered in the process as
 * keys are, and forgotten when a change of rights is announced, so that it costs no round trip and holds in milliseconds.
 */
import type { Scope } from '@guildhall/contract';
import { KEYS_CHANNEL } from './authentication.ts';
import { createMemory } from './memory.ts';
import { findRights } from './store.ts';
import type { IdentityDeps } from './types.ts';

export interface Rights {
  /** Whether a key (`key_…`) or a member (`mbr_…`, `svc_…`) has this right now. Nobody has any in a deleted organisation. */
  has(orgId: string, actorId: string, scope: Scope): Promise<boolean>;
  /** Begins to hear announcements, and from then on to remember. The result stops both. */
  start(): Promise<() => Promise<void>>;
}

export function createRights(deps: Pick<IdentityDeps, 'db' | 'clock' | 'log'>): Rights {
  const { db } = deps;
  const memory = createMemory<{ readonly scopes: readonly Scope[]; readonly validForMs: number }>({
    ...deps,
    channel: KEYS_CHANNEL,
    onAnnouncement: (named) => {
      if (named !== undefined) memory.forget(() => true);
    },
  });
  return {
    async has(orgId, actorId, scope) {
      const { found } = await memory.find(`${orgId} ${actorId}`, async () => ({
        scopes: await db.system((tx) => findRights(tx, orgId, actorId)),
        validForMs: Number.POSITIVE_INFINITY,
      }));
      return found.scopes.includes(scope);
    },
    start: memory.start,
  };
}
