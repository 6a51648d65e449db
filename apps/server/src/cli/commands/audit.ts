/** `guildhall audit verify`: walks every chain of the audit trail, compares it with the sealed heads, and names what is wrong. */
import type { Command } from 'commander';
import { auditHeadsIn, verifySeals } from '../../modules/audit/index.ts';
import { type CliContext, group, type JsonOption, leaf, show } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

// Of one chain: who sees a hundred knows enough.
const EACH_MAX = 100;

export function addAudit(program: Command, context: CliContext): void {
  const audit = group(program, 'audit', 'the audit trail', 'audit verify');
  leaf(
    audit,
    'verify',
    'walk every chain, compare it with the heads sealed in the data folder, and name edited, deleted, reordered, truncated and rewritten rows (reads the database; safe beside live traffic; exit code 1 when there is any)',
    ['audit verify', 'audit verify --json'],
  ).action(async (options: JsonOption) => {
    // Loaded when it is used: the platform takes half a second to load.
    const { withPlatform } = await import('../books.ts');
    const { faults, seals } = await withPlatform(context, async ({ foundation, platform }) => {
      const { db, clock, keyring, settings } = foundation;
      const seals = await verifySeals({ db, clock, keyring, directory: auditHeadsIn(settings) });
      const walked = await platform.audit.listFaults(db, EACH_MAX);
      const named = new Set(walked.map(({ orgId }) => orgId));
      return { faults: [...walked, ...seals.brokenChains.filter(({ orgId }) => !named.has(orgId))], seals };
    });
    const { days, brokenSeals } = seals;
    const isWhole = faults.length === 0 && brokenSeals.length === 0;
    show(context, options, { whole: isWhole, faults, sealedDays: days, brokenSeals }, () => {
      const lines = [
        ...faults.map(
          ({ orgId, seq, eventId, fault }) => `${fault}  ${orgId}  row ${seq}${eventId ? `  ${eventId}` : ''}`,
        ),
        ...brokenSeals.map(({ file }) => `forged  ${file}`),
        isWhole
          ? `The audit trail is whole: every chain, and ${days} sealed day${days === 1 ? '' : 's'}.`
          : `${faults.length + brokenSeals.length} faults. Restore a backup beside it and compare from these rows on.`,
      ];
      return `${lines.join('\n')}\n`;
    });
    if (!isWhole) context.end(EXIT.failed);
  });
}
