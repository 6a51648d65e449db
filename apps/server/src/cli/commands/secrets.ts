/** `guildhall secrets`: what is in use, how old it is, and the change of what the program made for itself. */
import type { Command } from 'commander';
import { rotateRolePasswords } from '../../platform/db/index.ts';
import type { InventoryEntry } from '../../platform/secrets/index.ts';
import type { OpenPlatform } from '../books.ts';
import { type CliContext, group, type JsonOption, leaf, show } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { table } from '../text.ts';

// Loaded when it is used: the platform takes half a second to load.
const books = () => import('../books.ts');

export function addSecrets(program: Command, context: CliContext): void {
  const secrets = group(program, 'secrets', 'the secrets of this installation, without their values', 'secrets list');
  leaf(secrets, 'list', 'every secret in use, since when, and when it is due (works on the database)', [
    'secrets list',
    'secrets list --json',
  ]).action(async (options: JsonOption) => {
    const { withPlatform } = await books();
    const entries = await withPlatform(context, ({ platform }) => platform.inventory.list());
    show(context, options, { secrets: entries }, () => described(entries));
  });
  const rotate = group(secrets, 'rotate', 'change secrets that the program made for itself', 'secrets rotate database');
  leaf(
    rotate,
    'database',
    'give the roles of the database new passwords, while everything runs (works on the database)',
    ['secrets rotate database'],
  ).action(async (options: JsonOption) => {
    const { withPlatform } = await books();
    const generation = await withPlatform(context, rotateDatabase);
    show(
      context,
      options,
      { generation },
      () => `The roles of the database have new passwords (change ${generation}). Nothing has to be restarted.\n`,
    );
  });
  leaf(
    rotate,
    'superuser',
    'give the superuser of the embedded PostgreSQL a new password, while everything runs; run it again when it was interrupted',
    ['secrets rotate superuser'],
  ).action(async (options: JsonOption) => {
    const { withPlatform } = await books();
    await withPlatform(context, rotateSuperuser);
    show(
      context,
      options,
      { rotated: 'embedded PostgreSQL' },
      () => 'The superuser of the embedded PostgreSQL has a new password. Nothing has to be restarted.\n',
    );
  });
}

async function rotateSuperuser({ foundation, platform }: OpenPlatform): Promise<void> {
  const { postgres } = foundation;
  if (!postgres)
    throw new CliError(
      EXIT.refused,
      'The database is not the embedded one: change its password there and in DATABASE_URL.',
    );
  await postgres.rotatePassword();
  // Notes when, for the list.
  await platform.inventory.list();
}

async function rotateDatabase({ foundation, platform }: OpenPlatform): Promise<number> {
  const { ownerUrl, roles } = foundation;
  if (!roles) throw new CliError(EXIT.failed, 'The passwords of the roles are not made by this program.');
  const generation = await rotateRolePasswords(ownerUrl, roles);
  // Notes when, for the list.
  await platform.inventory.list();
  return generation;
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

function described(entries: readonly InventoryEntry[]): string {
  const rows = entries.map(({ name, kind, owner, from, madeAt, rotatedAt, dueAt, isDue }) => [
    name,
    kind,
    owner,
    from,
    dayOf(madeAt),
    dayOf(rotatedAt),
    `${dayOf(dueAt)}${isDue ? ' due' : ''}`,
  ]);
  return table(['NAME', 'KIND', 'OWNER', 'FROM', 'FIRST SEEN', 'IN USE SINCE', 'CHANGE BY'], rows, 'There is none.');
}
