/**
 * The account the server runs under. PostgreSQL refuses to run as root, so root hands it to `nobody`; below a folder that
 * `nobody` may not enter (such as /root) it runs in a user namespace instead, where root's own files seem to be nobody's.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

export type Account = { readonly kind: 'self' } | { readonly kind: 'nobody' } | { readonly kind: 'namespace' };

// The id every system keeps for "no rights at all"; an id without a name is refused by PostgreSQL.
const NOBODY = 65_534;

/** A program with its arguments, and the ids to spawn it with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/**
 * Chooses the account for a server whose programs and data lie at `paths` (which must exist).
 * @throws with what to do instead where none works.
 */
export function chooseAccount(paths: readonly string[]): Account {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  const closed = paths.find((each) => !isOpenToNobody(each));
  if (closed === undefined) return { kind: 'nobody' };
  if (hasNamespaces()) return { kind: 'namespace' };
  throw new Error(
    `PostgreSQL does not run as root, and its other account may not enter ${closed}. Set GUILDHALL_DATA_DIR to a folder outside of it, start as another user, or set DATABASE_URL.`,
  );
}

/** Every folder on the way to `target` may be entered by `nobody`. `target` itself is handed over, so it does not count. */
function isOpenToNobody(target: string): boolean {
  let folder = path.dirname(realpathSync(target));
  while (true) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === NOBODY ? 0o100 : gid === NOBODY ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    const parent = path.dirname(folder);
    if (parent === folder) return true;
    folder = parent;
  }
}

function hasNamespaces(): boolean {
  const [command, ...args] = [...NAMESPACE, 'true'];
  return command !== undefined && spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const NAMESPACE = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];

/** How to spawn `program` under `account`. The process keeps the id that spawn returns: `unshare` becomes the program. */
export function launchAs(account: Account, program: string, args: readonly string[]): Launch {
  switch (account.kind) {
    case 'self':
      return { command: program, args, ids: {} };
    case 'nobody':
      return { command: program, args, ids: { uid: NOBODY, gid: NOBODY } };
    case 'namespace': {
      const [command = 'unshare', ...before] = NAMESPACE;
      return { command, args: [...before, program, ...args], ids: {} };
    }
  }
}

/** Gives `target` to the account, where that is not who made it. */
export function handOver(account: Account, target: string): void {
  if (account.kind === 'nobody') chownSync(target, NOBODY, NOBODY);
}
