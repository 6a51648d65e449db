/** Which networks a key is used from. One that is new for it is told to its people and the trail; the request goes on meanwhile. */
import { LRUCache } from 'lru-cache';
import { type Principal, sourceOf } from '../../../platform/http/index.ts';
import { mailReaders, readersOf } from '../keys/mails.ts';
import { findKeyById } from '../store.ts';
import type { IdentityDeps } from '../types.ts';
import { noteNetwork } from './store.ts';

const PURPOSE = 'key-network';
// About 5 MB when full; what is forgotten costs one question to the database.
const REMEMBERED_MAX = 20_000;
// A key that comes from more is one of a cloud, and says nothing by coming from another.
const NETWORKS_MAX = 20;
// More at once would keep connections from requests; the rest is noted when it comes again.
const PENDING_MAX = 50;
const RISK = 30;

export interface KeyNetworks {
  /** Returns at once; on the path of every request with a key. */
  note(principal: Principal, ip: string): void;
  /** Resolves when nothing that was noted is under way. */
  settle(): Promise<void>;
}

export function createKeyNetworks(deps: IdentityDeps): KeyNetworks {
  const { db, keyring, audit, log } = deps;
  const seen = new LRUCache<string, true>({ max: REMEMBERED_MAX });
  const pending = new Set<Promise<void>>();

  const look = async ({ keyId, orgId }: Principal, source: string): Promise<void> => {
    const network = keyring.mac(PURPOSE, source);
    const verdict = await db.tenant(orgId, (tx) => noteNetwork(tx, { keyId, orgId, network, max: NETWORKS_MAX }));
    if (verdict !== 'new') return;
    await db.tenant(orgId, async (tx) => {
      const key = await findKeyById(tx, keyId);
      if (!key) return;
      const readers = await readersOf(deps, key);
      const about = network.toString('hex').slice(0, 16);
      await mailReaders(deps, tx, { kind: 'key-from-new-network', key, readers, about, ip: source });
      await audit.append(tx, {
        orgId,
        actorType: 'key',
        actorId: keyId,
        action: 'key.new-network',
        targetType: 'key',
        targetId: keyId,
        data: { risk: RISK },
      });
    });
  };

  return {
    note(principal, ip) {
      if (ip === '') return;
      const source = sourceOf(ip);
      const name = `${principal.keyId}\u0000${source}`;
      if (seen.has(name) || pending.size >= PENDING_MAX) return;
      seen.set(name, true);
      const work = look(principal, source)
        .catch((error: unknown) => {
          seen.delete(name);
          log.warn({ err: error }, 'the network of a key was not noted');
        })
        .finally(() => pending.delete(work));
      pending.add(work);
    },
    settle: async () => {
      await Promise.all(pending);
    },
  };
}
