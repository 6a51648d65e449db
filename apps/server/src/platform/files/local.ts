/** Files in a directory of this machine. */
import { access, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock/index.ts';
import { randomName } from '../crypto/index.ts';
import { GuildhallError } from '../errors/index.ts';
import { segmentsOf } from './address.ts';
import { storageErrors } from './errors.ts';
import { codeOf, diskFault, type OpenNew, openNew, writeTemporary } from './temporary.ts';
import type { Announce, FileSource, FileStore, PutOptions, StoredFile } from './types.ts';

export interface LocalOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly openFile?: OpenNew;
  readonly announce?: Announce;
}

/** The local store, and what a cache built on it needs besides. */
export interface LocalStore extends FileStore {
  put(orgId: string, source: FileSource, options?: PutOptions, announce?: Announce): Promise<StoredFile>;
  /** Marks a content as used now. */
  touch(orgId: string, sha256: string): Promise<void>;
  /** Every stored file with its size and the instant of its last touch. */
  entries(): AsyncGenerator<{ readonly file: string; readonly size: number; readonly usedAt: Date }>;
}

// A longer upload than this does not exist: every request ends long before.
const ABANDONED_AFTER_MS = 24 * 3_600_000;

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  // A new folder is durable once the folders above it are synced, up to the one that was there before.
  for (let at = directory; first !== undefined && at.length >= first.length; at = path.dirname(at))
    await syncDirectory(path.dirname(at));
}

/** Rename is atomic and both names are on one filesystem, so a reader sees no object or a whole one. */
async function publish(draft: string, file: string): Promise<void> {
  try {
    await makeDirectory(path.dirname(file));
    await rename(draft, file);
    await syncDirectory(path.dirname(file));
  } catch (error) {
    throw diskFault(error);
  }
}

async function whereThere<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw codeOf(cause) === 'ENOENT' ? new GuildhallError(storageErrors.missing) : diskFault(cause);
  }
}

const filesIn = async (directory: string): Promise<string[]> => {
  try {
    return (await readdir(directory)).map((name) => path.join(directory, name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw diskFault(error);
  }
};

async function* entriesBelow(root: string): AsyncGenerator<{ file: string; size: number; usedAt: Date }> {
  for (const organisation of await filesIn(root)) {
    for (const shard of await filesIn(organisation)) {
      for (const file of await filesIn(shard)) {
        // Undefined when it was deleted between listing and looking.
        const found = await stat(file).catch(() => undefined);
        if (found) yield { file, size: found.size, usedAt: found.mtime };
      }
    }
  }
}

/** Layout: `objects/<organisation>/<2 characters>/<sha256>`, and `drafts/` for what is being written. */
export function createLocalStore(options: LocalOptions): LocalStore {
  const objects = path.join(options.directory, 'objects');
  const drafts = path.join(options.directory, 'drafts');
  const fileOf = (orgId: string, sha256: string): string => path.join(objects, ...segmentsOf(orgId, sha256));
  return {
    async put(orgId, source, limits = {}, announce = options.announce): Promise<StoredFile> {
      await makeDirectory(drafts).catch((error) => Promise.reject(diskFault(error)));
      const draft = path.join(drafts, randomName());
      const stored = await writeTemporary(draft, source, limits, options.openFile ?? openNew);
      try {
        await announce?.(orgId, stored.sha256);
        await publish(draft, fileOf(orgId, stored.sha256));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return stored;
    },
    async get(orgId, sha256) {
      const handle = await whereThere(open(fileOf(orgId, sha256), 'r'));
      return handle.createReadStream();
    },
    async path(orgId, sha256) {
      const file = fileOf(orgId, sha256);
      await whereThere(access(file));
      return file;
    },
    async exists(orgId, sha256) {
      const file = fileOf(orgId, sha256);
      return access(file).then(
        () => true,
        (error) => (codeOf(error) === 'ENOENT' ? false : Promise.reject(diskFault(error))),
      );
    },
    async delete(orgId, sha256) {
      const file = fileOf(orgId, sha256);
      await rm(file, { force: true }).catch((error) => Promise.reject(diskFault(error)));
    },
    async sweep() {
      const oldestMs = options.clock.now().getTime() - ABANDONED_AFTER_MS;
      for (const draft of await filesIn(drafts)) {
        const found = await stat(draft).catch(() => undefined);
        if (found && found.mtimeMs < oldestMs) await rm(draft, { force: true });
      }
    },
    async touch(orgId, sha256) {
      const now = options.clock.now();
      await whereThere(utimes(fileOf(orgId, sha256), now, now));
    },
    entries: () => entriesBelow(objects),
    close: async () => {},
  };
}
