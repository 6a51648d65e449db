/** Finds the encoding of a text file and reads it as UTF-8, chunk by chunk. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Encoding } from '../input/request.ts';
import type { DetectedBy } from './source.ts';

/** Large enough to keep system calls rare, small enough to keep memory flat. */
export const CHUNK_BYTES = 1024 * 1024;

export interface EncodingFound {
  readonly encoding: Encoding;
  readonly by: DetectedBy;
  readonly mixed: boolean;
}

/** The raw bytes of a file. The buffer is used again for the next chunk: copy what must stay. */
export function* chunksOf(path: string, size = CHUNK_BYTES): Generator<Buffer> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(size);
    for (;;) {
      const read = readSync(file, buffer, 0, size, null);
      if (read === 0) return;
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(file);
  }
}

/** By byte order mark, then by the zero bytes of UTF-16, then by whether all of the file is UTF-8, then by how its high bytes stand. */
export function detectEncoding(path: string): EncodingFound {
  let first = true;
  let carry = Buffer.alloc(0);
  const high = new HighBytes();
  for (const chunk of chunksOf(path)) {
    if (first) {
      const marked = byMark(chunk) ?? byZeros(chunk);
      if (marked !== undefined) return marked;
      first = false;
    }
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const end = lastWholeCharacter(bytes);
    const whole = bytes.subarray(0, end);
    carry = Buffer.from(bytes.subarray(end));
    if (!isUtf8(whole)) high.count(whole);
    else if (hasHigh(whole)) high.wholeChunkValid();
  }
  if (carry.length > 0) high.count(carry);
  return high.verdict();
}

/** UTF-8 chunks of a file in any of the encodings, without its byte order mark. A chunk is only good until the next is asked for. */
export function* utf8Chunks(path: string, encoding: Encoding, lineBreak: 'lf' | 'cr' = 'lf'): Generator<Buffer> {
  const decoder = encoding === 'utf-8' ? undefined : new TextDecoder(encoding);
  let first = true;
  for (const chunk of chunksOf(path)) {
    let text = decoder === undefined ? chunk : Buffer.from(decoder.decode(chunk, { stream: true }));
    if (first && text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf) text = text.subarray(3);
    first = false;
    yield lineBreak === 'cr' ? withLineFeeds(text) : text;
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') yield Buffer.from(rest);
}

function withLineFeeds(text: Buffer): Buffer {
  for (let at = text.indexOf(13); at !== -1; at = text.indexOf(13, at + 1)) text[at] = 10;
  return text;
}

function byMark(bytes: Buffer): EncodingFound | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return undefined;
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { encoding: 'utf-16le', by: 'byte order mark', mixed: false };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { encoding: 'utf-16be', by: 'byte order mark', mixed: false };
  return undefined;
}

/** Text in UTF-16 has spaces, digits and line breaks, whose other byte is zero, always on the same side. */
function byZeros(bytes: Buffer): EncodingFound | undefined {
  const length = Math.min(bytes.length, 4096);
  const zeros = [0, 0];
  for (let at = 0; at < length; at++) if (bytes[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (odd > length / 20 && even <= odd / 20) return { encoding: 'utf-16le', by: 'content', mixed: false };
  if (even > length / 20 && odd <= even / 20) return { encoding: 'utf-16be', by: 'content', mixed: false };
  return undefined;
}

function hasHigh(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) >= 0x80) return true;
  return false;
}

function lastWholeCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) return bytes.length - (back < sequenceLength(byte) ? back : 0);
  }
  return bytes.length;
}

function sequenceLength(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

/** A few runs of a one-byte encoding can look like UTF-8 by chance; never this share of them. */
const CHANCE = 0.02;

/** Tells one-byte encodings apart: Arabic comes in runs of high bytes, European accents stand alone among ASCII letters. */
class HighBytes {
  #valid = 0;
  #invalid = 0;
  #alone = 0;
  #inRuns = 0;

  wholeChunkValid(): void {
    this.#valid += 1000;
  }

  count(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if ((bytes[at] ?? 0) < 0x80) {
        at++;
        continue;
      }
      let end = at + 1;
      while (end < bytes.length && (bytes[end] ?? 0) >= 0x80) end++;
      if (isUtf8(bytes.subarray(at, end))) this.#valid++;
      else this.#invalid++;
      if (end - at === 1) this.#alone++;
      else this.#inRuns += end - at;
      at = end;
    }
  }

  verdict(): EncodingFound {
    if (this.#invalid === 0) return { encoding: 'utf-8', by: 'content', mixed: false };
    if (this.#valid > (this.#valid + this.#invalid) * CHANCE) return { encoding: 'utf-8', by: 'content', mixed: true };
    return { encoding: this.#inRuns >= this.#alone ? 'windows-1256' : 'windows-1252', by: 'content', mixed: false };
  }
}
