/** Writes to the tables of the cache behind the calls: one statement at a time, as many entries in it as wait. */
import type { Entry, Section, Seen } from './types.ts';

/** What is kept for later is limited; beyond it, entries are not kept. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;
const STATEMENT_ENTRIES_MAX = 500;
const STATEMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Entries are in the memory of the process meanwhile, and a statement for many costs little more than one for one. */
const KEEP_MS = 50;
/** Counts are told this seldom, since all calls of an organisation count in one row. */
const TELL_MS = 1_000;

interface Keeping {
  readonly section: Section;
  readonly ttlSeconds: number;
  readonly entries: readonly Entry[];
}

export interface WriterDeps {
  keep(keeping: Keeping): Promise<void>;
  tell(section: Section, seen: Seen): Promise<void>;
  /** What was to be written is gone: it was worth little. */
  onFault(error: unknown): void;
}

export interface Writer {
  keep(section: Section, ttlSeconds: number, entries: readonly Entry[]): void;
  tell(section: Section, seen: Seen): void;
  settled(): Promise<void>;
}

const nameOf = ({ orgId, mode, kind }: Section, ttlSeconds = 0): string => `${orgId} ${mode} ${kind} ${ttlSeconds}`;

class Waiting {
  readonly #bySection = new Map<string, { section: Section; ttlSeconds: number; entries: Map<string, Entry> }>();
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#bySection.size === 0;
  }

  add(section: Section, ttlSeconds: number, entries: readonly Entry[]): void {
    const name = nameOf(section, ttlSeconds);
    const group = this.#bySection.get(name) ?? { section, ttlSeconds, entries: new Map<string, Entry>() };
    for (const entry of entries) {
      const key = entry.key.toString('base64');
      if (this.#bytes + entry.content.length > WAITING_BYTES_MAX || group.entries.has(key)) continue;
      group.entries.set(key, entry);
      this.#bytes += entry.content.length;
    }
    if (group.entries.size > 0) this.#bySection.set(name, group);
  }

  /** What one statement takes of the section that has waited longest. */
  take(): Keeping | undefined {
    for (const [name, group] of this.#bySection) {
      const taken: Entry[] = [];
      let bytes = 0;
      for (const [key, entry] of group.entries) {
        if (
          taken.length === STATEMENT_ENTRIES_MAX ||
          (taken.length > 0 && bytes + entry.content.length > STATEMENT_BYTES_MAX)
        )
          break;
        taken.push(entry);
        bytes += entry.content.length;
        group.entries.delete(key);
      }
      this.#bytes -= bytes;
      this.#bySection.delete(name);
      if (group.entries.size > 0) this.#bySection.set(name, group);
      return { section: group.section, ttlSeconds: group.ttlSeconds, entries: taken };
    }
    return undefined;
  }
}

export function createWriter(deps: WriterDeps): Writer {
  const waiting = new Waiting();
  let counts = new Map<string, { readonly section: Section; seen: Seen }>();
  let timer: NodeJS.Timeout | undefined;
  let keepTimer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let telling = Promise.resolve();

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      deps.onFault(error);
    }
  };
  const drain = async (): Promise<void> => {
    for (let next = waiting.take(); next; next = waiting.take()) {
      const keeping = next;
      await attempt(() => deps.keep(keeping));
    }
    running = undefined;
  };
  const write = (): Promise<void> | undefined => {
    clearTimeout(keepTimer);
    keepTimer = undefined;
    if (!waiting.isEmpty) running ??= drain();
    return running;
  };
  const tellAll = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const told = counts;
    counts = new Map();
    telling = telling.then(async () => {
      for (const { section, seen } of told.values()) await attempt(() => deps.tell(section, seen));
    });
    return telling;
  };
  return {
    keep(section, ttlSeconds, entries) {
      waiting.add(section, ttlSeconds, entries);
      keepTimer ??= setTimeout(write, KEEP_MS).unref();
    },
    tell(section, { hits, misses, savedNanos }) {
      const name = nameOf(section);
      const before = counts.get(name)?.seen ?? { hits: 0, misses: 0, savedNanos: 0n };
      const seen = {
        hits: before.hits + hits,
        misses: before.misses + misses,
        savedNanos: before.savedNanos + savedNanos,
      };
      counts.set(name, { section, seen });
      timer ??= setTimeout(tellAll, TELL_MS).unref();
    },
    async settled() {
      await Promise.all([tellAll(), write()]);
    },
  };
}
