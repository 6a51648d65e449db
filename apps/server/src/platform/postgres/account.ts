/**
 * The account the server runs under. PostgreSQL refuses to run as root, so root hands it to `nobody`; below a folder that
 * `nobody` may not enter (such as /root) it runs in a user namespace instead, where root's own files seem to be nobody's.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

export type Account =
  | { readonly kind: 'self' }
  | { readonly kind: 'other'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'namespace' };

// The id every system keeps for "no rights at all"; an id without a name is refused by PostgreSQL.
const NOBODY = 65_534;

/** A program with its arguments, and the ids to spawn it with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

/** What the choice depends on; read from the machine unless a test says otherwise. */
export interface Situation {
  readonly uid: number;
  readonly hasNamespaces: () => boolean;
}

/**
 * Chooses the account for a server whose programs and data lie at `paths` (whose folders must exist). A cluster that is there
 * already stays with its owner.
 * @throws with what to do instead where none works.
 */
export function chooseAccount(paths: readonly string[], cluster: string, situation = currentSituation()): Account {
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (situation.uid !== 0) {
    if (owner === undefined || owner.uid === situation.uid) return { kind: 'self' };
    throw new Error(
      `${cluster} belongs to user ${owner.uid}, and this is user ${situation.uid}. Start as that user or as root, or set GUILDHALL_DATA_DIR.`,
    );
  }
  const other = owner === undefined ? { uid: NOBODY, gid: NOBODY } : { uid: owner.uid, gid: owner.gid };
  const closed = other.uid === 0 ? cluster : paths.find((each) => !isOpenTo(other, each));
  if (closed === undefined) return { kind: 'other', ...other };
  if ((owner === undefined || owner.uid === 0) && situation.hasNamespaces()) return { kind: 'namespace' };
  throw new Error(
    `PostgreSQL does not run as root, and user ${other.uid || NOBODY}, whom it would run as, cannot use ${closed}. Set GUILDHALL_DATA_DIR to a folder that everyone may enter, start as another user, or set DATABASE_URL.`,
  );
}

const currentSituation = (): Situation => ({ uid: process.getuid?.() ?? NOBODY, hasNamespaces });

/** Every folder on the way to `target` may be entered. `target` itself is handed over where needed, so it does not count. */
function isOpenTo(who: { readonly uid: number; readonly gid: number }, target: string): boolean {
  let folder = realpathSync(path.dirname(target));
  while (true) {
    const { mode, uid, gid } = statSync(folder);
    const bit = uid === who.uid ? 0o100 : gid === who.gid ? 0o010 : 0o001;
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
    case 'other':
      return { command: program, args, ids: { uid: account.uid, gid: account.gid } };
    case 'namespace': {
      const [command = 'unshare', ...before] = NAMESPACE;
      return { command, args: [...before, program, ...args], ids: {} };
    }
  }
}

/** Gives `target` to the account, where that is not who made it. */
export function handOver(account: Account, target: string): void {
  if (account.kind === 'other') chownSync(target, account.uid, account.gid);
}
