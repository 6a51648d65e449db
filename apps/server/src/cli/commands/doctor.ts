/** `guildhall doctor`: one line for each check, and what to do where it is not well. */
import type { Command } from 'commander';
import { type CliContext, type JsonOption, leaf, show } from '../context.ts';
import type { Check } from '../doctor/check.ts';
import { EXIT } from '../exit-codes.ts';
import { plain } from '../text.ts';

const MARK = { pass: '✓ pass', warn: '! warn', fail: '✗ fail' } as const;

export function addDoctor(program: Command, context: CliContext): void {
  leaf(program, 'doctor', 'check this installation (exit code 1 when a check fails; warnings do not count)', [
    'doctor',
  ]).action(async (options: JsonOption) => {
    // Loaded when it is used: the platform takes half a second to load.
    const { examine } = await import('../doctor/examine.ts');
    const checks = await examine(context);
    const failed = checks.filter((check) => check.level === 'fail').length;
    show(
      context,
      options,
      { healthy: failed === 0, checks },
      () => `${checks.map(line).join('\n')}\n${summary(checks)}\n`,
    );
    if (failed > 0) context.end(EXIT.failed);
  });
}

function line(check: Check): string {
  const advice = check.advice === undefined ? '' : `\n${' '.repeat(10)}→ ${check.advice}`;
  return `${MARK[check.level]}    ${check.name}: ${plain(check.detail)}${advice}`;
}

function summary(checks: readonly Check[]): string {
  const count = (level: Check['level']) => checks.filter((check) => check.level === level).length;
  return `${count('pass')} passed, ${count('warn')} to look at, ${count('fail')} failed.`;
}
