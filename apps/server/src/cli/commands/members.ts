/** `guildhall members`: people, service accounts and invitations of the organisation. */
import { invitationPage, member, memberPage, newInvitation, role } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { plain, table } from '../text.ts';

const BASE = '/v1/organisation';
const memberPath = (id: string): string => `${BASE}/members/${encodeURIComponent(id)}`;

interface InviteOptions extends ConnectionOptions {
  readonly email?: string;
  readonly uses: string;
  readonly days: string;
}

function roleOf(text: string) {
  const parsed = role.safeParse(text);
  if (!parsed.success) throw usageError(`A role is one of: ${role.options.join(', ')}.`);
  return parsed.data;
}

function wholeOf(what: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw usageError(`${what} takes a whole number above 0, not "${text}".`);
  return Number(text);
}

export function addMembers(program: Command, context: CliContext): void {
  const members = group(program, 'members', 'list, invite, change and remove members', 'members list');
  addListing(members, context);
  addInviting(members, context);
  addChanging(members, context);
}

function addListing(members: Command, context: CliContext): void {
  withConnection(leaf(members, 'list', 'list people and service accounts', ['members list'])).action(
    async (options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get(`${BASE}/members?limit=200`, memberPage);
      const rows = page.data.map((one) => [one.id, plain(one.name), one.email ?? 'service account', one.role]);
      show(context, options, page, () => table(['MEMBER', 'NAME', 'ADDRESS', 'ROLE'], rows, 'There is none yet.'));
    },
  );
  withConnection(leaf(members, 'invitations', 'list invitations, newest first', ['members invitations'])).action(
    async (options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get(`${BASE}/invitations?limit=200`, invitationPage);
      const rows = page.data.map((one) => [
        one.id,
        one.email ?? 'link',
        one.role,
        `${one.uses} of ${one.usesMax}`,
        one.status,
        one.expiresAt,
      ]);
      show(context, options, page, () =>
        table(['INVITATION', 'FOR', 'ROLE', 'USED', 'STATUS', 'EXPIRES'], rows, 'There is none.'),
      );
    },
  );
}

function addInviting(members: Command, context: CliContext): void {
  const command = leaf(members, 'invite <role>', 'invite one person by mail, or several by a link', [
    'members invite developer --email ada@example.com',
    'members invite viewer --uses 20',
  ])
    .option('--email <address>', 'mails it there; left out, the link is printed')
    .option('--uses <number>', 'how many people the link is for, 1–1000', '1')
    .option('--days <number>', 'how long it is good, 1–30', '7');
  withConnection(command).action(async (wanted: string, options: InviteOptions) => {
    const body = {
      role: roleOf(wanted),
      usesMax: wholeOf('--uses', options.uses),
      expiresInSeconds: wholeOf('--days', options.days) * 86_400,
      ...(options.email === undefined ? {} : { email: options.email }),
    };
    const made = await (await connect(context, options)).post(`${BASE}/invitations`, body, newInvitation);
    show(context, options, made, () =>
      made.email === null
        ? `${made.url ?? 'The link was shown before'}\nKeep it now: it is not shown again. It ends at ${made.expiresAt}.\n`
        : `${plain(made.email)} is invited until ${made.expiresAt}.\n`,
    );
  });
  withConnection(leaf(members, 'uninvite <invitation>', 'revoke an invitation', ['members uninvite inv_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      await (await connect(context, options)).delete(`${BASE}/invitations/${encodeURIComponent(id)}`);
      show(context, options, { id, revoked: true }, () => `${plain(id)} is revoked.\n`);
    },
  );
}

function addChanging(members: Command, context: CliContext): void {
  withConnection(
    leaf(members, 'role <member> <role>', 'give a member another role', ['members role mbr_… admin']),
  ).action(async (id: string, wanted: string, options: ConnectionOptions) => {
    const changed = await (await connect(context, options)).put(memberPath(id), { role: roleOf(wanted) }, member);
    show(context, options, changed, () => `${plain(changed.name)} is ${changed.role} now.\n`);
  });
  withConnection(
    leaf(members, 'remove <member>', 'remove a member; their keys end too', ['members remove mbr_…']),
  ).action(async (id: string, options: ConnectionOptions) => {
    await (await connect(context, options)).delete(memberPath(id));
    show(context, options, { id, removed: true }, () => `${plain(id)} is no member any more.\n`);
  });
}
