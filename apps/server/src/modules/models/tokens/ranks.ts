/** The tokens of a vocabulary by their bytes, in one block of memory: as strings they would take eight times as much. */

// Over twice the tokens of any vocabulary here, so that a search soon meets a free slot.
const SLOTS = 2 ** 19;
const FREE = 0;
// FNV-1a, folded because its upper bits are the better mixed ones.
const HASH_BASIS = 0x811c9dc5;
const HASH_PRIME = 0x01000193;
const HASH_FOLD = 15;

export interface Ranks {
  /** In bytes. */
  readonly longest: number;
  /** The rank of the token that these bytes are; undefined when they are none. */
  of(bytes: Uint8Array, from: number, to: number): number | undefined;
}

function firstSlot(bytes: Uint8Array, from: number, to: number): number {
  let hash = HASH_BASIS;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), HASH_PRIME);
  return (hash ^ (hash >>> HASH_FOLD)) & (SLOTS - 1);
}

/** @param file has a line for each token, in the order of their ranks: its bytes in base64, a blank, its rank. */
export function readRanks(file: string): Ranks {
  const ends: number[] = [];
  const blob = Buffer.alloc(file.length);
  let [size, longest] = [0, 0];
  for (let at = 0, end = file.indexOf('\n'); end !== -1; at = end + 1, end = file.indexOf('\n', at)) {
    const length = blob.write(file.slice(at, file.indexOf(' ', at)), size, 'base64');
    longest = Math.max(longest, length);
    size += length;
    ends.push(size);
  }
  // Copies of just the size.
  const tokens = Uint8Array.from(blob.subarray(0, size));
  const starts = Uint32Array.from([0, ...ends]);
  return { longest, of: createIndex(tokens, starts) };
}

function createIndex(tokens: Uint8Array, starts: Uint32Array): Ranks['of'] {
  // Ranks plus one.
  const slots = new Uint32Array(SLOTS).fill(FREE);
  const isToken = (rank: number, bytes: Uint8Array, from: number, to: number): boolean => {
    const start = starts[rank] ?? 0;
    if ((starts[rank + 1] ?? 0) - start !== to - from) return false;
    for (let at = from; at < to; at++) if (tokens[start + at - from] !== bytes[at]) return false;
    return true;
  };
  for (let rank = 0; rank < starts.length - 1; rank++) {
    let slot = firstSlot(tokens, starts[rank] ?? 0, starts[rank + 1] ?? 0);
    while (slots[slot] !== FREE) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = rank + 1;
  }
  return (bytes, from, to) => {
    let slot = firstSlot(bytes, from, to);
    for (let taken = slots[slot]; taken !== FREE && taken !== undefined; taken = slots[slot]) {
      if (isToken(taken - 1, bytes, from, to)) return taken - 1;
      slot = (slot + 1) & (SLOTS - 1);
    }
    return undefined;
  };
}
