/** One PostgreSQL server on one cluster folder: make the folder, spawn, wait until ready, end. No locking, no supervision. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Account, handOver, launchAs } from './account.ts';
import type { Binaries } from './binaries.ts';

export const SUPERUSER = 'guildhall';

export interface Place {
  readonly binaries: Binaries;
  readonly account: Account;
  /** PGDATA. */
  readonly cluster: string;
  /** Folder of the unix socket; its path must leave room for the socket's name within 107 bytes. */
  readonly sockets: string;
  readonly logFile: string;
}

// The server needs nothing of our environment, and our secrets are none of its business.
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
const POLL_MS = 10;

/** Makes a new cluster whose only role is the superuser with `password`. The folder's parent must belong to the account. */
export async function initCluster(place: Place, password: string, sync = true): Promise<void> {
  const passwordFile = `${place.cluster}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  handOver(place.account, passwordFile);
  try {
    // C.UTF-8 from PostgreSQL itself: sorts alike on every machine, whatever its C library.
    const args = ['-D', place.cluster, '-U', SUPERUSER, '-E', 'UTF8', '--locale-provider=builtin', '--locale=C.UTF-8'];
    const more = [
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-instructions',
      ...(sync ? [] : ['--no-sync']),
    ];
    const launch = launchAs(place.account, place.binaries.initdb, [...args, ...more]);
    const child = spawn(launch.command, launch.args, {
      ...launch.ids,
      env: ENVIRONMENT,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${complaint.trim()}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Spawns the server, apart from our process group, so that Ctrl-C reaches us alone and our death does not take it along. */
export async function spawnServer(place: Place, settings: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const all = {
    ...settings,
    listen_addresses: '',
    unix_socket_directories: place.sockets,
    unix_socket_permissions: '0700',
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const launch = launchAs(place.account, place.binaries.postgres, ['-D', place.cluster, ...flags]);
  const log = openSync(place.logFile, 'a', 0o600);
  try {
    const child = spawn(launch.command, launch.args, {
      ...launch.ids,
      env: ENVIRONMENT,
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
    });
    await once(child, 'spawn');
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Waits until the spawned server takes connections. @throws with the end of its log when it ends or is not ready in time. */
export async function untilReady(place: Place, child: ChildProcess, timeoutMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const lock = readLock(place.cluster);
    if (lock?.pid === child.pid && lock?.ready) return;
    await pause(POLL_MS);
  }
  throw new Error(`PostgreSQL did not start on ${place.cluster}: ${logTail(place)}`);
}

/** What postmaster.pid says. */
export interface Lock {
  readonly pid: number;
  readonly ready: boolean;
  readonly stopping: boolean;
  readonly sockets: string;
}

/** Reads postmaster.pid: line 1 is the server's pid, 5 its socket folder, 8 its state. */
export function readLock(cluster: string): Lock | undefined {
  let lines: string[];
  try {
    lines = readFileSync(lockFile(cluster), 'utf8').split('\n');
  } catch {
    // No such file: no server runs, or the last one stopped in good order.
    return undefined;
  }
  const pid = Number(lines[0]);
  const state = lines[7]?.trim();
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return { pid, ready: state === 'ready', stopping: state === 'stopping', sockets: lines[4]?.trim() ?? '' };
}

/** Takes a stale postmaster.pid and its like beside the socket away. Only where nothing can be left of the server that wrote them. */
export function removeLocks(place: Place): void {
  rmSync(lockFile(place.cluster), { force: true });
  for (const name of readdirSync(place.sockets)) rmSync(path.join(place.sockets, name), { force: true });
}

const lockFile = (cluster: string): string => path.join(cluster, 'postmaster.pid');

/** Waits until the lock file says ready; false when `isAlive` says no first, or after `timeoutMs`. */
export async function untilLockReady(cluster: string, isAlive: () => boolean, timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < timeoutMs && isAlive(); waitedMs += POLL_MS) {
    if (readLock(cluster)?.ready) return true;
    await pause(POLL_MS);
  }
  return false;
}

const LOG_TAIL_CHARS = 600;

/** The last words of the server, for messages. */
export function logTail(place: Place): string {
  try {
    return readFileSync(place.logFile, 'utf8').slice(-LOG_TAIL_CHARS).trim();
  } catch {
    return 'it left no log';
  }
}

/** Connection string of the superuser, by unix socket. */
export function urlOf(sockets: string, password: string, database: string): string {
  return `postgres://${SUPERUSER}:${encodeURIComponent(password)}@localhost/${database}?host=${encodeURIComponent(sockets)}`;
}
