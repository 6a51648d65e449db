/** Stored channels in the memory of the process: no round trip while they are warm, and forgotten the moment any process changes one. */
import { LRUCache } from 'lru-cache';
import type { Tx } from '../../../platform/db/index.ts';
import type { Channel } from '../types.ts';
import { keyPlace, openKey, providerPlace } from './sealing.ts';
import * as store from './store.ts';
import type { ChannelsDeps, KeyRecord, ProviderRecord } from './types.ts';

/** Whom an announcement concerns: an organisation, or with this everybody. */
export const EVERYBODY = '*';

// Bounds the harm of an announcement lost on a dead connection that nobody has noticed yet.
const REMEMBER_MS = 10_000;
// An organisation has at most some dozen channels of about 1 kB.
const ORGANISATIONS_MAX = 5_000;
const USED_FLUSH_MS = 1_000;
const USED_EVERY_MS = 60_000;
const USED_MAX = 10_000;

interface Entry {
  readonly channels: readonly Channel[];
  readonly goodUntilMs: number;
}

export interface ChannelMemory {
  /** The operator's stored channels that are on. */
  operators(): Promise<readonly Channel[]>;
  /** The organisation's own. */
  owned(orgId: string): Promise<readonly Channel[]>;
  /** Drops what is remembered of an organisation, or of the operator (`*`). */
  forget(whom: string): void;
  /** Begins to hear announcements, and from then on to remember. The result stops both and writes times of use that are left. */
  start(): () => Promise<void>;
  /** Writes the times of use gathered since the last call; otherwise done by itself a second after a use. */
  flushUsed(): Promise<void>;
}

type MemoryDeps = Pick<ChannelsDeps, 'ids' | 'db' | 'clock' | 'keyring' | 'bus' | 'log'>;

function fromProvider(keyring: MemoryDeps['keyring'], record: ProviderRecord): Channel {
  const { id, kind, name, baseUrl, weight, priority, regions, retainsData } = record;
  const { requestsPerMinute, tokensPerMinute, concurrencyMax } = record;
  return {
    id,
    kind,
    name,
    baseUrl,
    weight,
    priority,
    regions,
    retainsData,
    requestsPerMinute,
    tokensPerMinute,
    concurrencyMax,
    ownerOrgId: undefined,
    isTrustedAddress: false,
    secret: async () => openKey(keyring, providerPlace(id), record),
  };
}

function fromKey(keyring: MemoryDeps['keyring'], record: KeyRecord, used: () => void): Channel {
  const { id, orgId, kind, name, baseUrl, weight, priority } = record;
  return {
    id,
    kind,
    name,
    baseUrl,
    weight,
    priority,
    regions: [],
    retainsData: true,
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrencyMax: undefined,
    ownerOrgId: orgId,
    isTrustedAddress: false,
    secret: async () => {
      used();
      return openKey(keyring, keyPlace(orgId, id), record);
    },
  };
}

/** Gathers which keys were used and writes it down at most once a second, and for each key once a minute. */
function createUse({ db, ids, clock, log }: Pick<MemoryDeps, 'db' | 'ids' | 'clock' | 'log'>) {
  const gathered = new Set<string>();
  const marked = new LRUCache<string, number>({ max: USED_MAX });
  let timer: NodeJS.Timeout | undefined;
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.size === 0) return;
    const keys = [...gathered];
    gathered.clear();
    const auditIds = keys.map(() => ids.make('aud'));
    await db.system((tx) => store.noteKeyUse(tx, keys, auditIds));
  };
  const mark = (id: string): void => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (marked.get(id) ?? Number.NEGATIVE_INFINITY) < USED_EVERY_MS) return;
    marked.set(id, nowMs);
    gathered.add(id);
    // A lost time of use is a blemish, not a fault: the call it belongs to goes on.
    timer ??= setTimeout(() => {
      flush().catch((error: unknown) => log.warn('times of use of provider keys were not written', { error }));
    }, USED_FLUSH_MS).unref();
  };
  return { flush, mark };
}

export function createChannelMemory(deps: MemoryDeps): ChannelMemory {
  const { db, clock, keyring, bus } = deps;
  const use = createUse(deps);
  const entries = new LRUCache<string, Entry>({ max: ORGANISATIONS_MAX });
  const loading = new Map<string, Promise<readonly Channel[]>>();
  let isRemembering = false;
  // Raised by every announcement: what was read before it must not be remembered after it.
  let epoch = 0;

  const forget = (whom: string): void => {
    epoch += 1;
    loading.clear();
    entries.delete(whom);
  };
  const forgetAll = (): void => {
    epoch += 1;
    loading.clear();
    entries.clear();
  };

  const load = async (whom: string): Promise<readonly Channel[]> => {
    const begunIn = epoch;
    const channels =
      whom === EVERYBODY
        ? (await db.open(store.listProviders))
            .filter((record) => record.enabled)
            .map((record) => fromProvider(keyring, record))
        : (await db.tenant(whom, (tx: Tx) => store.listActiveKeys(tx))).map((record) =>
            fromKey(keyring, record, () => use.mark(record.id)),
          );
    if (isRemembering && epoch === begunIn)
      entries.set(whom, { channels, goodUntilMs: clock.monotonicMs() + REMEMBER_MS });
    return channels;
  };

  const get = (whom: string): Promise<readonly Channel[]> => {
    const entry = entries.get(whom);
    if (entry && entry.goodUntilMs > clock.monotonicMs()) return Promise.resolve(entry.channels);
    const known = loading.get(whom);
    if (known !== undefined) return known;
    const begun = load(whom);
    loading.set(whom, begun);
    const done = (): void => {
      if (loading.get(whom) === begun) loading.delete(whom);
    };
    begun.then(done, done);
    return begun;
  };

  return {
    operators: () => get(EVERYBODY),
    owned: get,
    forget,
    flushUsed: use.flush,
    start() {
      const stops = [bus.subscribe('channels', forget), bus.onGap(forgetAll)];
      forgetAll();
      isRemembering = true;
      return async () => {
        isRemembering = false;
        for (const stop of stops) stop();
        forgetAll();
        await use.flush();
      };
    },
  };
}
