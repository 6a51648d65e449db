/** `guildhall runs dead` and `redrive`: runs that were given up because every worker that took them died. Work on the database directly. */
import type { Command } from 'commander';
import { readReady } from '../../ready.ts';
import { type CliContext, type JsonOption, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { plain, table } from '../text.ts';

interface OrgOption extends JsonOption {
  readonly org?: string;
}

// Loaded when it is used: the platform takes half a second to load.
const books = () => import('../books.ts');

const LETTERS_MAX = 200;

export function addDeadLetters(runs: Command, context: CliContext): void {
  leaf(runs, 'dead', 'list runs that were given up (reads the database)', ['runs dead'])
    .option('--org <org>', 'the organisation; default: the one of ready.json')
    .action(async (options: OrgOption) => {
      const orgId = await organisationOf(context, options);
      const letters = await (await books()).withPlatform(context, ({ foundation, platform }) =>
        foundation.db.tenant(orgId, (tx) => platform.runs.deadLetters(tx, LETTERS_MAX)),
      );
      const rows = letters.map((one) => [
        one.run_id,
        one.reason,
        String(one.crashes),
        one.created_at.toISOString(),
        one.redriven_run_id ?? '',
      ]);
      show(context, options, { data: letters }, () =>
        table(['RUN', 'REASON', 'CRASHES', 'GIVEN UP', 'REDRIVEN AS'], rows, 'No run was given up.'),
      );
    });
  leaf(runs, 'redrive <run>', 'start a new run in place of one that was given up; billed like any other', [
    'runs redrive run_…',
  ])
    .option('--org <org>', 'the organisation; default: the one of ready.json')
    .action(async (runId: string, options: OrgOption) => {
      const orgId = await organisationOf(context, options);
      const run = await (await books()).withPlatform(context, ({ platform }) =>
        platform.runs.redrive(orgId, runId, context.ids.make('req')),
      );
      show(
        context,
        options,
        { id: run.id, status: run.status, replayOf: runId },
        () => `${run.id} is ${run.status}, in place of ${plain(runId)}.\n`,
      );
    });
}

async function organisationOf(context: CliContext, options: OrgOption): Promise<string> {
  const orgId = options.org ?? (await readReady((await context.settings()).dataDir))?.orgId;
  if (orgId === undefined) throw usageError('Which organisation? Use --org (guildhall orgs list shows them).');
  return orgId;
}
