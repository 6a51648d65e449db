/** `guildhall ledger verify`: recomputes the books and names each difference. */
import type { Command } from 'commander';
import { type CliContext, group, type JsonOption, leaf, show } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { plain } from '../text.ts';

export function addLedger(program: Command, context: CliContext): void {
  const ledger = group(program, 'ledger', 'the books', 'ledger verify');
  leaf(
    ledger,
    'verify',
    'compare books, usage, runs and audit trail, and name each difference (reads the database; safe beside live traffic; exit code 1 when there is any)',
    ['ledger verify', 'ledger verify --json'],
  ).action(async (options: JsonOption) => {
    // Loaded when it is used: the platform takes half a second to load.
    const { verifyBooks, withPlatform } = await import('../books.ts');
    const findings = await withPlatform(context, verifyBooks);
    show(context, options, { balanced: findings.length === 0, differences: findings }, () => {
      if (findings.length === 0) return 'The books balance: ledger, usage, runs and audit trail agree.\n';
      const lines = findings.map(
        (one) =>
          `${one.code}  ${one.orgId}  ${plain(one.object)}: expected ${plain(one.expected)}, found ${plain(one.found)}`,
      );
      return `${lines.join('\n')}\n${findings.length} difference${findings.length === 1 ? '' : 's'}.\n`;
    });
    if (findings.length > 0) context.end(EXIT.failed);
  });
}
