/** The command line and environment of a sandboxed child. */
import { mkdir, realpath, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxWork } from '../types.ts';
import { type Layers, sandboxLayers } from './layers.ts';

const CHILD_MAIN = fileURLToPath(new URL('./child-main.ts', import.meta.url));
const MIB = 1024 * 1024;
/** Above the largest file the platform takes in (256 MiB), with room for what a database writes while sorting. */
const FILE_MAX_BYTES = 4096 * MIB;
const OPEN_FILES_MAX = 1024;
/** CPU seconds beyond wall time × cores: start-up and rounding. The wall clock is the real limit; this one holds if the parent dies. */
const CPU_SPARE_SECONDS = 5;
/** The heap's part of resident memory: the rest is for buffers and native libraries. */
const HEAP_SHARE = 0.75;

export interface ChildCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What the child finds in its environment: nothing of the parent's. */
const CHILD_ENV = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC' } as const;

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function ancestors(folder: string): readonly string[] {
  const up = dirname(folder);
  return up === folder ? [folder] : [folder, ...ancestors(up)];
}

/** The package a file belongs to, and every node_modules it may import from. */
async function codeFolders(file: string): Promise<readonly string[]> {
  const above = ancestors(dirname(file));
  const folders: string[] = [];
  for (const folder of above) {
    if (await isThere(join(folder, 'package.json'))) {
      folders.push(folder);
      break;
    }
  }
  if (folders.length === 0) folders.push(dirname(file));
  for (const folder of above) {
    const modules = join(folder, 'node_modules');
    if (await isThere(modules)) folders.push(modules);
  }
  return folders;
}

async function readableFolders(work: SandboxWork): Promise<readonly string[]> {
  const asked = [...(work.readPaths ?? []), work.writeDir];
  const real = await Promise.all(asked.map((path) => realpath(path)));
  const code = await Promise.all([fileURLToPath(work.entry), CHILD_MAIN].map(codeFolders));
  return [...new Set([...code.flat(), ...asked, ...real])];
}

function limitArgs(layers: Layers, work: SandboxWork): readonly string[] {
  if (layers.prlimit === undefined) return [];
  const cpuSeconds = Math.ceil((work.limits.wallMs / 1000) * availableParallelism()) + CPU_SPARE_SECONDS;
  return [layers.prlimit, '--core=0', `--cpu=${cpuSeconds}`, `--fsize=${FILE_MAX_BYTES}`, `--nofile=${OPEN_FILES_MAX}`];
}

/**
 * Where compiled code is kept between children, which halves their start; undefined where the installation cannot be written.
 * Children write there too. That gives away nothing: a child that could plant native code could plant it in its own process.
 */
async function compileCache(): Promise<string | undefined> {
  const modules = (await codeFolders(CHILD_MAIN)).findLast((folder) => folder.endsWith('node_modules'));
  if (modules === undefined) return undefined;
  const folder = join(modules, '.cache', 'guildhall-sandbox');
  return mkdir(folder, { recursive: true }).then(
    () => folder,
    () => undefined,
  );
}

async function nodeArgs(work: SandboxWork, cache: string | undefined): Promise<readonly string[]> {
  const heapMib = Math.max(32, Math.floor((work.limits.memoryMaxBytes / MIB) * HEAP_SHARE));
  const readable = await readableFolders(work);
  const writable = [
    ...new Set([work.writeDir, await realpath(work.writeDir), ...(cache === undefined ? [] : [cache])]),
  ];
  return [
    `--max-old-space-size=${heapMib}`,
    '--no-warnings',
    '--disallow-code-generation-from-strings',
    '--permission',
    '--allow-addons',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    ...writable.map((path) => `--allow-fs-write=${path}`),
    CHILD_MAIN,
  ];
}

/** Builds the command: leash to the parent, namespaces, then limits, then dropped rights, then Node under its permission model. */
export async function childCommand(work: SandboxWork): Promise<ChildCommand> {
  const [layers, cache] = await Promise.all([sandboxLayers(), compileCache()]);
  const line = [
    ...layers.leash,
    ...layers.namespaces,
    ...limitArgs(layers, work),
    ...layers.privileges,
    process.execPath,
    ...(await nodeArgs(work, cache)),
  ];
  const [program = process.execPath, ...args] = line;
  return {
    program,
    args,
    cwd: work.writeDir,
    env: cache === undefined ? CHILD_ENV : { ...CHILD_ENV, NODE_COMPILE_CACHE: cache },
  };
}
