/** What was ever added to a repository. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type SecretFinding, scanText } from './scan.ts';

// Some hundred times what the history holds today; git ends beyond it, and the scan with it.
const HISTORY_MAX_BYTES = 1_000_000_000;

/** Every line that any commit added, also where a later one took it away. Nothing where there is no history. */
export function scanHistory(root: string): readonly SecretFinding[] {
  if (!existsSync(join(root, '.git'))) return [];
  const log = execFileSync(
    'git',
    // Whoever owns the files: they are only read.
    ['-c', 'safe.directory=*', 'log', '--patch', '--unified=0', '--no-color', '--no-textconv', '--no-ext-diff', 'HEAD'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: HISTORY_MAX_BYTES,
    },
  );
  const added = log
    .split('\n')
    .filter((line) => line.startsWith('+') && !line.startsWith('+++'))
    .map((line) => line.slice(1));
  return scanText('the history', added.join('\n')).map((finding) => ({ ...finding, line: 0 }));
}
