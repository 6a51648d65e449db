/** Where entries are: the newest in the memory of the process, all in the database. No call fails or waits long because of it. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Keyring } from '../../../platform/crypto/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import { entryMac, isGenuine } from './keys.ts';
import * as store from './store.ts';
import type { Entry, EntryKind, Section, Seen } from './types.ts';
import { createWriter } from './writer.ts';

const MEMORY_BYTES_MAX = 64 * 1024 * 1024;
// What an entry takes beside its content.
const ENTRY_OVERHEAD_BYTES = 400;
// Some hundred times what the table takes when it is well; a provider takes longer.
const FIND_PATIENCE_MS = 150;
/** After a fault the table is left alone for so long, so that it costs at most a few calls their patience. */
const REST_MS = 1_000;
/** Of one organisation, mode and kind, with 200 bytes for each entry. */
export const SECTION_BYTES_MAX: Readonly<Record<EntryKind, number>> = {
  response: 64 * 1024 * 1024,
  vector: 256 * 1024 * 1024,
};
/** Longer answers are not kept: they are seldom asked for twice. */
export const CONTENT_BYTES_MAX = 1024 * 1024;

export interface ShelfDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keyring: Pick<Keyring, 'mac' | 'verifyMac'>;
  readonly log: { warn(message: string, fields: { readonly error: unknown }): void };
}

export interface Shelf {
  /** What is kept under the keys, in their order. Never throws: what cannot be found in time is not there. */
  find(orgId: string, keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]>;
  /** Keeps entries; the database is told in the background. */
  keep(section: Section, ttlSeconds: number, entries: readonly Entry[]): void;
  /** Counts, told to the database in the background. */
  tell(section: Section, seen: Seen): void;
  /** Resolves when everything was told that was kept or seen until now, as far as the database takes it. */
  settled(): Promise<void>;
}

interface Remembered {
  readonly content: Buffer;
  readonly expiresAtMs: number;
}

/** The value, or undefined where it does not come in time. The work goes on, without anybody waiting for it. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function createShelf({ db, clock, keyring, log }: ShelfDeps): Shelf {
  const memory = new LRUCache<string, Remembered>({
    maxSize: MEMORY_BYTES_MAX,
    sizeCalculation: ({ content }) => content.length + ENTRY_OVERHEAD_BYTES,
  });
  let restUntilMs = 0;
  const rest = (error: unknown): void => {
    if (clock.monotonicMs() >= restUntilMs)
      log.warn('the cache of the gateway is away; calls go on without it', { error });
    restUntilMs = clock.monotonicMs() + REST_MS;
  };
  const writer = createWriter({
    keep: (keeping) => {
      const entries = keeping.entries.map((entry) => ({ ...entry, mac: entryMac(keyring, entry.key, entry.content) }));
      const bytesMax = SECTION_BYTES_MAX[keeping.section.kind];
      return db.direct((tx) => store.keepEntries(tx, { ...keeping, entries, bytesMax }));
    },
    tell: (section, seen) => db.direct((tx) => store.tellSeen(tx, section, seen)),
    onFault: rest,
  });

  const remember = (key: Buffer, content: Buffer, expiresAtMs: number): void => {
    memory.set(key.toString('base64'), { content, expiresAtMs });
  };
  const recall = (key: Buffer): Buffer | undefined => {
    const known = memory.get(key.toString('base64'));
    return known && known.expiresAtMs > clock.now().getTime() ? known.content : undefined;
  };
  const read = async (orgId: string, keys: readonly Buffer[]): Promise<void> => {
    if (keys.length === 0 || clock.monotonicMs() < restUntilMs) return;
    const asked = db.direct((tx) => store.findEntries(tx, orgId, keys));
    try {
      const rows = await inTime(asked, FIND_PATIENCE_MS);
      if (!rows) {
        asked.catch(rest);
        return rest(new Error(`no answer in ${FIND_PATIENCE_MS} ms`));
      }
      for (const row of rows) if (isGenuine(keyring, row)) remember(row.key, row.content, row.expires_at.getTime());
    } catch (error) {
      rest(error);
    }
  };
  return {
    async find(orgId, keys) {
      const found = keys.map(recall);
      const missing = keys.filter((_, index) => found[index] === undefined);
      if (missing.length === 0) return found;
      await read(orgId, missing);
      return keys.map((key, index) => found[index] ?? recall(key));
    },
    keep(section, ttlSeconds, entries) {
      const fitting = entries.filter(({ content }) => content.length <= CONTENT_BYTES_MAX);
      const expiresAtMs = clock.now().getTime() + ttlSeconds * 1_000;
      for (const { key, content } of fitting) remember(key, content, expiresAtMs);
      if (clock.monotonicMs() >= restUntilMs) writer.keep(section, ttlSeconds, fitting);
    },
    tell: (section, seen) => writer.tell(section, seen),
    settled: () => writer.settled(),
  };
}
