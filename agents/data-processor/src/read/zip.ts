/** Looks into a zip without unpacking it, so that a bomb is refused before it goes off. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface ZipSummary {
  readonly entries: readonly string[];
  readonly unpackedBytes: number;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
/** The end record may be followed by a comment of 64 KiB. */
const TAIL_BYTES = 22 + 65_535;
const DIRECTORY_BYTES_MAX = 4 * 1024 * 1024;

/** The central directory's own account; `undefined` when this is no readable zip. What it claims is checked again by the limits of the process. */
export function zipSummary(path: string): ZipSummary | undefined {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const tail = bytesAt(file, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end === -1 || tail.length < end + 22 || tail.readUInt32LE(end) !== END_SIGNATURE) return undefined;
    const [length, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
    if (length > DIRECTORY_BYTES_MAX || offset + length > size) return undefined;
    return directory(bytesAt(file, offset, length));
  } finally {
    closeSync(file);
  }
}

function directory(bytes: Buffer): ZipSummary {
  const entries: string[] = [];
  let unpackedBytes = 0;
  for (let at = 0; at + 46 <= bytes.length && bytes.readUInt32LE(at) === ENTRY_SIGNATURE; ) {
    unpackedBytes += bytes.readUInt32LE(at + 24);
    const [name, extra, comment] = [
      bytes.readUInt16LE(at + 28),
      bytes.readUInt16LE(at + 30),
      bytes.readUInt16LE(at + 32),
    ];
    entries.push(bytes.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return { entries, unpackedBytes };
}

function bytesAt(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const read = readSync(file, buffer, 0, length, position);
  return buffer.subarray(0, read);
}
