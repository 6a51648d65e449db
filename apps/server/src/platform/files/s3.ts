/** Files in an S3 bucket, with whole copies of the recently used ones in a local directory. */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Clock } from '../clock/index.ts';
import { assert, GuildhallError } from '../errors/index.ts';
import { segmentsOf } from './address.ts';
import { storageErrors } from './errors.ts';
import type { LocalStore } from './local.ts';
import type { S3Client } from './s3-client.ts';
import type { Announce, FileStore } from './types.ts';

export interface S3StoreOptions {
  readonly client: S3Client;
  readonly cache: LocalStore;
  readonly cacheMaxBytes: number;
  readonly clock: Clock;
  readonly announce?: Announce;
}

// A path that was handed out is opened within this time, so younger copies are kept whatever the size.
const FRESH_MS = 3_600_000;
// A content deleted by another process stays in this cache no longer than this.
const UNUSED_AFTER_MS = 24 * 3_600_000;

async function evict(options: S3StoreOptions): Promise<void> {
  const nowMs = options.clock.now().getTime();
  const entries = [];
  for await (const entry of options.cache.entries()) entries.push(entry);
  entries.sort((a, b) => a.usedAt.getTime() - b.usedAt.getTime());
  let total = entries.reduce((sum, entry) => sum + entry.size, 0);
  for (const entry of entries) {
    const ageMs = nowMs - entry.usedAt.getTime();
    if (ageMs > UNUSED_AFTER_MS || (total > options.cacheMaxBytes && ageMs > FRESH_MS)) {
      await rm(entry.file, { force: true });
      total -= entry.size;
    }
  }
}

/** Fetches a content into the cache and believes it only when its hash is its name. */
async function download(options: S3StoreOptions, orgId: string, sha256: string): Promise<void> {
  const answer = await options.client.send('GET', segmentsOf(orgId, sha256));
  if (answer.status === 404) {
    await answer.body.dump();
    throw new GuildhallError(storageErrors.missing);
  }
  const stored = await options.cache.put(orgId, answer.body).catch((cause: unknown) => {
    // What is no error of the disk is the connection, cut in the middle.
    throw cause instanceof GuildhallError
      ? cause
      : new GuildhallError(storageErrors.unavailable, { internal: 'download cut', cause });
  });
  if (stored.sha256 !== sha256) {
    await options.cache.delete(orgId, stored.sha256);
    throw new GuildhallError(storageErrors.corrupt, { internal: `${sha256} holds ${stored.sha256}` });
  }
}

/** An object is announced only after the bucket has it; the cache never makes up for a missing one. */
export function createS3Store(options: S3StoreOptions): FileStore {
  const { client, cache } = options;
  const downloads = new Map<string, Promise<void>>();
  const fill = (orgId: string, sha256: string): Promise<void> => {
    const key = `${orgId}/${sha256}`;
    const running = downloads.get(key) ?? download(options, orgId, sha256).finally(() => downloads.delete(key));
    downloads.set(key, running);
    return running;
  };
  const cached = async (orgId: string, sha256: string): Promise<string> => {
    if (!(await cache.exists(orgId, sha256))) await fill(orgId, sha256);
    await cache.touch(orgId, sha256);
    return cache.path(orgId, sha256);
  };
  return {
    async put(orgId, source, limits) {
      // Announced before the cache has it, because a sweep takes the copy in the cache too.
      const stored = await cache.put(orgId, source, limits, options.announce);
      const body = createReadStream(await cache.path(orgId, stored.sha256));
      try {
        await client.upload(segmentsOf(orgId, stored.sha256), { body, ...stored });
      } catch (error) {
        await cache.delete(orgId, stored.sha256);
        throw error;
      } finally {
        body.destroy();
      }
      return stored;
    },
    path: cached,
    async get(orgId, sha256) {
      await cached(orgId, sha256);
      return cache.get(orgId, sha256);
    },
    async exists(orgId, sha256) {
      const answer = await client.send('HEAD', segmentsOf(orgId, sha256));
      await answer.body.dump();
      return answer.status !== 404;
    },
    async delete(orgId, sha256) {
      const answer = await client.send('DELETE', segmentsOf(orgId, sha256));
      await answer.body.dump();
      await cache.delete(orgId, sha256);
    },
    async sweep() {
      await cache.sweep();
      await evict(options);
    },
    async close() {
      assert(downloads.size === 0, 'a store is closed after its users');
      await client.close();
    },
  };
}
