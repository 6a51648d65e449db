/**
 * From a presented key to its principal, on the path of every request. Good keys are remembered in the process; a process remembers only
 * while it hears the channel on which ended keys are announced, so a revocation reaches it in milliseconds.
 */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../platform/clock/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { GuildhallError } from '../../platform/errors/index.ts';
import type { Principal } from '../../platform/http/index.ts';
import { authErrors } from './errors.ts';
import { KEY_PURPOSE, parseKey } from './key-format.ts';
import { isInside, type Networks, parseNetworks } from './keys/networks.ts';
import { findKey, touchKeys } from './store.ts';
import type { IdentityDeps } from './types.ts';

export const KEYS_CHANNEL = 'guildhall_keys';

// Bounds the harm of an announcement lost on a dead connection that nobody has noticed yet.
const REMEMBER_MS = 10_000;
// About 5 MB when full.
const REMEMBERED_MAX = 10_000;
const USED_EVERY_MS = 60_000;
const USED_FLUSH_MS = 1_000;

interface Remembered {
  readonly principal: Principal;
  /** Undefined: from everywhere. */
  readonly networks: Networks | undefined;
  /** On the monotonic clock: the end of the memory or of the key, whichever comes first. */
  readonly goodUntilMs: number;
  usedMarkedMs: number;
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
  const good = new LRUCache<string, Remembered>({ max: REMEMBERED_MAX });
  // Unknown, expired and revoked keys never become good, so a refusal may be remembered for as long as there is room. What may change is announced.
  const refused = new LRUCache<string, true>({ max: REMEMBERED_MAX });
  const lookups = new Map<string, Promise<Remembered>>();
  const used = new Set<string>();
  let remembering = false;
  // Raised by every announcement: a lookup that began before it must not be remembered after it.
  let epoch = 0;
  let flushTimer: NodeJS.Timeout | undefined;

  const flushUsed = async (): Promise<void> => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (used.size === 0) return;
    const ids = [...used];
    used.clear();
    await db.system((tx) => touchKeys(tx, ids));
  };

  const markUsed = (entry: Remembered, nowMs: number): void => {
    if (nowMs - entry.usedMarkedMs < USED_EVERY_MS) return;
    entry.usedMarkedMs = nowMs;
    used.add(entry.principal.keyId);
    // A lost time of use is a blemish, not a fault: the request it belongs to goes on.
    flushTimer ??= setTimeout(() => {
      flushUsed().catch((error: unknown) => log.warn({ err: error }, 'times of use of keys were not written'));
    }, USED_FLUSH_MS).unref();
  };

  const lookUp = async (presented: string, hashText: string): Promise<Remembered> => {
    const begunIn = epoch;
    const hashes = keyring.macs(KEY_PURPOSE, presented);
    const found = await db.system((tx) => findKey(tx, hashes));
    if (!found || !hashes.some((hash) => timingSafeEqual(hash, found.secretHash))) {
      if (epoch === begunIn) refused.set(hashText, true);
      throw new GuildhallError(authErrors.invalidKey);
    }
    const nowMs = clock.monotonicMs();
    const entry = {
      principal: found.principal,
      networks: found.principal.allowedCidrs && parseNetworks(found.principal.allowedCidrs),
      goodUntilMs: nowMs + Math.min(REMEMBER_MS, found.validForMs),
      usedMarkedMs: good.get(hashText)?.usedMarkedMs ?? Number.NEGATIVE_INFINITY,
    };
    if (remembering && epoch === begunIn) good.set(hashText, entry);
    return entry;
  };

  const find = async (presented: string): Promise<Remembered> => {
    if (!parseKey(presented)) throw new GuildhallError(authErrors.invalidKey);
    const hashText = keyring.mac(KEY_PURPOSE, presented).toString('latin1');
    const entry = good.get(hashText);
    if (entry && entry.goodUntilMs > clock.monotonicMs()) return entry;
    if (refused.has(hashText)) throw new GuildhallError(authErrors.invalidKey);
    let lookup = lookups.get(hashText);
    if (!lookup) {
      lookup = lookUp(presented, hashText);
      lookups.set(hashText, lookup);
      const done = () => {
        if (lookups.get(hashText) === lookup) lookups.delete(hashText);
      };
      lookup.then(done, done);
    }
    return lookup;
  };

  /** What is known of a key, of all keys of a member, or of all of an organisation. Those of the last two may become good again. */
  const forget = (id: string): void => {
    epoch += 1;
    lookups.clear();
    if (!id.startsWith('key_')) refused.clear();
    for (const [hashText, { principal }] of good.entries())
      if ([principal.keyId, principal.memberId, principal.orgId].includes(id)) good.delete(hashText);
  };

  const forgetAll = (): void => {
    epoch += 1;
    lookups.clear();
    good.clear();
    refused.clear();
  };

  return {
    async authenticate(presented, ip = '') {
      const entry = await find(presented);
      if (entry.networks && !isInside(entry.networks, ip)) throw new GuildhallError(authErrors.addressRefused);
      markUsed(entry, clock.monotonicMs());
      return entry.principal;
    },
    async start() {
      const stop = await db.listen([KEYS_CHANNEL], (_channel, id) => forget(id), forgetAll);
      remembering = true;
      return async () => {
        remembering = false;
        forgetAll();
        await stop();
        await flushUsed();
      };
    },
    flushUsed,
  };
}
