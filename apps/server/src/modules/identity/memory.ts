/**
 * What a process remembers of who may come in and who may do what, on the path of every request and step. It remembers only while it hears the channel on which changes are
 * announced, so what has ended or changed reaches it in milliseconds.
 */
import { LRUCache } from 'lru-cache';
import type { IdentityDeps } from './types.ts';

// Bounds the harm of an announcement lost on a dead connection that nobody has noticed yet.
const REMEMBER_MS = 10_000;
// 5 to 10 MB when full.
const REMEMBERED_MAX = 10_000;
const FLUSH_MS = 1_000;

export interface Remembered<T> {
  readonly found: T;
  /** On the monotonic clock. */
  readonly lookedUpMs: number;
  /** The end of the memory or of what is remembered, whichever comes first. */
  readonly goodUntilMs: number;
  usedMarkedMs: number;
}

export interface Memory<T> {
  /** What is remembered by this name; else it is looked up, once for all who ask meanwhile. @throws what `lookUp` throws */
  find(name: string, lookUp: () => Promise<T>): Remembered<T> | Promise<Remembered<T>>;
  /** Has its use written down within a second, where that was not done just now. */
  markUsed(entry: Remembered<T>): void;
  forget(isMeant: (found: T) => boolean): void;
  /** How often something was forgotten: what was looked up in between may be out of date. */
  epoch(): number;
  /** Begins to hear announcements, and from then on to remember. The result stops both and writes what is left of `flushUsed`. */
  start(): Promise<() => Promise<void>>;
  /** Writes what was used since the last call; otherwise done by itself a second after a use. */
  flushUsed(): Promise<void>;
}

export interface MemoryOptions<T> extends Pick<IdentityDeps, 'db' | 'clock' | 'log'> {
  readonly channel: string;
  /** Told what an announcement names, and to forget it; undefined where everything was forgotten. */
  readonly onAnnouncement: (named: string | undefined) => void;
  /** Where it counts when something was last used. */
  readonly uses?: {
    readonly idOf: (found: T) => string;
    /** Uses are exact to this. */
    readonly everyMs: number;
    readonly write: (ids: readonly string[]) => Promise<void>;
  };
}

export function createMemory<T extends { readonly validForMs: number }>(options: MemoryOptions<T>): Memory<T> {
  const { db, clock, log, channel, uses } = options;
  const good = new LRUCache<string, Remembered<T>>({ max: REMEMBERED_MAX });
  const lookups = new Map<string, Promise<Remembered<T>>>();
  const used = new Set<string>();
  let isRemembering = false;
  let epoch = 0;
  let flushTimer: NodeJS.Timeout | undefined;

  const flushUsed = async (): Promise<void> => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (!uses || used.size === 0) return;
    const ids = [...used];
    used.clear();
    await uses.write(ids);
  };

  const look = async (name: string, lookUp: () => Promise<T>): Promise<Remembered<T>> => {
    const begunIn = epoch;
    const found = await lookUp();
    const nowMs = clock.monotonicMs();
    const entry = {
      found,
      lookedUpMs: nowMs,
      goodUntilMs: nowMs + Math.min(REMEMBER_MS, found.validForMs),
      usedMarkedMs: good.get(name)?.usedMarkedMs ?? Number.NEGATIVE_INFINITY,
    };
    // A look-up that began before an announcement must not be remembered after it.
    if (isRemembering && epoch === begunIn) good.set(name, entry);
    return entry;
  };

  const forget = (isMeant: (found: T) => boolean): void => {
    epoch += 1;
    lookups.clear();
    for (const [name, { found }] of good.entries()) if (isMeant(found)) good.delete(name);
  };
  const forgetAll = (): void => {
    forget(() => true);
    options.onAnnouncement(undefined);
  };

  return {
    find(name, lookUp) {
      const entry = good.get(name);
      if (entry && entry.goodUntilMs > clock.monotonicMs()) return entry;
      const before = lookups.get(name);
      if (before !== undefined) return before;
      const lookup = look(name, lookUp);
      lookups.set(name, lookup);
      const done = () => {
        if (lookups.get(name) === lookup) lookups.delete(name);
      };
      lookup.then(done, done);
      return lookup;
    },
    markUsed(entry) {
      const nowMs = clock.monotonicMs();
      if (!uses || nowMs - entry.usedMarkedMs < uses.everyMs) return;
      entry.usedMarkedMs = nowMs;
      used.add(uses.idOf(entry.found));
      // A lost use is a blemish: a session may end early by the time until the next one. The request that it belongs to goes on.
      flushTimer ??= setTimeout(() => {
        flushUsed().catch((error: unknown) => log.warn({ err: error, channel }, 'uses were not written'));
      }, FLUSH_MS).unref();
    },
    forget,
    epoch: () => epoch,
    async start() {
      const stop = await db.listen([channel], (_channel, named) => options.onAnnouncement(named), forgetAll);
      isRemembering = true;
      return async () => {
        isRemembering = false;
        forgetAll();
        await stop();
        await flushUsed();
      };
    },
    flushUsed,
  };
}
