/** What a figure depends on: the machine, the disk and the versions, printed above every result. */
import { readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

const GIB = 2 ** 30;
// From statfs(2), for those on which people keep databases.
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs (no real disk: commits are not durable there)',
  2035054128: 'overlay',
};

/** The version of an installed package. */
export function versionOf(name: string): string {
  const file = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
  // The packages are installed from the registry, which requires a version.
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Lines that describe the machine and the disk of `folder`. */
export function describeMachine(folder: string): readonly string[] {
  const cpus = os.cpus();
  const type = statfsSync(folder).type;
  const load = os.loadavg().map((value) => value.toFixed(2));
  return [
    `machine     ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, ${(os.totalmem() / GIB).toFixed(1)} GiB, ${os.type()} ${os.release()}, ${FILE_SYSTEMS[type] ?? `file system ${type.toString(16)}`}`,
    `beforehand  load ${load.join(' ')} (above 0.5 something else was running: the figures are then too low)`,
    `shared      load generator, platform and PostgreSQL on the same cores`,
  ];
}
