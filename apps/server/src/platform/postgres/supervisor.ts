/**
 * The embedded server as the rest of the program sees it: there, whatever was there before, and kept there while we run.
 *
 * Two locks order the processes that share a data folder. `start.lock` (exclusive, seconds) is held while anyone looks for,
 * starts or stops the server, so there is never a second one. `users.lock` (shared, for life) is held by every process that
 * uses it; whoever finds no other holder when it leaves stops the server. Both are freed by the system when a holder dies.
 */

import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { withOwner } from '../db/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { findBinaries } from './binaries.ts';
import { lock, type Release, tryLock } from './file-lock.ts';
import {
  ensureCluster,
  ensureSocketFolder,
  type Folder,
  openFolder,
  processNamespace,
  readAccess,
  trimLog,
  writeAccess,
} from './folder.ts';
import { endAllOn, identify, send, untilGone } from './processes.ts';
import { readLock, removeLocks, spawnServer, untilLockReady, untilReady, urlOf } from './server.ts';
import { rotateSuperuser } from './superuser.ts';

export type PostgresStatus = 'running' | 'restarting' | 'stopped';

export interface Postgres {
  /** Connection strings of the role that owns everything, by unix socket: two while its password changes. Read from the data folder. */
  ownerUrl(): readonly string[];
  /** Gives that role a new password; safe while others connect, and to be called again after it was cut off. */
  rotatePassword(): Promise<void>;
  status(): PostgresStatus;
  /** Leaves the server; the last process to leave stops it, without losing a commit. Idempotent. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  readonly dataDir: string;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

const DATABASE = 'guildhall';
const START_LOCK_MS = 120_000;
// Recovery after a crash replays at most max_wal_size, which takes seconds; a shutdown writes at most shared_buffers.
const READY_MS = 100_000;
const STOP_MS = 60_000;
// Between attempts to start while something of the old server still lingers: 16 s in all.
const ATTEMPT_DELAYS_MS = [250, 750, 2_000, 5_000, 8_000];
const GONE_MS = 1_000;
const ADOPT_ATTEMPTS_MAX = 3;
const WATCH_MS = 250;
const RESTART_DELAY_MAX_MS = 30_000;

/** Small in memory, with every commit on disk before it is acknowledged. */
const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  shared_buffers: '128MB',
  max_connections: '120',
  jit: 'off',
  // Without extra workers for reading: the data is mostly in memory, and each of them costs some.
  io_method: 'sync',
  max_wal_size: '1GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // A statement of a process that has died stops holding its locks.
  client_connection_check_interval: '2s',
};

/**
 * Makes sure that a server runs on `<dataDir>/postgres` and stays: adopts one that still serves, clears away what a killed one left,
 * makes the cluster on first use, and starts the server again when it dies.
 * @throws with what to do when PostgreSQL cannot run here.
 */
export async function createPostgres(options: PostgresOptions): Promise<Postgres> {
  const folder = openFolder(options.dataDir, findBinaries());
  const release = await lock(folder.startLock, 'exclusive', START_LOCK_MS);
  try {
    const isAlone = becomesOnlyUser(folder);
    const leave = await lock(folder.usersLock, 'shared', START_LOCK_MS);
    try {
      await ensureCluster(folder);
      const server = await ensureDatabase(folder, options.log, isAlone);
      return watch(folder, options.log, server, leave);
    } catch (error) {
      leave();
      throw error;
    }
  } finally {
    release();
  }
}

/** Nobody else uses the server at this moment. Only meaningful under the start lock, since joining needs that too. */
function becomesOnlyUser(folder: Folder): boolean {
  const release = tryLock(folder.usersLock, 'exclusive');
  release?.();
  return release !== undefined;
}

interface Server {
  readonly pid: number;
  urls(database: string): readonly string[];
}

/** Under the start lock: finds the server or starts it. */
async function ensureServer(folder: Folder, log: PostgresOptions['log'], isAlone: boolean): Promise<Server> {
  const access = readAccess(folder);
  const adopted = await adopt(folder);
  if (adopted) {
    log.info('adopted the PostgreSQL that already serves this folder', { pid: adopted.pid });
    return adopted;
  }
  if (!isAlone && access.namespace !== processNamespace()) {
    throw new Error(
      `${folder.root} is in use from another container. Stop that one first, or give both the same DATABASE_URL.`,
    );
  }
  const pid = await startFresh(folder, log);
  writeAccess(folder, { ...access, sockets: folder.sockets, namespace: processNamespace() });
  log.info('PostgreSQL started', { pid });
  return { pid, urls: (database) => urlsOn(folder, folder.sockets, database) };
}

/** The former password first: once it is refused, the next one is in force. The other way round both could be refused, each at its time. */
function urlsOn(folder: Folder, sockets: string, database: string): readonly string[] {
  const { password, nextPassword } = readAccess(folder);
  const all = nextPassword === undefined ? [password] : [password, nextPassword];
  return all.map((one) => urlOf(sockets, one, database));
}

