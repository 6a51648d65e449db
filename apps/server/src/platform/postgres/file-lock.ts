/**
 * Locks between processes that the operating system frees when their holder dies, however it dies. Node offers none, so
 * these are SQLite's locks on an empty file: `shared` and `exclusive`, on every platform, without a helper program.
 */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

export type LockMode = 'shared' | 'exclusive';

/** Call it to give the lock back; a second call does nothing. */
export type Release = () => void;

// SQLite's "database is locked".
const SQLITE_BUSY = 5;
const POLL_MS = 25;

const STATEMENTS = { shared: 'begin; select 1 from sqlite_master', exclusive: 'begin exclusive' } as const;

/** Takes the lock on `file` (made when missing), or returns undefined where another holder is in the way. */
export function tryLock(file: string, mode: LockMode): Release | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec(STATEMENTS[mode]);
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  let held = true;
  return () => {
    if (held) database.close();
    held = false;
  };
}

/** Waits for the lock. @throws when `timeoutMs` pass without it. */
export async function lock(file: string, mode: LockMode, timeoutMs: number): Promise<Release> {
  for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += POLL_MS) {
    const release = tryLock(file, mode);
    if (release) return release;
    await pause(POLL_MS);
  }
  throw new Error(`another process has held ${file} for ${timeoutMs / 1000} s`);
}
