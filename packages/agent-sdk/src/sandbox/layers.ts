/** Which walls this machine can put around a child, found once per process by trying them. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Looked through instead of PATH, so that no environment can choose the program. */
const PROGRAM_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'] as const;
const TRIAL_TIMEOUT_MS = 5_000;

/** One wall: whether it stands, and what a person may do where it does not. */
export interface SandboxLayer {
  readonly name: 'limits' | 'network' | 'privileges' | 'files';
  readonly active: boolean;
  readonly note: string;
}

export interface Layers {
  readonly report: readonly SandboxLayer[];
  /** Command lines put before the program, outermost first; each replaces itself by the next, so the pid stays. */
  readonly network: readonly string[];
  readonly privileges: readonly string[];
  readonly prlimit: string | undefined;
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of PROGRAM_FOLDERS) {
    const path = `${folder}/${name}`;
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

async function works(command: readonly string[]): Promise<boolean> {
  const [program, ...args] = command;
  const proof = await findProgram('true');
  if (program === undefined || proof === undefined) return false;
  return run(program, [...args, proof], { timeout: TRIAL_TIMEOUT_MS, env: {} }).then(
    () => true,
    () => false,
  );
}

async function firstWorking(commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  for (const command of commands) if (await works(command)) return command;
  return [];
}

async function detect(): Promise<Layers> {
  const [unshare, setpriv, prlimit] = await Promise.all(['unshare', 'setpriv', 'prlimit'].map(findProgram));
  const network = unshare
    ? await firstWorking([
        [unshare, '--net', '--'],
        [unshare, '--user', '--map-current-user', '--net', '--'],
      ])
    : [];
  const privileges = setpriv
    ? await firstWorking([
        [setpriv, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--pdeathsig', 'KILL'],
        [setpriv, '--no-new-privs', '--pdeathsig', 'KILL'],
        [setpriv, '--no-new-privs'],
      ])
    : [];
  const limited = prlimit !== undefined && (await works([prlimit, '--core=0']));
  return {
    network,
    privileges,
    prlimit: limited ? prlimit : undefined,
    report: [
      {
        name: 'files',
        active: true,
        note: 'Node permission model: only named folders can be read, one can be written, no child processes.',
      },
      layer('limits', limited, 'CPU time, file size and open files are capped.', 'Install util-linux (prlimit).'),
      layer(
        'network',
        network.length > 0,
        'Children have no network.',
        'Allow user namespaces for this user, or run as root (unshare).',
      ),
      layer(
        'privileges',
        privileges.length > 0,
        'Children can gain no rights and die with their parent.',
        'Install util-linux (setpriv).',
      ),
    ],
  };
}

function layer(name: SandboxLayer['name'], active: boolean, yes: string, no: string): SandboxLayer {
  return { name, active, note: active ? yes : no };
}

// What the machine allows does not change while a process lives, and trying costs tens of milliseconds.
let known: Promise<Layers> | undefined;

/** What this machine allows; tried at the first call, remembered after. */
export function sandboxLayers(): Promise<Layers> {
  known ??= detect();
  return known;
}

/** Which walls stand around sandboxed work on this machine, for `doctor`. */
export async function sandboxReport(): Promise<readonly SandboxLayer[]> {
  return (await sandboxLayers()).report;
}
