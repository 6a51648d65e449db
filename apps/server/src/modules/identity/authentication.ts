/** From a presented key to its principal, on the path of every request. */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../platform/clock/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import { authErrors } from './errors.ts';
import { KEY_PURPOSE, parseKey } from './key-format.ts';
import { isInside, type Networks, parseNetworks } from './keys/networks.ts';
import { createMemory } from './memory.ts';
import { findKey, touchKeys } from './store.ts';
import type { IdentityDeps } from './types.ts';

export const KEYS_CHANNEL = 'guildhall_keys';

const REFUSED_MAX = 10_000;
const USED_EVERY_MS = 60_000;

interface Found {
  readonly principal: Principal;
  /** Undefined: from everywhere. */
  readonly networks: Networks | undefined;
  readonly validForMs: number;
}

export interface Authenticator {
  /**
   * @throws `auth.invalid-key` alike for a malformed, unknown, expired or revoked key; `auth.address-refused` for a good one from an address
   * outside of its networks, and for one with networks where no address is told.
   */
  authenticate(presented: string, ip?: string): Promise<Principal>;
  /** Begins to hear announcements, and from then on to remember keys. The result stops both and writes what is left of `flushUsed`. */
  start(): Promise<() => Promise<void>>;
  /** Writes the times of use gathered since the last call; otherwise done by itself a second after a use. */
  flushUsed(): Promise<void>;
}

type AuthenticatorDeps = Pick<IdentityDeps, 'keyring' | 'log'> & { readonly db: Db; readonly clock: Clock };

export function createAuthenticator({ db, clock, keyring, log }: AuthenticatorDeps): Authenticator {
  // Unknown, expired and revoked keys never become good, so a refusal may be remembered for as long as there is room. What may change is announced.
  const refused = new LRUCache<string, true>({ max: REFUSED_MAX });
  const memory = createMemory<Found>({
    db,
    clock,
    log,
    channel: KEYS_CHANNEL,
    uses: {
      idOf: ({ principal }) => principal.keyId,
      everyMs: USED_EVERY_MS,
      write: (ids) => db.system((tx) => touchKeys(tx, ids)),
    },
    // A key, all keys of a member, or all of an organisation. Those of the last two may become good again.
    onAnnouncement(id) {
      if (!id?.startsWith('key_')) refused.clear();
      if (id !== undefined)
        memory.forget(({ principal }) => [principal.keyId, principal.memberId, principal.orgId].includes(id));
    },
  });

  const lookUp = async (presented: string, hashText: string): Promise<Found> => {
    const begunIn = memory.epoch();
    const hashes = keyring.macs(KEY_PURPOSE, presented);
    const found = await db.system((tx) => findKey(tx, hashes));
    if (!found || !hashes.some((hash) => timingSafeEqual(hash, found.secretHash))) {
      if (memory.epoch() === begunIn) refused.set(hashText, true);
      throw new GuildhallError(authErrors.invalidKey);
    }
    const { principal, validForMs } = found;
    return { principal, validForMs, networks: principal.allowedCidrs && parseNetworks(principal.allowedCidrs) };
  };

  return {
    async authenticate(presented, ip = '') {
      if (!parseKey(presented)) throw new GuildhallError(authErrors.invalidKey);
      const hashText = keyring.mac(KEY_PURPOSE, presented).toString('latin1');
      if (refused.has(hashText)) throw new GuildhallError(authErrors.invalidKey);
      const entry = await memory.find(hashText, () => lookUp(presented, hashText));
      const { principal, networks } = entry.found;
      if (networks && !isInside(networks, ip)) throw new GuildhallError(authErrors.addressRefused);
      memory.markUsed(entry);
      return principal;
    },
    start: memory.start,
    flushUsed: memory.flushUsed,
  };
}
