/** PostgreSQL servers of tests alone: in a folder of their own below the temporary folder, gone when the test run is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chooseAccount, handOver } from '../../src/platform/postgres/account.ts';
import { findBinaries } from '../../src/platform/postgres/binaries.ts';
import { endAllOn, listOn, send } from '../../src/platform/postgres/processes.ts';
import {
  initCluster,
  type Place,
  removeLocks,
  spawnServer,
  untilReady,
  urlOf,
} from '../../src/platform/postgres/server.ts';

export interface TestCluster {
  /** Connection string of the superuser; another database by name. */
  url(database?: string): string;
  /** kill -9 of the main server process alone: its children linger, as after an out-of-memory kill. */
  killPostmaster(): Promise<void>;
  /** Immediate shutdown (no checkpoint, as a power cut without lost disk writes) and start, `downMs` apart. */
  restartImmediate(downMs?: number): Promise<void>;
  /** Starts the server again after `killPostmaster`, ending what lingers first. */
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  close(): Promise<void>;
}

export interface TestClusterOptions {
  /** false: acknowledged commits are lost when the machine (not just the server) dies, and tests run several times faster. */
  readonly fsync: boolean;
}

const PREFIX = 'guildhall-test-';
const START_MS = 30_000;

// 300 connections: every parallel test file may hold a pool for each of several simulated processes.
const SETTINGS = {
  max_connections: '300',
  shared_buffers: '128MB',
  jit: 'off',
  io_method: 'sync',
  log_min_messages: 'fatal',
  max_wal_size: '512MB',
};

// A clone makes some 300 files: 15 to 35 ms in memory, 340 ms on the disk where this was measured.
const MEMORY_FOLDER = '/dev/shm';
const MEMORY_BYTES_MIN = 4 * 1024 ** 3;

/** Starts an empty server of its own. Its folder is removed at `close`, or as soon as this process has died. */
export async function startCluster(options: TestClusterOptions): Promise<TestCluster> {
  removeOrphans();
  const folder = scratchFolder(options.fsync ? tmpdir() : fastFolder());
  const binaries = findBinaries();
  const account = chooseAccount([binaries.postgres, folder], path.join(folder, 'cluster'));
  const place: Place = {
    binaries,
    account,
    cluster: path.join(folder, 'cluster'),
    sockets: path.join(folder, 'sockets'),
    logFile: path.join(folder, 'server.log'),
  };
  mkdirSync(place.sockets, { mode: 0o700 });
  for (const each of [folder, place.sockets]) handOver(account, each);
  const password = randomBytes(24).toString('base64url');
  const watchdog = watchOver(folder, place.cluster);
  await initCluster(place, password, options.fsync);
  const server = createServer(place, options);
  await server.start();
  return {
    url: (database = 'postgres') => urlOf(place.sockets, password, database),
    ...server,
    close: async () => {
      await server.end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
      watchdog.stdin?.end();
    },
  };
}

function createServer(place: Place, options: TestClusterOptions) {
  const settings = options.fsync
    ? SETTINGS
    : { ...SETTINGS, fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };
  let child: ChildProcess | undefined;
  const start = async () => {
    if (await endAllOn(place.cluster)) removeLocks(place);
    child = await spawnServer(place, settings);
    await untilReady(place, child, START_MS);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await ended;
  };
  return {
    start,
    end,
    killPostmaster: () => end('SIGKILL'),
    restartImmediate: async (downMs = 0) => {
      await end('SIGQUIT');
      if (downMs > 0) await new Promise((resume) => setTimeout(resume, downMs));
      await start();
    },
  };
}

/** A shell that sleeps on a pipe from us; when we are gone, however that came, it ends the server and removes the folder. */
function watchOver(folder: string, cluster: string): ChildProcess {
  const script =
    'read -r _; pid=$(head -n 1 "$2/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"; sleep 1; rm -rf "$1"';
  const child = spawn('sh', ['-c', script, 'watchdog', folder, cluster], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  child.unref();
  return child;
}

/** A new folder that a later test run removes, with the servers on it, when this process dies before it does so itself. */
export function scratchFolder(parent = fastFolder()): string {
  return mkdtempSync(path.join(parent, `${PREFIX}${process.pid}-`));
}

/** Where throw-away servers are fast: in memory, where there is plenty; containers often have 64 MB of it. */
function fastFolder(): string {
  if (!existsSync(MEMORY_FOLDER)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
  return bavail * bsize >= MEMORY_BYTES_MIN ? MEMORY_FOLDER : tmpdir();
}

/** Folders whose test run has died together with its watchdog. */
function removeOrphans(): void {
  for (const parent of new Set([tmpdir(), fastFolder()])) {
    for (const name of readdirSync(parent)) {
      const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : Number.NaN;
      if (!Number.isNaN(pid) && !isAlive(pid)) removeOrphan(path.join(parent, name));
    }
  }
}

function removeOrphan(folder: string): void {
  for (const cluster of ['cluster', 'postgres/cluster', 'data/postgres/cluster']) {
    for (const pid of listOn(path.join(folder, cluster)).pids) send(pid, 'SIGQUIT');
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Alive, and not merely waiting to be forgotten by its parent. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // Not Linux, or gone this moment: the next run will see.
    return true;
  }
}
