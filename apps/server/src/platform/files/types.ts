/** The promise that every file store keeps. */
import type { Readable } from 'node:stream';

/** Bytes as they arrive, or a file that is already on this machine (it is copied, never moved). */
export type FileSource = AsyncIterable<Uint8Array> | { readonly path: string };

export interface StoredFile {
  /** Lower-case hexadecimal; the name of the content. */
  readonly sha256: string;
  readonly size: number;
}

export interface PutOptions {
  /** Refuse with storageErrors.tooLarge as soon as one more byte arrives. */
  readonly maxBytes?: number;
}

/**
 * Told of a content before its bytes are there, and waited for: whoever sweeps bytes that nothing names learns of them whatever dies
 * afterwards. When it throws, nothing is put.
 */
export type Announce = (orgId: string, sha256: string) => Promise<void>;

/**
 * Content by its SHA-256, in a space of its own per organisation: equal content of two organisations is stored twice, so that one can be
 * erased without the other. An object is there whole or not at all. Every call may throw storageErrors.unavailable, which is safe to retry.
 *
 * The store does not count who refers to a content: callers delete it when their last row that names it is gone, and under a lock that
 * keeps a new row from naming it meanwhile, and a new announcement from passing.
 */
export interface FileStore {
  /** On disk (or in the bucket) and durable when it resolves. Putting the same content again is harmless. An error of the source is thrown as it is. */
  put(orgId: string, source: FileSource, options?: PutOptions): Promise<StoredFile>;
  /** @throws storageErrors.missing */
  get(orgId: string, sha256: string): Promise<Readable>;
  /** A file on this machine with the content, for programs that want a path. Read it soon, never write or keep it. @throws storageErrors.missing */
  path(orgId: string, sha256: string): Promise<string>;
  exists(orgId: string, sha256: string): Promise<boolean>;
  /** Idempotent. */
  delete(orgId: string, sha256: string): Promise<void>;
  /** Removes what stopped processes left half-written and, for a bucket, cached copies that are no longer used. Call it now and then. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}
