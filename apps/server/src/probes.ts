/** What a new secret is tried on before it takes the place of the one in use. Nothing is left where it was tried. */

import type { Platform } from './compose.ts';
import type { Probes, Settings } from './config/index.ts';
import type { Foundation } from './foundation.ts';
import { systemClock } from './platform/clock/index.ts';
import { assertOpensRoot, parseMasterKey, parseMasterKeys, type Secret } from './platform/crypto/index.ts';
import { askProxy, type Egress } from './platform/egress/index.ts';
import { GuildhallError } from './platform/errors/index.ts';
import { createFileStore } from './platform/files/index.ts';
import { createRedisRateStore } from './platform/limits/index.ts';
import { createMail } from './platform/mail/index.ts';
import { askErrorTracker } from './platform/telemetry/index.ts';
import { VERSION } from './version.ts';

const NO_ORGANISATION = 'org_probe';
const NO_CONTENT = '0'.repeat(64);

/** Says what was found. @throws when the server cannot be used with this address and login. */
export type AskServer = (url: Secret) => Promise<string>;

async function askRedis(url: Secret): Promise<string> {
  const store = await createRedisRateStore(url);
  try {
    await store.ping();
    return 'answers';
  } finally {
    store.close();
  }
}

async function askBucket(s3Url: Secret): Promise<string> {
  const store = createFileStore({ directory: '', clock: systemClock, s3Url });
  try {
    await store.exists(NO_ORGANISATION, NO_CONTENT);
    return 'answers';
  } finally {
    await store.close();
  }
}

async function askMail(smtpUrl: Secret, from: string): Promise<string> {
  const mail = await createMail({ smtpUrl, from, directory: '', clock: systemClock });
  try {
    return await mail.verify();
  } finally {
    mail.close();
  }
}

/** The servers beside the platform that have a login. */
export const serversToAsk = (settings: Pick<Settings, 'mailFrom'>, egress: Pick<Egress, 'request'>) =>
  ({
    S3_URL: askBucket,
    REDIS_URL: askRedis,
    SMTP_URL: (url) => askMail(url, settings.mailFrom),
    SENTRY_DSN: (dsn) => askErrorTracker({ egress, version: VERSION }, dsn),
    EGRESS_PROXY_URL: askProxy,
  }) satisfies Record<string, AskServer>;

/** What went wrong, in the words of whoever refused. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (inner instanceof GuildhallError) return inner.details.internal ?? inner.details.detail ?? inner.spec.title;
  return inner instanceof Error ? inner.message || 'it does not answer' : String(inner);
}

/** The former key must be known as well, for everything still lies under it. */
async function askRoot({ ownerUrl }: Foundation, key: string | undefined, previous: string | undefined): Promise<void> {
  const keys = [...(key === undefined ? [] : [parseMasterKey(key)]), ...parseMasterKeys(previous ?? '')];
  await assertOpensRoot(ownerUrl, keys).catch((cause: unknown) => {
    if (!(cause instanceof GuildhallError)) throw cause;
    throw new Error('the key in use is neither GUILDHALL_MASTER_KEY nor among GUILDHALL_MASTER_KEYS_PREVIOUS');
  });
}

async function askDatabase({ keyring }: Foundation, url: Secret): Promise<void> {
  await assertOpensRoot(url.reveal(), keyring).catch((cause: unknown) => {
    if (!(cause instanceof GuildhallError)) throw cause;
    throw new Error('it leads to another database; that is no new password, and needs a restart');
  });
}

const PROVIDER_KEYS = {
  OPENAI_API_KEY: 'openai',
  ANTHROPIC_API_KEY: 'anthropic',
  GOOGLE_API_KEY: 'google',
  MISTRAL_API_KEY: 'mistral',
  NOVITA_API_KEY: 'novita',
  OPENROUTER_API_KEY: 'openrouter',
} as const;

/** By setting. What is not here cannot be tried: only its use tells. */
export function createProbes(foundation: Foundation, { egress, models }: Pick<Platform, 'egress' | 'models'>): Probes {
  const { settings } = foundation;
  const servers = Object.entries(serversToAsk(settings, egress)).map(([name, ask]) => [
    name,
    (url: Secret) =>
      ask(url).catch((cause: unknown) => {
        throw new Error(reasonOf(cause), { cause });
      }),
  ]);
  const providers = Object.entries(PROVIDER_KEYS).map(([name, kind]) => [
    name,
    (key: Secret) => models.channels.tryKey(kind, key),
  ]);
  return {
    ...Object.fromEntries([...servers, ...providers]),
    DATABASE_URL: (url) => askDatabase(foundation, url),
    GUILDHALL_MASTER_KEY: (key, given) => askRoot(foundation, key.reveal(), given('GUILDHALL_MASTER_KEYS_PREVIOUS')),
    GUILDHALL_MASTER_KEYS_PREVIOUS: (previous, given) =>
      settings.masterKey ? askRoot(foundation, given('GUILDHALL_MASTER_KEY'), previous.reveal()) : Promise.resolve(),
  };
}
