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
  readonly name: 'files' | 'limits' | 'network' | 'processes' | 'privileges';
  readonly active: boolean;
  readonly note: string;
}

export interface Layers {
  readonly report: readonly SandboxLayer[];
  /** Commands put before the program, outermost first. */
  readonly leash: readonly string[];
  readonly namespaces: readonly string[];
  readonly privileges: readonly string[];
  readonly prlimit: string | undefined;
}

async function isAllowed(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of PROGRAM_FOLDERS) {
    const path = `${folder}/${name}`;
    if (await isAllowed(path, constants.X_OK)) return path;
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

const PROCESS_WALL = ['--pid', '--fork', '--kill-child'] as const;

/** Empty namespaces, by root's right or through a user namespace; a process wall only where its inside can be measured. */
async function findNamespaces(): Promise<readonly string[]> {
  const unshare = await findProgram('unshare');
  if (unshare === undefined) return [];
  const measurable = await isAllowed(`/proc/${process.pid}/task/${process.pid}/children`, constants.R_OK);
  const walls = [...(measurable ? [['--net', ...PROCESS_WALL]] : []), ['--net']];
  const rights = [[], ['--user', '--map-current-user']];
  return firstWorking(walls.flatMap((wall) => rights.map((right) => [unshare, ...right, ...wall, '--'])));
}

async function findPrivileges(setpriv: string | undefined): Promise<readonly string[]> {
  if (setpriv === undefined) return [];
  return firstWorking([
    [setpriv, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--'],
    [setpriv, '--no-new-privs', '--'],
  ]);
}

async function detect(): Promise<Layers> {
  const [setpriv, prlimit] = await Promise.all(['setpriv', 'prlimit'].map(findProgram));
  const namespaces = await findNamespaces();
  const privileges = await findPrivileges(setpriv);
  const leash = setpriv === undefined ? [] : await firstWorking([[setpriv, '--pdeathsig', 'KILL', '--']]);
  const limited = prlimit !== undefined && (await works([prlimit, '--core=0']));
  return { leash, namespaces, privileges, prlimit: limited ? prlimit : undefined, report: reportOf() };

  function reportOf(): readonly SandboxLayer[] {
    const namespaceAdvice = 'Run as root or allow user namespaces for this user (unshare of util-linux).';
    return [
      layer(
        'files',
        true,
        'JavaScript reads named folders, writes one, starts no process. Native libraries are not bound by this and must be confined by their own settings.',
        '',
      ),
      layer('limits', limited, 'CPU time, file size and open files are capped.', 'Install util-linux (prlimit).'),
      layer('network', namespaces.length > 0, 'Children have no network.', namespaceAdvice),
      layer('processes', namespaces.includes('--pid'), 'Children see and signal only themselves.', namespaceAdvice),
      layer('privileges', privileges.length > 0, 'Children can gain no rights.', 'Install util-linux (setpriv).'),
    ];
  }
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
