/** Writes bytes of unknown length and hash into a file that nobody sees yet. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { GuildhallError } from '../errors/index.ts';
import { storageErrors } from './errors.ts';
import type { FileSource, PutOptions, StoredFile } from './types.ts';

/** How a new file is opened; tests pass one whose disk is full. */
export type OpenNew = (path: string) => Promise<FileHandle>;

export const openNew: OpenNew = (path) => open(path, 'wx', 0o440);

// Hashing a piece holds the event loop for well under 1 ms.
const PIECE_BYTES = 256 * 1024;
const FULL_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** A failure of the disk in the words of the store. */
export function diskFault(cause: unknown): GuildhallError {
  if (cause instanceof GuildhallError) return cause;
  return new GuildhallError(FULL_CODES.includes(codeOf(cause)) ? storageErrors.full : storageErrors.unavailable, {
    cause,
  });
}

async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw diskFault(error);
  }
}

function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

const bytesOf = (source: FileSource): AsyncIterable<Uint8Array> =>
  'path' in source ? createReadStream(source.path, { highWaterMark: PIECE_BYTES }) : source;

async function copy(source: FileSource, handle: FileHandle, options: PutOptions): Promise<StoredFile> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of bytesOf(source)) {
    size += chunk.length;
    if (options.maxBytes !== undefined && size > options.maxBytes) {
      throw new GuildhallError(storageErrors.tooLarge, { detail: `The limit is ${options.maxBytes} bytes.` });
    }
    for (const piece of pieces(chunk)) {
      hash.update(piece);
      await onDisk(handle.writeFile(piece));
    }
  }
  await onDisk(handle.sync());
  return { sha256: hash.digest('hex'), size };
}

/** Durable at `file` when it resolves; when it throws, nothing is left there. */
export async function writeTemporary(
  file: string,
  source: FileSource,
  options: PutOptions,
  openFile: OpenNew,
): Promise<StoredFile> {
  const handle = await onDisk(openFile(file));
  try {
    const stored = await copy(source, handle, options);
    await onDisk(handle.close());
    return stored;
  } catch (error) {
    // Closing again or removing what is not there must not hide the error that led here.
    await handle.close().catch(() => {});
    await rm(file, { force: true }).catch(() => {});
    throw error;
  }
}
