/** The program as a server: starts a role, says so, stops in order. */
import { followSecrets, type SecretObserver, type Settings } from '../config/index.ts';
import { layFoundation } from '../foundation.ts';
import { noteOpenedNetworks } from '../modules/ops/index.ts';
import { isConnectionError, schemaVersion } from '../platform/db/index.ts';
import { createLogger, type Logger } from '../platform/telemetry/index.ts';
import { createProbes } from '../probes.ts';
import { announceReady, findRunning, forgetReady, type Ready } from '../ready.ts';
import { type Role, type Server, serve } from '../serve.ts';
import { VERSION } from '../version.ts';
import { databaseUnreachable } from './books.ts';
import { type CliContext, type JsonOption, show } from './context.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { alreadyRunning, readyScreen } from './screen.ts';
import { openLog } from './server-log.ts';
import { watchSignals } from './stopping.ts';

/** Brings the schema up to date and prints its version. */
export async function migrateOnly(context: CliContext, options: JsonOption): Promise<void> {
  const settings = await context.settings();
  const foundation = await layFoundation(
    settings,
    createLogger({ level: 'warn', destination: { write: context.terminal.note } }),
  ).catch(explain);
  try {
    const version = await schemaVersion(foundation.ownerUrl);
    show(context, options, { schemaVersion: version }, () => `The schema is up to date: version ${version}.\n`);
  } finally {
    await foundation.closing.close();
  }
}

/** Serves until a signal or a fault. A start on a folder that is served already says where, and ends. */
export async function serveRole(
  context: CliContext,
  role: Role,
  settings: Settings,
  options: JsonOption,
): Promise<void> {
  const { terminal } = context;
  if (role === 'start') {
    const other = await findRunning(settings.dataDir);
    if (other) {
      show(context, options, { alreadyRunning: true, url: other.url, pid: other.pid, version: other.version }, () =>
        alreadyRunning(other, settings.dataDir),
      );
      return;
    }
  }
  const { log, file } = openLog(settings, terminal);
  let running: Server | undefined;
  const signals = watchSignals({ log: () => running?.platform.log ?? log, clock: context.clock, note: terminal.note });
  try {
    if (file !== undefined && !options.json) terminal.print('Starting Guildhall …\n');
    const server = await serve({ role, settings, log }).catch((error: unknown) => explain(error, settings));
    running = server;
    const probes = createProbes(server.foundation, server.platform);
    const follower = followSecrets(settings, toldBy(server.platform.log), { probes });
    try {
      await announce(context, { role, server, options, logFile: file });
      const reason = await signals.stopped;
      log.info('stopping', { reason });
      if (reason === 'fault') context.end(EXIT.failed);
    } finally {
      await follower.stop();
      await server.stop();
      if (role !== 'worker') await forgetReady(settings.dataDir);
      log.info('stopped');
    }
  } finally {
    signals.release();
  }
}

const toldBy = (log: Logger): SecretObserver => ({
  renewed: (setting) => log.info('a secret was renewed', { setting }),
  failed: (fault) => log.warn('a secret was not renewed; the former one stays in use', { fault }),
});

interface Announcement {
  readonly role: Role;
  readonly server: Server;
  readonly options: JsonOption;
  readonly logFile: string | undefined;
}

async function announce(context: CliContext, { role, server, options, logFile }: Announcement): Promise<void> {
  const { terminal } = context;
  if (role === 'worker') {
    show(
      context,
      options,
      { role, pid: process.pid, version: VERSION },
      () => `The worker is ready (process ${process.pid}).\n`,
    );
    return;
  }
  const ready: Ready = await announceReady(server);
  const { dataDir, egressAllowPrivate } = server.foundation.settings;
  await noteOpenedNetworks({ ...server.foundation, ...server.platform }, ready.orgId, egressAllowPrivate);
  // Whoever reads JSON may log it: the key stays in its file.
  const open = { role, url: ready.url, orgId: ready.orgId, pid: ready.pid, version: ready.version, dataDir };
  if (options.json) terminal.print(`${JSON.stringify(open)}\n`);
  else terminal.print(readyScreen({ ready, dataDir, folder: context.folder, logFile }));
}

/** What commonly keeps a server from starting, in words that say what to do. */
function explain(error: unknown, settings?: { readonly port: number; readonly host: string }): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (settings && code === 'EADDRINUSE')
    throw new CliError(
      EXIT.failed,
      `Port ${settings.port} of ${settings.host} is taken by another program.\nChoose another one (PORT=${settings.port + 1} npm start; PORT=0 takes any free one), or stop that program.`,
      { cause: error },
    );
  if (settings && (code === 'EACCES' || code === 'EADDRNOTAVAIL'))
    throw new CliError(
      EXIT.usage,
      `This user cannot listen on port ${settings.port} of ${settings.host}. Change PORT or HOST.`,
      { cause: error },
    );
  throw isConnectionError(error) ? databaseUnreachable(error) : error;
}
