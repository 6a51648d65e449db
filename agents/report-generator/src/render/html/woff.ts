/** WOFF 1.0: a TrueType file with its tables deflated, about half its size. */
import { deflateSync } from 'node:zlib';

const SIGNATURE = 0x774f4646;
const HEADER_BYTES = 44;
const ENTRY_BYTES = 20;
const SFNT_HEADER_BYTES = 12;
const SFNT_ENTRY_BYTES = 16;

const padded = (length: number): number => (length + 3) & ~3;

export function toWoff(font: Buffer): Buffer {
  const count = font.readUInt16BE(4);
  const directory = Buffer.alloc(count * ENTRY_BYTES);
  const bodies: Buffer[] = [];
  let offset = HEADER_BYTES + directory.length;
  let plainSize = SFNT_HEADER_BYTES + SFNT_ENTRY_BYTES * count;
  for (let index = 0; index < count; index += 1) {
    const entry = SFNT_HEADER_BYTES + index * SFNT_ENTRY_BYTES;
    const start = font.readUInt32BE(entry + 8);
    const length = font.readUInt32BE(entry + 12);
    const table = font.subarray(start, start + length);
    const deflated = deflateSync(table, { level: 9 });
    const body = deflated.length < length ? deflated : table;
    const at = index * ENTRY_BYTES;
    font.copy(directory, at, entry, entry + 4);
    directory.writeUInt32BE(offset, at + 4);
    directory.writeUInt32BE(body.length, at + 8);
    directory.writeUInt32BE(length, at + 12);
    font.copy(directory, at + 16, entry + 4, entry + 8);
    bodies.push(body, Buffer.alloc(padded(body.length) - body.length));
    offset += padded(body.length);
    plainSize += padded(length);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(SIGNATURE, 0);
  font.copy(header, 4, 0, 4);
  header.writeUInt32BE(offset, 8);
  header.writeUInt16BE(count, 12);
  header.writeUInt32BE(plainSize, 16);
  header.writeUInt16BE(1, 20);
  return Buffer.concat([header, directory, ...bodies]);
}
