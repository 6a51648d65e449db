/** Counts tokens without ever holding up the process: small texts at once, large ones a few milliseconds at a time, in turn with each other. */
import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../../platform/clock/index.ts';
import type { ProviderKind } from '../types.ts';
import { boundOf, type PromptParts } from './families.ts';
import { addBytes, addTally, createScanner, emptyTally, type Scanner, type Tally } from './scan.ts';
import { loadVocabulary } from './vocabulary.ts';

/** Everything of a request that a model reads. */
export interface Prompt extends PromptParts {
  /** Contents, names, instructions, definitions of tools, schemas of answers. */
  readonly texts: readonly string[];
}

export interface TokenCounter {
  /** Loads the vocabulary: a tenth of a second during which nothing else happens, so call it before the process is ready. */
  warm(): Promise<void>;
  /** Tokens of all texts by o200k_base. Exact, but for stretches that no language has and for what exceeds 2 million characters: these count as their bytes. */
  count(texts: readonly string[]): Promise<number>;
  /** The most tokens that the prompt takes at this provider, for a hold. */
  bound(kind: ProviderKind, name: string, prompt: Prompt): Promise<number>;
  /** What a text that was delivered counts when the provider does not say: its tokens without any margin. */
  countDelivered(text: string): Promise<number>;
}

// Longer requests wait for their turn. Some 1 ms.
const AT_ONCE_LENGTH_MAX = 8_192;
const SLICE_MS = 4;
// Half a million tokens and a quarter of a second. Only the longest contexts take more; for these four times the tokens are held.
const COUNTED_LENGTH_MAX = 2_000_000;
// Shorter ones are counted as fast as they are looked up; longer ones would take over 2 ms to look up.
const REMEMBERED_LENGTH_MIN = 512;
const REMEMBERED_LENGTH_MAX = 1_000_000;
// At some 300 bytes each, 6 MB.
const REMEMBERED_MAX = 20_000;

interface Text {
  readonly text: string;
  /** Undefined where it is not worth remembering. */
  readonly key: string | undefined;
}

/** Texts being counted, and how far. */
interface Job {
  readonly texts: readonly Text[];
  index: number;
  /** Where in the text of the index the next slice begins, and what it was found to be so far. */
  at: number;
  own: Tally;
  /** How many more characters are counted by token. */
  left: number;
  readonly total: Tally;
}

const keyOf = (text: string): string | undefined =>
  text.length < REMEMBERED_LENGTH_MIN || text.length > REMEMBERED_LENGTH_MAX
    ? undefined
    : hash('sha256', text, 'base64');

/** Tallies of whole texts by their hash: system prompts, tools and earlier messages come again with each call. Keeps no text. */
function createMemory() {
  const known = new Map<string, Tally>();
  return {
    find(key: string): Tally | undefined {
      const tally = known.get(key);
      if (!tally) return undefined;
      known.delete(key);
      known.set(key, tally);
      return tally;
    },
    keep(key: string, tally: Tally): void {
      const oldest = known.keys().next().value;
      if (known.size >= REMEMBERED_MAX && oldest !== undefined) known.delete(oldest);
      known.set(key, tally);
    },
  };
}

type Memory = ReturnType<typeof createMemory>;

function startJob(texts: readonly string[], memory: Memory): Job {
  const total = emptyTally();
  const unknown: Text[] = [];
  for (const text of texts) {
    const key = keyOf(text);
    const known = key === undefined ? undefined : memory.find(key);
    if (known) addTally(total, known);
    else unknown.push({ text, key });
  }
  return { texts: unknown, index: 0, at: 0, own: emptyTally(), left: COUNTED_LENGTH_MAX, total };
}

/** Goes on with a job until it is done or `isDone` says so; true when the job is done. */
function advance(scanner: Scanner, memory: Memory, job: Job, isDone: () => boolean): boolean {
  for (let one = job.texts[job.index]; one; one = job.texts[job.index]) {
    const { text, key } = one;
    const to = Math.min(text.length, job.at + job.left);
    const at = scanner.scan(text, { from: job.at, to }, job.own, isDone);
    job.left = Math.max(job.left - (at - job.at), 0);
    job.at = at;
    if (at < to) return false;
    if (at < text.length) addBytes(job.own, text.slice(at));
    else if (key !== undefined) memory.keep(key, job.own);
    addTally(job.total, job.own);
    job.index += 1;
    job.at = 0;
    job.own = emptyTally();
  }
  return true;
}

/** Large jobs take turns of a few milliseconds, one turn of one job between two looks at the network. */
function createTurns(clock: Clock, memory: Memory) {
  const waiting: { readonly job: Job; readonly end: (failure?: unknown) => void }[] = [];
  let isTurning = false;
  const turn = async (scanner: Scanner): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const untilMs = clock.monotonicMs() + SLICE_MS;
      try {
        if (advance(scanner, memory, next.job, () => clock.monotonicMs() >= untilMs)) next.end();
        else waiting.push(next);
      } catch (failure) {
        next.end(failure);
      }
      await nextTurn();
    }
    isTurning = false;
  };
  return (scanner: Scanner, job: Job): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ job, end: (failure) => (failure === undefined ? resolve() : reject(failure)) });
      if (isTurning) return;
      isTurning = true;
      // It ends by itself, and each failure reaches the one who waits for that job.
      void turn(scanner);
    });
}

export function createTokenCounter(deps: { readonly clock: Clock }): TokenCounter {
  const memory = createMemory();
  const takeTurns = createTurns(deps.clock, memory);
  let loading: Promise<Scanner> | undefined;
  let loaded: Scanner | undefined;
  const load = async (): Promise<Scanner> => {
    loading ??= loadVocabulary().then(createScanner);
    loaded = await loading;
    return loaded;
  };
  const tallyOf = async (texts: readonly string[]): Promise<Tally> => {
    const scanner = loaded ?? (await load());
    const job = startJob(texts, memory);
    const length = job.texts.reduce((sum, { text }) => sum + text.length, 0);
    if (length > AT_ONCE_LENGTH_MAX) await takeTurns(scanner, job);
    else advance(scanner, memory, job, () => false);
    return job.total;
  };
  const count = async (texts: readonly string[]): Promise<number> => {
    const { plain, numbers, other } = await tallyOf(texts);
    return plain + numbers + other;
  };
  return {
    async warm() {
      await load();
    },
    count,
    bound: async (kind, name, prompt) => boundOf(kind, name, await tallyOf(prompt.texts), prompt),
    countDelivered: (text) => count([text]),
  };
}
