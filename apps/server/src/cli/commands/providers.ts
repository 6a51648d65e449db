/** `guildhall providers`: whose models can be called, at the operator's expense. */
import { PROVIDER_KINDS, provider, providerCheck, providerKind, providerPage } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { plain, table } from '../text.ts';

interface AddOptions extends ConnectionOptions {
  readonly name?: string;
  readonly baseUrl?: string;
  readonly keyless?: boolean;
  readonly weight: string;
  readonly priority: string;
  readonly regions: string;
  readonly keepsNothing?: boolean;
  readonly force?: boolean;
}

const BASE = '/v1/operator/providers';
const pathOf = (id: string): string => `${BASE}/${encodeURIComponent(id)}`;

export function addProviders(program: Command, context: CliContext): void {
  const providers = group(
    program,
    'providers',
    'list, add, test and remove providers of models (operator)',
    'providers list',
  );
  withConnection(
    leaf(providers, 'list', 'list providers: of the settings, found on this machine, and stored', ['providers list']),
  ).action(async (options: ConnectionOptions) => {
    const page = await (await connect(context, options)).get(BASE, providerPage);
    const rows = page.data.map((one) => [
      one.id,
      one.kind,
      one.name,
      one.source,
      one.enabled ? (one.health?.state ?? one.lastCheck?.outcome ?? 'not called yet') : 'off',
      String(one.models.length),
      one.baseUrl,
    ]);
    show(context, options, page, () =>
      table(
        ['PROVIDER', 'KIND', 'NAME', 'FROM', 'STATE', 'MODELS', 'ADDRESS'],
        rows,
        'There is none yet. Set OPENAI_API_KEY or another, or: guildhall providers add openai',
      ),
    );
  });
  addAdding(providers, context);
  addTesting(providers, context);
}

function wholeOf(option: string, text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw usageError(`${option} takes a whole number.`);
  return Number(text);
}

function addAdding(providers: Command, context: CliContext): void {
  const command = leaf(
    providers,
    'add <kind>',
    `add a provider (${PROVIDER_KINDS.join(', ')}) after it was tried; its key is read from standard input, where no list of processes shows it`,
    ['providers add openai < key.txt', 'providers add compatible --base-url http://10.0.0.7:8000/v1 --keyless'],
  )
    .option('--name <name>', 'how it is shown')
    .option('--base-url <url>', 'where it is; the usual address of the kind when left out')
    .option('--keyless', 'it needs none')
    .option('--weight <share>', 'share of the calls among providers of the same priority', '1')
    .option('--priority <order>', 'lower is asked first', '1')
    .option('--regions <regions>', 'comma-separated', '')
    .option('--keeps-nothing', 'it does not keep prompts')
    .option('--force', 'store it although it does not work');
  withConnection(command).action(async (kind: string, options: AddOptions) => {
    if (!providerKind.safeParse(kind).success)
      throw usageError(`Unknown kind: ${kind}. There are: ${PROVIDER_KINDS.join(', ')}`);
    const body = {
      kind,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
      weight: wholeOf('--weight', options.weight),
      priority: wholeOf('--priority', options.priority),
      regions: options.regions === '' ? [] : options.regions.split(',').map((part) => part.trim()),
      retainsData: options.keepsNothing !== true,
      force: options.force === true,
    };
    const api = await connect(context, options);
    const key = options.keyless ? '' : (await context.readInput()).trim();
    const made = await api.post(BASE, key === '' ? body : { ...body, key }, provider);
    show(
      context,
      options,
      made,
      () =>
        `${made.id} (${plain(made.name)}) is stored. ${plain(made.lastCheck?.detail ?? '')}\n${made.models.map((name) => `  ${made.kind}/${plain(name)}\n`).join('')}`,
    );
  });
}

function addTesting(providers: Command, context: CliContext): void {
  withConnection(leaf(providers, 'test <provider>', 'try a stored provider now', ['providers test prv_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      const check = await (await connect(context, options)).post(`${pathOf(id)}/test`, {}, providerCheck);
      show(context, options, check, () => `${check.outcome}: ${plain(check.detail)} (${check.ms} ms)\n`);
    },
  );
  withConnection(leaf(providers, 'remove <provider>', 'delete a stored provider', ['providers remove prv_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      await (await connect(context, options)).delete(pathOf(id));
      show(context, options, { id, removed: true }, () => `${plain(id)} is removed.\n`);
    },
  );
}
