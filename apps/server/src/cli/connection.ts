/** Which installation a command talks to, and with which key. */
import type { Command } from 'commander';
import { readReady } from '../ready.ts';
import { type Api, createApi } from './api.ts';
import type { CliContext, JsonOption } from './context.ts';
import { CliError, EXIT, usageError } from './exit-codes.ts';

export interface ConnectionOptions extends JsonOption {
  readonly url?: string;
  readonly key?: string;
}

/** Adds `--url` and `--key`. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'address of the installation (GUILDHALL_URL; default: from ready.json)')
    .option('--key <key>', 'API key (GUILDHALL_API_KEY; default: from ready.json)');
}

/** Options first, then settings, then ready.json. The key of ready.json goes to the address of ready.json alone. */
export async function connect(context: CliContext, options: ConnectionOptions): Promise<Api> {
  const settings = await context.settings();
  const ready = await readReady(settings.dataDir);
  const url = (options.url ?? settings.clientUrl ?? ready?.url)?.replace(/\/+$/, '');
  const known = url !== undefined && url === ready?.url ? ready.apiKey : undefined;
  const key = options.key ?? settings.clientKey ?? known;
  if (url === undefined) {
    throw new CliError(
      EXIT.unreachable,
      `There is no ready.json in ${settings.dataDir}. Start Guildhall (npm start), or say which one you mean: --url and --key.`,
    );
  }
  if (!URL.canParse(url)) throw usageError(`"${url}" is not an address. Write it like http://127.0.0.1:3000`);
  if (key === undefined)
    throw usageError(`Which key? ready.json has none for ${url}: use --key or set GUILDHALL_API_KEY.`);
  return createApi({ url, key, ids: context.ids });
}
