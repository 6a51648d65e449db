/** `guildhall keys`: API keys of the organisation. */
import { apiKeyPage, mode, newApiKey, SCOPES, scope } from '@guildhall/contract';
import type { Command } from 'commander';
import { type ConnectionOptions, connect, withConnection } from '../connection.ts';
import { type CliContext, group, leaf, show } from '../context.ts';
import { usageError } from '../exit-codes.ts';
import { plain, table } from '../text.ts';
import { addRotateMaster } from './master-key.ts';
import { addRotateSigning } from './rotate-signing.ts';

interface CreateOptions extends ConnectionOptions {
  readonly name: string;
  readonly scopes: string;
  readonly mode: string;
  readonly expires?: string;
}

const keyPath = (id: string): string => `/v1/keys/${encodeURIComponent(id)}`;
const described = (key: ReturnType<typeof newApiKey.parse>): string =>
  `Key     ${key.id} (${plain(key.name)}, ${key.mode})\nSecret  ${key.secret ?? 'was shown before'}\n        Keep it now: it is not shown again.\n`;

export function addKeys(program: Command, context: CliContext): void {
  const keys = group(program, 'keys', 'list, create, revoke and rotate API keys; change the master key', 'keys list');
  withConnection(leaf(keys, 'list', 'list API keys, newest first', ['keys list'])).action(
    async (options: ConnectionOptions) => {
      const page = await (await connect(context, options)).get('/v1/keys?limit=200', apiKeyPage);
      const rows = page.data.map((key) => [
        key.id,
        key.name,
        key.mode,
        `${key.prefix}…${key.last4}`,
        key.revokedAt === null ? (key.expiresAt ?? 'never') : 'revoked',
        key.lastUsedAt ?? 'never',
      ]);
      show(context, options, page, () =>
        table(['KEY', 'NAME', 'MODE', 'LOOKS LIKE', 'EXPIRES', 'LAST USED'], rows, 'There is no key.'),
      );
    },
  );
  addCreate(keys, context);
  addEnding(keys, context);
  addRotateMaster(keys, context);
  addRotateSigning(keys, context);
}

function addCreate(keys: Command, context: CliContext): void {
  const command = leaf(keys, 'create', 'create an API key; its secret is shown this once', [
    'keys create --name "nightly import" --scopes runs:write,runs:read,files:write',
  ])
    .requiredOption('--name <name>', 'what it is for')
    .option(
      '--scopes <scopes>',
      `comma-separated, of: ${SCOPES.join(', ')}`,
      'agents:read,runs:read,runs:write,files:read,files:write,billing:read',
    )
    .option('--mode <mode>', 'live, or test for runs that cost test credit', 'live')
    .option('--expires <instant>', 'ISO 8601, for example 2027-01-31T00:00:00Z');
  withConnection(command).action(async (options: CreateOptions) => {
    const scopes = options.scopes.split(',').map((part) => part.trim());
    const unknown = scopes.filter((one) => !scope.safeParse(one).success);
    if (unknown.length > 0) throw usageError(`Unknown scope: ${unknown.join(', ')}. There are: ${SCOPES.join(', ')}`);
    if (!mode.safeParse(options.mode).success) throw usageError('--mode is live or test.');
    const body = {
      name: options.name,
      scopes,
      mode: options.mode,
      ...(options.expires === undefined ? {} : { expiresAt: options.expires }),
    };
    const made = await (await connect(context, options)).post('/v1/keys', body, newApiKey);
    show(context, options, made, () => described(made));
  });
}

function addEnding(keys: Command, context: CliContext): void {
  withConnection(leaf(keys, 'revoke <key>', 'revoke an API key at once', ['keys revoke key_…'])).action(
    async (id: string, options: ConnectionOptions) => {
      await (await connect(context, options)).delete(keyPath(id));
      show(context, options, { id, revoked: true }, () => `${plain(id)} is revoked.\n`);
    },
  );
  const rotate = leaf(keys, 'rotate <key>', 'replace an API key by a new one', [
    'keys rotate key_… --overlap 3600',
  ]).option('--overlap <seconds>', 'how long the old one goes on working, 0–604800', '0');
  withConnection(rotate).action(async (id: string, options: ConnectionOptions & { readonly overlap: string }) => {
    if (!/^\d{1,6}$/.test(options.overlap)) throw usageError('--overlap takes seconds, 0 to 604800.');
    const api = await connect(context, options);
    const made = await api.post(`${keyPath(id)}/rotate`, { overlapSeconds: Number(options.overlap) }, newApiKey);
    show(context, options, made, () => described(made));
  });
}
