/** What a process of a chaos test stands on: a database that is there already and migrated, and keys it is told. */
import { appendFileSync } from 'node:fs';
import { ClosingStack } from '../../src/closing.ts';
import { loadSettings } from '../../src/config/index.ts';
import type { Foundation } from '../../src/foundation.ts';
import { systemClock } from '../../src/platform/clock/index.ts';
import { createKeyring } from '../../src/platform/crypto/index.ts';
import { createDb } from '../../src/platform/db/index.ts';
import { createIds } from '../../src/platform/ids/index.ts';
import { createLogger, type Logger, silentLogger } from '../../src/platform/telemetry/index.ts';

export interface Ground {
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly systemUrl: string;
  readonly dataDir: string;
  /** Base64, 32 bytes. */
  readonly masterKey: string;
  readonly slots: number;
  readonly pool: number;
  /** Further settings of every process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where every process appends what it logs; nowhere, when left out. */
  readonly logFile?: string;
}

function openLog({ logFile }: Ground): Logger {
  if (process.env.CHAOS_LOG) return createLogger({ level: 'info' });
  if (logFile === undefined) return silentLogger;
  return createLogger({ level: 'warn', destination: { write: (line: string) => appendFileSync(logFile, line) } });
}

export function foundationOn(ground: Ground, name: string): Foundation {
  const log = openLog(ground);
  const closing = new ClosingStack((part, error) => log.error('could not close a part cleanly', { part, error }));
  const db = createDb({
    appUrl: ground.appUrl,
    systemUrl: ground.systemUrl,
    appPoolMax: ground.pool,
    systemPoolMax: 3,
    applicationName: name,
    onIdleError: () => {},
  });
  closing.push('database', () => db.close());
  return {
    settings: loadSettings({
      GUILDHALL_DATA_DIR: ground.dataDir,
      PORT: '0',
      LIMITS_SCALE: '1000',
      WORKER_SLOTS: String(ground.slots),
      ...ground.environment,
    }),
    log,
    clock: systemClock,
    ids: createIds(systemClock),
    keyring: createKeyring({ masterKey: Buffer.from(ground.masterKey, 'base64') }),
    db,
    ownerUrl: ground.ownerUrl,
    closing,
  };
}
