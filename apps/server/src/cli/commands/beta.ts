/** `guildhall beta`: who may sign up, the waiting list, and invitation codes. For the operator. */
import { betaStatus, invitedWaiting, newSignUpCode, signUpCodePage, waitingPage } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { plain, table } from '../text.ts';

const CODES = '/v1/operator/sign-up-codes';
const LINE = '/v1/operator/waiting-list';

interface CodeOptions extends ConnectionOptions {
  readonly uses: string;
  readonly note: string;
  readonly expires?: string;
}

function wholeOf(what: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw usageError(`${what} takes a whole number above 0, not "${text}".`);
  return Number(text);
}

export function addBeta(program: Command, context: CliContext): void {
  const beta = group(
    program,
    'beta',
    'who may sign up: waiting list and invitation codes (operator)',
    'beta invite 10',
  );
  addLine(beta, context);
  addCodes(beta, context);
}

function addLine(beta: Command, context: CliContext): void {
  withConnection(leaf(beta, 'status', 'how many people there are, and how many wait', ['beta status'])).action(
    async (options: ConnectionOptions) => {
      const now = await (await connect(context, options)).get('/v1/operator/beta', betaStatus);
      show(
        context,
        options,
        now,
        () =>
          `Sign-up is ${now.signUp}. ${now.people} people${now.peopleMax === null ? '' : ` of at most ${now.peopleMax}`}; ${now.waiting} wait, ${now.invited} were invited.\n`,
      );
    },
  );
  withConnection(leaf(beta, 'waiting', 'list who waits, first come first', ['beta waiting'])).action(
    async (options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get(`${LINE}?limit=200`, waitingPage);
      const rows = page.data.map((one) => [one.id, plain(one.email), one.confirmedAt]);
      show(context, options, page, () => table(['PERSON', 'ADDRESS', 'SINCE'], rows, 'Nobody waits.'));
    },
  );
  withConnection(
    leaf(beta, 'invite <count>', 'mail a code to the first so many of the waiting list', ['beta invite 10']),
  ).action(async (count: string, options: ConnectionOptions) => {
    const body = { count: wholeOf('<count>', count) };
    const done = await (await connect(context, options)).post(`${LINE}/invite`, body, invitedWaiting);
    show(context, options, done, () => `${done.invited} invited.\n`);
  });
}

function addCodes(beta: Command, context: CliContext): void {
  withConnection(leaf(beta, 'codes', 'list invitation codes, newest first', ['beta codes'])).action(
    async (options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get(`${CODES}?limit=200`, signUpCodePage);
      const rows = page.data.map((one) => [
        one.id,
        plain(one.note),
        `${one.uses} of ${one.usesMax}`,
        one.revokedAt === null ? (one.expiresAt ?? 'never') : 'revoked',
      ]);
      show(context, options, page, () => table(['CODE', 'NOTE', 'USED', 'EXPIRES'], rows, 'There is none.'));
    },
  );
  const create = leaf(beta, 'create-code', 'make an invitation code; it is shown this once', [
    'beta create-code --uses 50 --note "newsletter"',
  ])
    .option('--uses <number>', 'how many people it lets in, 1–100000', '1')
    .option('--note <text>', 'what it is for', '')
    .option('--expires <instant>', 'ISO 8601, for example 2027-01-31T00:00:00Z');
  withConnection(create).action(async (options: CodeOptions) => {
    const body = { usesMax: wholeOf('--uses', options.uses), note: options.note, expiresAt: options.expires };
    const made = await (await connect(context, options)).post(CODES, body, newSignUpCode);
    show(
      context,
      options,
      made,
      () => `Code  ${made.code ?? 'was shown before'} (${made.id})\n      Keep it now: it is not shown again.\n`,
    );
  });
  withConnection(
    leaf(beta, 'revoke-code <code>', 'revoke an invitation code, by its id', ['beta revoke-code cod_…']),
  ).action(async (id: string, options: ConnectionOptions) => {
    await (await connect(context, options)).delete(`${CODES}/${encodeURIComponent(id)}`);
    show(context, options, { id, revoked: true }, () => `${plain(id)} is revoked.\n`);
  });
}
