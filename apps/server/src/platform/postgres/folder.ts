/** The server's part of the data folder: `<dataDir>/postgres/{cluster,access.json,server.log,*.lock}`, and its socket folder. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chooseAccount, handOver } from './account.ts';
import type { Binaries } from './binaries.ts';
import { initCluster, type Place } from './server.ts';

export interface Folder extends Place {
  readonly root: string;
  /** Held while a server is started or stopped. */
  readonly startLock: string;
  /** Held, shared, by every process that uses the server. */
  readonly usersLock: string;
}

/** How to reach the server; kept in access.json, readable by its owner alone. */
export interface Access {
  readonly password: string;
  /** What the password is being changed to: from the moment before the server learns it, to the moment after. */
  readonly nextPassword?: string;
  readonly sockets: string;
  /** The process namespace (container) the server was last started in. */
  readonly namespace: string;
}

// "107 bytes" less "/.s.PGSQL.5432" and its ".lock".
const SOCKET_FOLDER_CHARS_MAX = 85;
const MAKING = 'making-';
const LOG_BYTES_MAX = 10_000_000;
const PASSWORD_BYTES = 24;

export const newPassword = (): string => randomBytes(PASSWORD_BYTES).toString('base64url');

/** Makes the folders that are missing and finds out how the server may run there. */
export function openFolder(dataDir: string, binaries: Binaries): Folder {
  const wanted = path.join(dataDir, 'postgres');
  // Others may pass through, not look: the server's account must reach its cluster, which is private.
  mkdirSync(wanted, { recursive: true, mode: 0o711 });
  const root = realpathSync(wanted);
  const cluster = path.join(root, 'cluster');
  const account = chooseAccount([binaries.postgres, binaries.initdb, cluster], cluster);
  return {
    root,
    cluster,
    binaries,
    account,
    sockets: socketFolderOf(root),
    logFile: path.join(root, 'server.log'),
    startLock: path.join(root, 'start.lock'),
    usersLock: path.join(root, 'users.lock'),
  };
}

/** One short path per data folder, since the name of a unix socket has at most 107 bytes. */
function socketFolderOf(root: string): string {
  const name = `guildhall-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`;
  const short = path.join(tmpdir(), name);
  return short.length <= SOCKET_FOLDER_CHARS_MAX ? short : path.join('/tmp', name);
}

/** Makes the cluster when there is none. Made aside and renamed, so that a cluster which exists is complete. */
export async function ensureCluster(folder: Folder): Promise<Access> {
  if (existsSync(folder.cluster)) return readAccess(folder);
  const access = {
    password: newPassword(),
    sockets: folder.sockets,
    namespace: processNamespace(),
  };
  writeAccess(folder, access);
  for (const name of readdirSync(folder.root)) {
    if (name.startsWith(MAKING)) rmSync(path.join(folder.root, name), { recursive: true, force: true, maxRetries: 10 });
  }
  // A new name each time: an initdb whose Guildhall was killed may still be at work under the last one.
  const making = mkdtempSync(path.join(folder.root, MAKING));
  handOver(folder.account, making);
  await initCluster({ ...folder, cluster: path.join(making, 'cluster') }, access.password);
  renameSync(path.join(making, 'cluster'), folder.cluster);
  rmSync(making, { recursive: true });
  return access;
}

/** @throws when the folder holds a cluster but not the password that goes with it. */
export function readAccess(folder: Folder): Access {
  try {
    // Written by writeAccess alone, as this very type.
    return JSON.parse(readFileSync(accessFile(folder), 'utf8')) as Access;
  } catch (cause) {
    throw new Error(
      `${accessFile(folder)} holds the password of the database beside it and cannot be read. Restore it from a backup.`,
      { cause },
    );
  }
}

export function writeAccess(folder: Folder, access: Access): void {
  const aside = `${accessFile(folder)}.new`;
  rmSync(aside, { force: true });
  writeFileSync(aside, `${JSON.stringify(access)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(aside, accessFile(folder));
  const directory = openSync(folder.root, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

const accessFile = (folder: Folder): string => path.join(folder.root, 'access.json');

/** Makes the socket folder. @throws when somebody else has put something there, as anyone can in the temporary folder. */
export function ensureSocketFolder(folder: Folder): void {
  mkdirSync(folder.sockets, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder.sockets);
  const { uid } = lstatSync(folder.cluster);
  const mine = process.getuid?.() ?? uid;
  if (!found.isDirectory() || (found.uid !== uid && found.uid !== mine) || (found.mode & 0o077) !== 0) {
    throw new Error(
      `${folder.sockets} is in the way: it should be a private folder of user ${uid}. Remove it and start again.`,
    );
  }
  handOver(folder.account, folder.sockets);
}

/** Keeps the server's log small: one old generation. Called while no server runs. */
export function trimLog(folder: Folder): void {
  const size = statSync(folder.logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(folder.logFile, `${folder.logFile}.old`);
}

/** Names the process namespace: within one, process ids mean the same to all. */
export function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'none';
  }
}
