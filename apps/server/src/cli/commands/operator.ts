/** `guildhall orgs` and `guildhall credits`: what only the operator may do. */
import { money, newOrganisation } from '@guildhall/contract';
import type { Command } from 'commander';
import { z } from 'zod';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, type JsonOption, leaf, show } from '../context.ts';
import { formatMoney, parseDollars } from '../money.ts';
import { plain, table } from '../text.ts';

// Loaded when it is used: the platform takes half a second to load.
const books = () => import('../books.ts');

const granted = z.object({ id: z.string(), organisationId: z.string(), amount: money, reason: z.string() });
const PAGE = 200;

export function addOrgs(program: Command, context: CliContext): void {
  const orgs = group(program, 'orgs', 'create and list organisations (operator)', 'orgs create "Riyadh Foods"');
  withConnection(
    leaf(orgs, 'create <name>', 'create an organisation and its first key', ['orgs create "Riyadh Foods"']),
  ).action(async (name: string, options: ConnectionOptions) => {
    const api = await connect(context, options);
    const made = await api.post('/v1/operator/organisations', { name }, newOrganisation);
    show(context, options, made, () =>
      [
        `Organisation  ${made.id} (${plain(made.name)})`,
        `First key     ${made.key.secret ?? 'was shown before'}`,
        '              Keep it now: it is not shown again.',
        `It has no credit yet: guildhall credits grant ${made.id} 10 --reason "first credit"\n`,
      ].join('\n'),
    );
  });
  leaf(orgs, 'list', 'list organisations, oldest first (reads the database)', ['orgs list']).action(
    async (options: JsonOption) => {
      const all = await (await books()).withPlatform(context, async ({ platform }) => {
        const found = [];
        for (let afterId: string | undefined; ; ) {
          const page = await platform.identity.listOrganisations({
            limit: PAGE,
            ...(afterId === undefined ? {} : { afterId }),
          });
          found.push(...page);
          afterId = page.at(-1)?.id;
          if (page.length < PAGE) return found;
        }
      });
      const rows = all.map((one) => [one.id, one.name, one.createdAt.toISOString()]);
      show(context, options, { data: all }, () =>
        table(['ORGANISATION', 'NAME', 'CREATED'], rows, 'There is none yet.'),
      );
    },
  );
}

export function addCredits(program: Command, context: CliContext): void {
  const credits = group(
    program,
    'credits',
    'give organisations credit (operator)',
    'credits grant org_… 25 --reason "invoice 1042"',
  );
  const grant = leaf(credits, 'grant <org> <amount>', 'give an organisation credit, in dollars', [
    'credits grant org_… 25 --reason "invoice 1042"',
  ]).requiredOption('--reason <reason>', 'why; it stands in the ledger and in the audit trail');
  withConnection(grant).action(
    async (organisationId: string, amount: string, options: ConnectionOptions & { readonly reason: string }) => {
      const body = { organisationId, amount: parseDollars(amount), reason: options.reason };
      const done = await (await connect(context, options)).post('/v1/operator/credits', body, granted);
      show(
        context,
        options,
        done,
        () => `${formatMoney(done.amount)} granted to ${done.organisationId} (${done.id}).\n`,
      );
    },
  );
}
