/** What is read often and changes seldom, in the memory of the process. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../platform/clock/index.ts';

// A change made by another process is seen within this time.
const FRESH_MS = 5_000;
const KEYS_MAX = 10_000;

export interface Remembered<T> {
  /** At most 5 s old; a change made here and told by `forget` is seen at once. */
  get(key: string): Promise<T>;
  /** To be called after the commit of a change. */
  forget(key: string): void;
}

export function remember<T>(clock: Clock, load: (key: string) => Promise<T>): Remembered<T> {
  const entries = new LRUCache<string, { readonly value: Promise<T>; readonly goodUntilMs: number }>({ max: KEYS_MAX });
  return {
    get(key) {
      const known = entries.get(key);
      if (known && known.goodUntilMs > clock.monotonicMs()) return known.value;
      // From when the reading begins, because a change during it may not be seen.
      const entry = { value: load(key), goodUntilMs: clock.monotonicMs() + FRESH_MS };
      entries.set(key, entry);
      entry.value.catch(() => {
        if (entries.peek(key) === entry) entries.delete(key);
      });
      return entry.value;
    },
    forget: (key) => {
      entries.delete(key);
    },
  };
}