async function adopt(folder: Folder): Promise<Server | undefined> {
  const found = readLock(folder.cluster);
  if (!found || identify(found.pid, folder.cluster) !== 'server') return undefined;
  if (found.stopping) {
    await untilGone(found.pid, folder.cluster, STOP_MS);
    return undefined;
  }
  // It may end while we wait for it; then it is started like any other.
  const ready = await untilLockReady(folder.cluster, () => identify(found.pid, folder.cluster) === 'server', READY_MS);
  return ready ? { pid: found.pid, urls: (database) => urlsOn(folder, found.sockets, database) } : undefined;
}

async function startFresh(folder: Folder, log: PostgresOptions['log']): Promise<number> {
  for (const delayMs of [...ATTEMPT_DELAYS_MS, undefined]) {
    ensureSocketFolder(folder);
    // Lock files are only taken away when nothing can be left of the server that wrote them; otherwise the new server judges.
    if (await endAllOn(folder.cluster)) removeLocks(folder);
    trimLog(folder);
    const child = await spawnServer(folder, SETTINGS);
    try {
      await untilReady(folder, child, READY_MS);
      return child.pid ?? 0;
    } catch (error) {
      child.kill('SIGQUIT');
      if (delayMs === undefined) throw error;
      log.warn('PostgreSQL did not start; trying again', { error, delayMs });
      await pause(delayMs);
    }
  }
  throw new Error('unreachable: the last attempt returns or throws');
}

/** Finds or starts a server that answers, and makes our database on it. */
async function ensureDatabase(folder: Folder, log: PostgresOptions['log'], isAlone: boolean): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = await ensureServer(folder, log, isAlone);
    try {
      await createDatabase(() => server.urls('postgres'));
      return server;
    } catch (error) {
      // A server that was killed in this very moment looked alive when it was adopted.
      const isGone = await untilGone(server.pid, folder.cluster, GONE_MS);
      if (!isGone || attempt === ADOPT_ATTEMPTS_MAX) throw error;
    }
  }
}

async function createDatabase(ownerUrl: () => readonly string[]): Promise<void> {
  await withOwner(ownerUrl, async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  });
}

/** Looks after the server until `stop`. */
function watch(folder: Folder, log: PostgresOptions['log'], first: Server, leave: Release): Postgres {
  let status: PostgresStatus = 'running';
  let pid = first.pid;
  let stopped: Promise<void> | undefined;
  const stopping = new AbortController();
  const restart = async () => {
    status = 'restarting';
    log.error('PostgreSQL has ended; starting it again', { pid });
    for (let delayMs = WATCH_MS; !stopping.signal.aborted; delayMs = Math.min(delayMs * 2, RESTART_DELAY_MAX_MS)) {
      try {
        const release = await lock(folder.startLock, 'exclusive', START_LOCK_MS);
        try {
          pid = (await ensureServer(folder, log, true)).pid;
        } finally {
          release();
        }
        status = 'running';
        return;
      } catch (error) {
        log.error('PostgreSQL could not be started again', { error, delayMs });
        await nap(delayMs, stopping.signal);
      }
    }
  };
  const look = async () => {
    while (!stopping.signal.aborted) {
      if (identify(pid, folder.cluster) === 'other') await restart();
      await nap(WATCH_MS, stopping.signal);
    }
  };
  const looking = look();
  const end = async () => {
    stopping.abort();
    await looking;
    await leaveServer(folder, log, leave);
    status = 'stopped';
  };
  return {
    ownerUrl: () => first.urls(DATABASE),
    rotatePassword: () => rotateSuperuser(folder, () => first.urls(DATABASE)),
    status: () => status,
    stop: () => {
      stopped ??= end();
      return stopped;
    },
  };
}

/** Under the start lock: gives up our use of the server and, as its last user, ends it. */
async function leaveServer(folder: Folder, log: PostgresOptions['log'], leave: Release): Promise<void> {
  const release = await lock(folder.startLock, 'exclusive', START_LOCK_MS);
  try {
    leave();
    if (!becomesOnlyUser(folder)) {
      log.info('PostgreSQL goes on: another process uses it');
      return;
    }
    const found = readLock(folder.cluster);
    if (!found || identify(found.pid, folder.cluster) !== 'server') return;
    // SIGINT is PostgreSQL's fast shutdown: sessions end, everything is written. SIGQUIT leaves the rest to recovery.
    send(found.pid, 'SIGINT');
    if (!(await untilGone(found.pid, folder.cluster, STOP_MS))) {
      send(found.pid, 'SIGQUIT');
      await untilGone(found.pid, folder.cluster, STOP_MS);
    }
    rmSync(folder.sockets, { recursive: true, force: true });
  } finally {
    release();
  }
}

/** A pause that ends early on `signal` and does not keep the process alive by itself. */
async function nap(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal, ref: false }).catch(() => {});
}
