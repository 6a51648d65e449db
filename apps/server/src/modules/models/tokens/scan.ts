/** Counts the tokens of a text, a stretch at a time. */
import { createSplitter, isDigit, nextBorder, plainEnd } from './pieces.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What a text was found to be. */
export interface Tally {
  /** Tokens of plain ASCII but digits. */
  plain: number;
  /** Tokens of ASCII digits. */
  numbers: number;
  digits: number;
  /** Tokens of pieces with other characters, and the bytes of these. */
  other: number;
  otherBytes: number;
}

/** Adds a text by its bytes, which are never fewer than its tokens. */
export function addBytes(tally: Tally, text: string): void {
  const bytes = Buffer.byteLength(text);
  tally.other += bytes;
  tally.otherBytes += bytes;
}

export function addTally(total: Tally, more: Tally): void {
  total.plain += more.plain;
  total.numbers += more.numbers;
  total.digits += more.digits;
  total.other += more.other;
  total.otherBytes += more.otherBytes;
}

export const emptyTally = (): Tally => ({ plain: 0, numbers: 0, digits: 0, other: 0, otherBytes: 0 });

// Merging is quadratic: up to this many bytes a piece costs no more per byte than ordinary text. Beyond it no language has words.
const MERGED_BYTES_MAX = 256;
// Some 4 MB. Pieces longer than this many characters are not remembered, nor more of them.
const REMEMBERED_MAX = 20_000;
const REMEMBERED_LENGTH_MAX = 64;

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Scanner {
  /**
   * Counts the pieces that begin in the span, until `isDone` says so (it is asked at least every half millisecond). Returns where it stopped,
   * always between two pieces, so that stretches add up to the whole exactly.
   */
  scan(text: string, span: Span, tally: Tally, isDone: () => boolean): number;
}

// Characters between two looks at the clock: some 20 microseconds of words, half a millisecond of what has to be merged byte by byte.
const LOOK_LENGTH = 512;

export function createScanner(vocabulary: Vocabulary): Scanner {
  const splitter = createSplitter(vocabulary.split);
  const merged = new Map<string, number>();

  const mergeOf = (piece: string): number => {
    const known = merged.get(piece);
    if (known !== undefined) return known;
    const bytes = Buffer.byteLength(piece);
    // A token is at least one byte, so this is never too few.
    if (bytes > MERGED_BYTES_MAX) return bytes;
    const tokens = vocabulary.merge(piece);
    if (piece.length <= REMEMBERED_LENGTH_MAX) {
      if (merged.size >= REMEMBERED_MAX) merged.clear();
      // A copy: a substring would keep the whole prompt alive.
      merged.set(Buffer.from(piece, 'utf16le').toString('utf16le'), tokens);
    }
    return tokens;
  };
  const tokensOf = (piece: string): number => (vocabulary.has(piece) ? 1 : mergeOf(piece));

  /** A piece that is not plain; returns its end. */
  const scanOther = (text: string, at: number, tally: Tally): number => {
    const end = splitter.end(text, at);
    if (end === -1) {
      const border = nextBorder(text, at);
      addBytes(tally, text.slice(at, border));
      return border;
    }
    const piece = text.slice(at, end);
    tally.other += tokensOf(piece);
    tally.otherBytes += Buffer.byteLength(piece);
    return end;
  };
  return {
    scan(text, { from, to }, tally, isDone) {
      let at = from;
      let lookAt = from + LOOK_LENGTH;
      while (at < to) {
        const end = plainEnd(text, at);
        if (end === -1) at = scanOther(text, at, tally);
        else {
          if (isDigit(text, at)) {
            // Every number of up to three digits is one token.
            tally.numbers++;
            tally.digits += end - at;
          } else tally.plain += tokensOf(text.slice(at, end));
          at = end;
        }
        if (at < lookAt) continue;
        if (isDone()) return at;
        lookAt = at + LOOK_LENGTH;
      }
      return at;
    },
  };
}
