/** The words of the caches. */
import type { Mode } from '../types.ts';

/** An answer as its client got it, or the vector of one input. */
export type EntryKind = 'response' | 'vector';

/** Whose entries, and of which kind: what is counted and limited together. */
export interface Section {
  readonly orgId: string;
  readonly mode: Mode;
  readonly kind: EntryKind;
}

export interface Entry {
  readonly key: Buffer;
  readonly content: Buffer;
}

/** What a section was good for since the last time it was told. */
export interface Seen {
  readonly hits: number;
  readonly misses: number;
  readonly savedNanos: bigint;
}

export interface CacheSettings {
  readonly responses: boolean;
  /** Of answers; vectors do not grow old. */
  readonly ttlSeconds: number;
  readonly vectors: boolean;
  /** Part of every key: a change of the settings leaves what was kept before behind. */
  readonly generation: number;
}

/** What a request says of the cache by its header `cache-control`. */
export interface Permission {
  readonly mayRead: boolean;
  readonly mayKeep: boolean;
}
