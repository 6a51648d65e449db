/** Checks of the machine: Node, the data folder, free disk, the country database, the walls around child processes. */
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { sandboxReport } from '@guildhall/agent-sdk/sandbox';
import { describePlaces } from '../../platform/places/index.ts';
import { formatBytes } from '../text.ts';
import type { Check } from './check.ts';

const NODE_MAJOR = 24;
const GIB = 1024 ** 3;
// Below the first PostgreSQL soon cannot write; the second is a few days of a busy installation.
const DISK_FAIL_BYTES = GIB / 2;
const DISK_WARN_BYTES = 5 * GIB;
const OTHERS = 0o077;

export function checkNode(version: string): Check {
  const isRight = Number(version.split('.')[0]) === NODE_MAJOR;
  if (isRight) return { name: 'node', level: 'pass', detail: version };
  return {
    name: 'node',
    level: 'fail',
    detail: `${version} instead of ${NODE_MAJOR}`,
    advice: 'Start through npm (npm start), which brings its own Node.',
  };
}

/** Keys and the database live there, so nobody else may read it. */
export async function checkDataFolder(dataDir: string): Promise<Check> {
  const name = 'data folder';
  const found = await stat(dataDir).catch(() => undefined);
  if (!found)
    return { name, level: 'warn', detail: `${dataDir} does not exist yet`, advice: 'The first start makes it.' };
  const isWritable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable)
    return {
      name,
      level: 'fail',
      detail: `${dataDir} cannot be written by this user`,
      advice: `Run as its owner, or: chown -R $(id -un) ${dataDir}`,
    };
  for (const secret of ['ready.json', 'master.key']) {
    const file = path.join(dataDir, secret);
    const kept = await stat(file).catch(() => undefined);
    if (kept && (kept.mode & OTHERS) !== 0)
      return { name, level: 'fail', detail: `${file} can be read by others`, advice: `Run: chmod 600 ${file}` };
  }
  return { name, level: 'pass', detail: `${dataDir} is writable, its keys are private` };
}

export async function checkDisk(dataDir: string): Promise<Check> {
  const name = 'disk';
  const found = await statfs(dataDir).catch(() => statfs(path.dirname(dataDir)).catch(() => undefined));
  if (!found) return { name, level: 'warn', detail: 'free space is unknown', advice: `Make ${dataDir} first.` };
  const freeBytes = found.bavail * found.bsize;
  const detail = `${formatBytes(freeBytes)} free`;
  const advice =
    'Make room, or move GUILDHALL_DATA_DIR to a larger disk. Shorter RETENTION_RUNS_DAYS and RETENTION_FILES_DAYS keep less.';
  if (freeBytes < DISK_FAIL_BYTES) return { name, level: 'fail', detail, advice };
  return freeBytes < DISK_WARN_BYTES ? { name, level: 'warn', detail, advice } : { name, level: 'pass', detail };
}

/** Without it all works; only a sign-in from a new country is not told. */
export async function checkCountries(file: string | undefined): Promise<Check> {
  const name = 'countries';
  if (file === undefined)
    return { name, level: 'pass', detail: 'COUNTRY_DATABASE is not set: sign-ins from new countries are not told' };
  try {
    return { name, level: 'pass', detail: await describePlaces(file) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const advice = `COUNTRY_DATABASE is ${file}: put a file there as docs/access/two-factor.md says. A server reads it within seconds.`;
    return { name, level: 'fail', detail, advice };
  }
}

/** A missing wall is a warning: work still runs in a child with the others around it. */
export async function checkSandbox(): Promise<readonly Check[]> {
  const layers = await sandboxReport();
  return layers.map((layer) => {
    const name = `sandbox ${layer.name}`;
    if (layer.active) return { name, level: 'pass', detail: layer.note };
    return { name, level: 'warn', detail: 'this wall does not stand here', advice: layer.note };
  });
}
