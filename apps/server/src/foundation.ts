/** What every role stands on: keys, database, migrations, ids, log. Opened in order, closed in reverse. */
import path from 'node:path';
import { ClosingStack } from './closing.ts';
import type { Settings } from './config/index.ts';
import { type Clock, systemClock } from './platform/clock/index.ts';
import { connectionName, type Keyring, loadMasterKeys, type MasterKeys, openKeyring } from './platform/crypto/index.ts';
import {
  createDb,
  createRolePasswords,
  type Db,
  migrate,
  type OwnerUrl,
  ownerUrlsOf,
  type RolePasswords,
} from './platform/db/index.ts';
import { createIds, type Ids } from './platform/ids/index.ts';
import { createPostgres, type Postgres } from './platform/postgres/index.ts';
import type { Logger } from './platform/telemetry/index.ts';

export interface Foundation {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly keyring: Keyring;
  readonly db: Db;
  /** The role that owns the schema; for migrations and passwords of roles alone. */
  readonly ownerUrl: OwnerUrl;
  /** The embedded server; undefined where the database is elsewhere. */
  readonly postgres?: Postgres;
  /** Passwords of our own roles; undefined where a test has set them. */
  readonly roles?: RolePasswords;
  readonly closing: ClosingStack;
}

/** Where the migrations of this program are. */
export const MIGRATIONS = path.join(import.meta.dirname, '..', 'migrations');

/**
 * Opens the database (embedded unless DATABASE_URL names one), brings its schema up to date, and connects as the two restricted roles.
 * Whatever was opened is closed again when it fails.
 */
export async function layFoundation(settings: Settings, log: Logger, ground?: Ground): Promise<Foundation> {
  const closing = new ClosingStack((name, error) => log.error('could not close a part cleanly', { part: name, error }));
  try {
    const masterKeys = await openMasterKeys(settings);
    const { ownerUrl: given, postgres } = ground ?? (await openGround(settings, log, closing));
    const ownerUrl = (): readonly string[] => {
      const urls = ownerUrlsOf(given);
      settings.secrets.learn(...urls);
      return urls;
    };
    const keyring = await openKeyring(ownerUrl, masterKeys);
    const roles = createRolePasswords(ownerUrl, (purpose) => keyring.derive(purpose).toString('base64url'));
    await migrate({
      ownerUrl,
      directory: MIGRATIONS,
      appPassword: roles.passwordOf('guildhall_app'),
      systemPassword: roles.passwordOf('guildhall_system'),
    });
    let isClosing = false;
    settings.secrets.learn(roles.urlOf('guildhall_app'), roles.urlOf('guildhall_system'));
    const db = createDb({
      appUrl: roles.urlOf('guildhall_app'),
      systemUrl: roles.urlOf('guildhall_system'),
      renewUrl: async (refused) => {
        const renewed = await roles.renewUrl(refused);
        if (renewed !== undefined) settings.secrets.learn(renewed);
        return renewed;
      },
      appPoolMax: settings.databasePool,
      systemPoolMax: Math.max(2, Math.ceil(settings.databasePool / 4)),
      applicationName: connectionName(keyring, masterKeys.reload !== undefined),
      onIdleError: (error) => {
        // The error of a connection carries the whole client; its message says enough.
        if (!isClosing)
          log.warn('the database closed an idle connection; it will be replaced', { reason: error.message });
      },
    });
    closing.push('database connections', () => {
      // PostgreSQL may end before the last goodbye has arrived there.
      isClosing = true;
      return db.close();
    });
    const own = {
      settings,
      log,
      clock: systemClock,
      ids: createIds(systemClock),
      keyring,
      db,
      ownerUrl,
      roles,
      closing,
    };
    return postgres ? { ...own, postgres } : own;
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** What the platform is laid on. */
export type Ground = Pick<Foundation, 'ownerUrl' | 'postgres'>;

async function openGround(settings: Settings, log: Logger, closing: ClosingStack): Promise<Ground> {
  const { databaseUrl } = settings;
  if (databaseUrl !== undefined) return { ownerUrl: () => [databaseUrl.reveal()] };
  const postgres = await createPostgres({ dataDir: settings.dataDir, log });
  closing.push('embedded PostgreSQL', () => postgres.stop());
  return { ownerUrl: postgres.ownerUrl, postgres };
}

/** Every key that is ever read stays unseen in logs. */
async function openMasterKeys({ dataDir, masterKey, masterKeysPrevious, secrets }: Settings): Promise<MasterKeys> {
  const mayChange = secrets.settings.some(
    ({ name, from }) => name === 'GUILDHALL_MASTER_KEY' && from !== 'environment',
  );
  const given = await loadMasterKeys(dataDir, { key: masterKey, previous: masterKeysPrevious, mayChange });
  const learned = (keys: readonly Buffer[]): readonly Buffer[] => {
    secrets.learn(...keys.map((key) => key.toString('base64')));
    return keys;
  };
  const { reload } = given;
  return { keys: learned(given.keys), reload: reload && (() => learned(reload())) };
}
