/** Chooses the store the operator configured. */
import path from 'node:path';
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import { createLocalStore } from './local.ts';
import { createS3Store } from './s3.ts';
import { createS3Client } from './s3-client.ts';
import type { Announce, FileStore } from './types.ts';

export interface FileStoreOptions {
  /** The files themselves, or the cache of a bucket. */
  readonly directory: string;
  /** The bucket (`S3_URL`); the directory alone when left out. */
  readonly s3Url?: Secret | undefined;
  /** What `sweep` cuts the cache of a bucket to; default 10 GiB. */
  readonly cacheMaxBytes?: number;
  readonly clock: Clock;
  /** Nobody is told when left out. */
  readonly announce?: Announce;
}

const CACHE_BYTES = 10 * 1024 ** 3;

/** @throws when `s3Url` cannot be understood. Does not touch disk or network yet. */
export function createFileStore(options: FileStoreOptions): FileStore {
  const { clock, s3Url, announce = async () => {} } = options;
  if (s3Url === undefined) return createLocalStore({ directory: options.directory, clock, announce });
  const cache = createLocalStore({ directory: path.join(options.directory, 'cache'), clock });
  const client = createS3Client(s3Url, clock);
  return createS3Store({ client, cache, cacheMaxBytes: options.cacheMaxBytes ?? CACHE_BYTES, clock, announce });
}
