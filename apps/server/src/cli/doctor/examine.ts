/** All checks of `doctor`, from what needs nothing to what needs the database. A check never changes anything. */
import type { Settings } from '../../config/index.ts';
import { SettingsError } from '../../config/index.ts';
import { findRunning } from '../../ready.ts';
import { assertInstalled, composeOn, schemaVersions, withDatabase } from '../books.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../exit-codes.ts';
import type { Check } from './check.ts';
import { platformChecks } from './database.ts';
import { checkCountries, checkDataFolder, checkDisk, checkNode, checkSandbox } from './machine.ts';
import { checkProviders } from './providers.ts';
import { serverChecks } from './servers.ts';

export async function examine(context: CliContext): Promise<readonly Check[]> {
  const checks: Check[] = [checkNode(process.versions.node)];
  let settings: Settings;
  try {
    settings = await context.settings({ forServer: true });
    checks.push({ name: 'settings', level: 'pass', detail: 'all within bounds' });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const advice = 'docs/reference/settings.md has every setting with its bounds. The other checks need settings.';
    return [...checks, { name: 'settings', level: 'fail', detail: error.faults.join('; '), advice }];
  }
  checks.push(await checkDataFolder(settings.dataDir), await checkDisk(settings.dataDir));
  checks.push(...(await checkServer(settings, context)));
  checks.push(await checkCountries(settings.countryDatabase));
  checks.push(...(await checkSandbox()), ...(await serverChecks(settings)));
  return [...checks, ...(await checkDatabase(settings))];
}

async function checkServer(settings: Settings, { ids }: Pick<CliContext, 'ids'>): Promise<readonly Check[]> {
  const running = await findRunning(settings.dataDir);
  if (!running)
    return [{ name: 'server', level: 'warn', detail: 'none runs on this folder', advice: 'Start it with: npm start' }];
  const detail = `${running.url} answers (process ${running.pid}, ${running.version})`;
  return [{ name: 'server', level: 'pass', detail }, await checkProviders(running, ids)];
}

async function checkDatabase(settings: Settings): Promise<readonly Check[]> {
  const done: Check[] = [];
  try {
    await assertInstalled(settings);
    await withDatabase(settings, async (ground) => {
      const { database, program } = await schemaVersions(ground.ownerUrl);
      done.push(schemaCheck(database, program));
      if (database === program) done.push(...(await composeOn(settings, ground, platformChecks)));
    });
  } catch (error) {
    done.push(faultOf(error));
  }
  return done;
}

function schemaCheck(database: number, program: number): Check {
  const name = 'schema';
  if (database === program) return { name, level: 'pass', detail: `version ${database}, up to date` };
  const detail = `the database has version ${database}, this program ${program}`;
  return database < program
    ? { name, level: 'fail', detail, advice: 'Run: guildhall migrate. The checks of the database were left out.' }
    : {
        name,
        level: 'fail',
        detail,
        advice: 'Use the newer release of Guildhall. The checks of the database were left out.',
      };
}

function faultOf(error: unknown): Check {
  const detail = error instanceof Error ? error.message : String(error);
  const advice =
    error instanceof CliError
      ? undefined
      : 'Is DATABASE_URL right and is PostgreSQL running? Without DATABASE_URL, postgres/server.log in the data folder tells more.';
  return { name: 'database', level: 'fail', detail, ...(advice === undefined ? {} : { advice }) };
}
