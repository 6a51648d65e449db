/** `npm run audit`: known weaknesses of the packages in the lock. Where the registry gives no answer that is said, and is no failure. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { judge } from './judge.ts';

const { stdout } = spawnSync('npm', ['audit', '--json', '--package-lock-only', '--audit=true'], {
  cwd: fileURLToPath(new URL('../../', import.meta.url)),
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
const verdict = judge(stdout ?? '');
for (const line of verdict.lines) process.stdout.write(`${line}\n`);
// --strict is for a pipeline whose registry is known to answer.
process.exitCode = verdict.kind === 'weak' || (verdict.kind === 'unknown' && process.argv.includes('--strict')) ? 1 : 0;
