/** Which PostgreSQL processes live on a cluster folder, as far as this machine lets us see. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** `unknown`: a PostgreSQL process, but we may not see on which folder. */
export type Identity = 'server' | 'other' | 'unknown';

const LINUX = process.platform === 'linux';

/** Whether process `pid` is a live server on `cluster` (a real path), and not a later process with the same number. */
export function identify(pid: number, cluster: string): Identity {
  if (!LINUX) return identifyByPs(pid, cluster);
  // A dead process that nobody has waited for still answers to signals, so only its state tells.
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined || /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return 'other';
  if (read(`/proc/${pid}/comm`)?.trim() !== 'postgres') return 'other';
  if (read(`/proc/${pid}/cmdline`)?.split('\0').includes(cluster)) return 'server';
  const folder = workFolder(pid);
  // A cluster is private to its owner, so a process of somebody else cannot be on it.
  if (folder === undefined) return ownerOf(`/proc/${pid}`) === ownerOf(cluster) ? 'unknown' : 'other';
  return folder === cluster ? 'server' : 'other';
}

function identifyByPs(pid: number, cluster: string): Identity {
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  if (stdout.includes(cluster)) return 'server';
  return stdout.includes('postgres:') ? 'unknown' : 'other';
}

/** Every live PostgreSQL process on `cluster`; `blind` when some PostgreSQL process did not let us see its folder. */
export function listOn(cluster: string): { readonly pids: readonly number[]; readonly blind: boolean } {
  if (!LINUX) return { pids: [], blind: true };
  const pids: number[] = [];
  let blind = false;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const identity = identify(Number(name), cluster);
    if (identity === 'server') pids.push(Number(name));
    if (identity === 'unknown') blind = true;
  }
  return { pids, blind };
}

const GRACE_MS = 1_000;
const POLL_MS = 20;

/**
 * Ends what a killed server left behind: its children still hold shared memory and may still write, so no new server may
 * start beside them. Returns whether the folder is surely free.
 */
export async function endAllOn(cluster: string): Promise<boolean> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    for (const pid of listOn(cluster).pids) send(pid, signal);
    for (let waitedMs = 0; waitedMs < GRACE_MS; waitedMs += POLL_MS) {
      const { pids, blind } = listOn(cluster);
      if (pids.length === 0) return !blind;
      await pause(POLL_MS);
    }
  }
  return false;
}

/** Sends a signal; false when there is no such process any more. @throws when it belongs to somebody else. */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Resolves once `pid` serves `cluster` no more; false when it still does after `timeoutMs`. */
export async function untilGone(pid: number, cluster: string, timeoutMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (identify(pid, cluster) === 'other') return true;
    await pause(POLL_MS);
  }
  return false;
}

function ownerOf(target: string): number | undefined {
  return statSync(target, { throwIfNoEntry: false })?.uid;
}

function workFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // Gone meanwhile, or of another account where we may not look.
    return undefined;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Processes come and go while we read about them.
    return undefined;
  }
}
