/** Commands that work on the database directly: the platform is composed on it, and no role is started. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { builtInAgents } from '../agents.ts';
import { compose, type Platform } from '../compose.ts';
import type { Settings } from '../config/index.ts';
import { type Foundation, type Ground, layFoundation, MIGRATIONS } from '../foundation.ts';
import type { Finding } from '../modules/ledger/index.ts';
import { runHistory } from '../modules/runs/index.ts';
import { isConnectionError, type OwnerUrl, schemaVersion } from '../platform/db/index.ts';
import { createPostgres } from '../platform/postgres/index.ts';
import { silentLogger } from '../platform/telemetry/index.ts';
import type { CliContext } from './context.ts';
import { CliError, EXIT } from './exit-codes.ts';

export interface OpenPlatform {
  readonly foundation: Foundation;
  readonly platform: Platform;
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/**
 * Says when there is nothing to work on. Without this, reading would make a database; and a new master key would give the roles of an
 * existing one new passwords.
 */
export async function assertInstalled(settings: Settings): Promise<void> {
  const { dataDir } = settings;
  if (settings.databaseUrl === undefined && !(await isThere(path.join(dataDir, 'postgres', 'cluster'))))
    throw new CliError(
      EXIT.unreachable,
      `There is no database in ${dataDir} yet. The first "npm start" makes it; or set GUILDHALL_DATA_DIR or DATABASE_URL to where it is.`,
    );
  if (settings.masterKey === undefined && !(await isThere(path.join(dataDir, 'master.key'))))
    throw new CliError(
      EXIT.usage,
      `There is no master key in ${dataDir}. Use the data folder of the server, or set GUILDHALL_MASTER_KEY to its key.`,
    );
}

/** Does `work` on the database; an embedded server that already runs is used, another is started for as long. */
export async function withDatabase<T>(settings: Settings, work: (ground: Ground) => Promise<T>): Promise<T> {
  if (settings.databaseUrl !== undefined) return work({ ownerUrl: settings.databaseUrl.reveal() });
  const postgres = await createPostgres({ dataDir: settings.dataDir, log: silentLogger });
  try {
    return await work({ ownerUrl: postgres.ownerUrl, postgres });
  } finally {
    await postgres.stop();
  }
}

/** How many migrations the database holds, and how many this program knows. */
export async function schemaVersions(
  ownerUrl: OwnerUrl,
): Promise<{ readonly database: number; readonly program: number }> {
  const files = await readdir(MIGRATIONS);
  return {
    database: await schemaVersion(ownerUrl),
    program: files.filter((name) => name.endsWith('.sql')).length,
  };
}

/** Composes the platform on a database whose schema is this program's, and closes it after `work`. */
export async function composeOn<T>(
  settings: Settings,
  ground: Ground,
  work: (open: OpenPlatform) => Promise<T>,
): Promise<T> {
  const foundation = await layFoundation(settings, silentLogger, ground);
  try {
    const publicUrl = () => settings.publicUrl ?? `http://${settings.host}:${settings.port}`;
    const platform = await compose(foundation, { agents: builtInAgents, publicUrl });
    return await work({ foundation, platform });
  } finally {
    await foundation.closing.close();
  }
}

/** The whole way for a command. Changes no schema: a database of another version is named instead. */
export async function withPlatform<T>(context: CliContext, work: (open: OpenPlatform) => Promise<T>): Promise<T> {
  const settings = await context.settings();
  await assertInstalled(settings);
  try {
    return await withDatabase(settings, async (ground) => {
      const { database, program } = await schemaVersions(ground.ownerUrl);
      if (database !== program)
        throw new CliError(
          EXIT.failed,
          `The database has schema ${database}, this program needs ${program}. ${database < program ? 'Run: guildhall migrate' : 'Use the newer release.'}`,
        );
      return composeOn(settings, ground, work);
    });
  } catch (error) {
    throw isConnectionError(error) ? databaseUnreachable(error) : error;
  }
}

export const databaseUnreachable = (cause: Error): CliError =>
  new CliError(
    EXIT.unreachable,
    `The database does not answer: ${cause.message}. Is DATABASE_URL right, and is it running?`,
    { cause },
  );

/**
 * Every difference between books, usage, runs and audit trail. A charged run that is gone is no difference once retention may have removed
 * it: charges are kept for ever, runs are not.
 */
export async function verifyBooks({ foundation, platform }: OpenPlatform): Promise<readonly Finding[]> {
  const { db, clock, settings } = foundation;
  const findings = await platform.ledger.verify({
    usageByRun: (orgId) => platform.metering.usageByRun(orgId),
    usageDifferences: (orgId) => platform.metering.differences(orgId),
    runHistory: async (orgId) => [...(await runHistory(db, orgId)), ...(await platform.models.history(orgId))],
    brokenChains: () => platform.audit.verifyAll(db),
  });
  const prunedBeforeMs = clock.now().getTime() - settings.retentionRunsMs;
  return findings.filter((finding) => !isPruned(finding, prunedBeforeMs));
}

/** A run that ended before some moment was made before it too. An open hold is never excused. */
export function isPruned(finding: Pick<Finding, 'code' | 'object' | 'found'>, beforeMs: number): boolean {
  if (finding.code !== 'run.unknown' || !finding.found.startsWith('charged ')) return false;
  const madeAtMs = timeOf(finding.object);
  return madeAtMs !== undefined && madeAtMs < beforeMs;
}

// Crockford's base32: ten characters of milliseconds follow the prefix of every id (platform/ids).
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_OF_ID = /^[a-z]+_([0-9a-hjkmnp-tv-z]{10})/;

function timeOf(id: string): number | undefined {
  const time = TIME_OF_ID.exec(id)?.[1];
  return time === undefined
    ? undefined
    : [...time].reduce((sum, digit) => sum * ALPHABET.length + ALPHABET.indexOf(digit), 0);
}
