/** All settings. The table is the source of docs/reference/settings.md. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { Secret } from '../platform/crypto/index.ts';
import { NETWORK_SETTINGS, type NetworkSettings, networkFrom, type OpenedNetwork, openedNetworks } from './network.ts';
import { PEOPLE_SETTINGS, type PeopleSettings, peopleFrom } from './people.ts';
import { productionFaults } from './production.ts';
import { PROVIDER_SETTINGS, type ProviderSettings, providersFrom } from './providers.ts';
import { baseUrl, masterKey, masterKeys, type SettingDoc, secretText, tokens, whole } from './schemas.ts';
import { LiveSecrets, type SecretOrigin, type SecretSetting } from './secrets.ts';
import { SECURITY_SETTINGS, type SecuritySettings, securityFrom } from './security.ts';
import { SERVICE_SETTINGS, type ServiceSettings, servicesFrom } from './services.ts';
import { SIGN_IN_SETTINGS, type SignInProviderSettings, signInFrom } from './sign-in.ts';
import { STORE_SETTINGS, type StoreSettings, storesFrom } from './stores.ts';

const postgresUrl = secretText(/^postgres(ql)?:\/\/\S+$/, 'must begin with postgres://');

const DAY_MS = 86_400_000;
const DATA_DIR = '.guildhall';

/** Name, default, bounds, effect, and the schema that enforces them. */
export const SETTINGS = [
  {
    name: 'PORT',
    fallback: '3000',
    bounds: '0–65535; 0 takes a free one',
    effect: 'Where the API listens.',
    schema: whole(0, 65_535, 3_000),
  },
  {
    name: 'HOST',
    fallback: '127.0.0.1',
    bounds: 'an address of this machine',
    effect: 'The interface the API listens on. 0.0.0.0 opens it to the network: put TLS in front.',
    schema: z.string().min(1).default('127.0.0.1'),
  },
  {
    name: 'PUBLIC_URL',
    fallback: 'http://HOST:PORT',
    bounds: 'http(s) URL',
    effect: 'How clients reach this installation; begins the links to artifacts.',
    schema: baseUrl.optional(),
  },
  {
    name: 'GUILDHALL_DATA_DIR',
    fallback: DATA_DIR,
    bounds: 'a folder',
    effect: 'Database (when embedded), files, master key and ready.json.',
    schema: z
      .string()
      .min(1)
      .default(DATA_DIR)
      .transform((dir) => path.resolve(dir)),
  },
  {
    name: 'DATABASE_URL',
    fallback: 'embedded PostgreSQL',
    bounds: 'postgres:// URL of a role that may create schemas and roles',
    effect: 'Uses that database instead of the embedded one.',
    schema: postgresUrl.optional(),
    secret: 'password',
  },
  {
    name: 'DATABASE_POOL',
    fallback: '16',
    bounds: '2–200',
    effect: 'Connections of each process to the database.',
    schema: whole(2, 200, 16),
  },
  {
    name: 'GUILDHALL_MASTER_KEY',
    fallback: 'master.key in the data folder',
    bounds: '32 random bytes in base64',
    effect:
      'Seals every stored secret. All processes on one database need the same; how to change it: guildhall keys rotate-master --help.',
    schema: masterKey.optional(),
    secret: 'key',
  },
  {
    name: 'GUILDHALL_MASTER_KEYS_PREVIOUS',
    fallback: 'none',
    bounds: 'master keys, comma-separated',
    effect:
      'Former master keys: what is sealed under them stays readable. After a change run `guildhall keys rotate-master`, then remove them here.',
    schema: masterKeys.optional(),
    secret: 'key',
  },
  {
    name: 'S3_URL',
    fallback: 'the data folder',
    bounds: 's3:// URL',
    effect: 'Keeps files in that bucket.',
    schema: secretText(/^s3:\/\/\S+$/, 'must begin with s3://').optional(),
    secret: 'password',
  },
  {
    name: 'METRICS_TOKEN',
    fallback: 'loopback only',
    bounds: 'at least 16 characters; several, comma-separated, are all accepted',
    effect: 'Lets scrapers from elsewhere read /metrics with this bearer token.',
    schema: tokens(16).optional(),
    secret: 'token',
  },
  {
    name: 'LOG_LEVEL',
    fallback: 'info',
    bounds: 'debug, info, warn, error, fatal, silent',
    effect: 'The least severe lines that are written.',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  },
  {
    name: 'LIMITS_SCALE',
    fallback: '1',
    bounds: '1–1000000',
    effect: 'Multiplies every rate and concurrency limit; for load tests.',
    schema: whole(1, 1_000_000, 1),
  },
  {
    name: 'EGRESS_ALLOW_PRIVATE',
    fallback: 'none',
    bounds: 'CIDRs, comma-separated, each with a name if you like: lab=10.1.0.0/16',
    effect:
      'Private networks that webhooks and agents may reach. A change is noted in the audit trail at the next start.',
    schema: openedNetworks,
  },
  {
    name: 'WORKER_SLOTS',
    fallback: '32',
    bounds: '1–1000',
    effect: 'Runs executed at once by each worker.',
    schema: whole(1, 1_000, 32),
  },
  {
    name: 'SANDBOX_MAX',
    fallback: '2',
    bounds: '1–64',
    effect: 'Child processes at once in each worker; each may use a core.',
    schema: whole(1, 64, 2),
  },
  {
    name: 'RETENTION_RUNS_DAYS',
    fallback: '90',
    bounds: '1–3650',
    effect: 'Ended runs with their steps, events and artifacts are deleted after this. Usage and ledger stay.',
    schema: whole(1, 3_650, 90),
  },
  {
    name: 'RETENTION_FILES_DAYS',
    fallback: '30',
    bounds: '1–3650',
    effect: 'Uploaded files are deleted after this.',
    schema: whole(1, 3_650, 30),
  },
  {
    name: 'RETENTION_AUDIT_DAYS',
    fallback: '2555',
    bounds: '30–36500',
    effect: 'Rows of the audit trail are deleted after this, from the beginning of each chain, and a row says so.',
    schema: whole(30, 36_500, 2_555),
  },
  {
    name: 'GUILDHALL_URL',
    fallback: 'from ready.json in the data folder',
    bounds: 'http(s) URL',
    effect: 'For the command line: the installation to talk to. Needs GUILDHALL_API_KEY.',
    schema: baseUrl.optional(),
  },
  {
    name: 'GUILDHALL_API_KEY',
    fallback: 'from ready.json in the data folder',
    bounds: 'an API key',
    effect: 'For the command line: the key to use.',
    schema: z
      .string()
      .regex(/^gld_(live|test)_[0-9A-Za-z]{36}$/, 'must be a key that begins with gld_live_ or gld_test_')
      .optional(),
    secret: 'token',
  },
  ...PEOPLE_SETTINGS,
  ...SECURITY_SETTINGS,
  ...STORE_SETTINGS,
  ...NETWORK_SETTINGS,
  ...SERVICE_SETTINGS,
  ...PROVIDER_SETTINGS,
  ...SIGN_IN_SETTINGS,
] as const satisfies readonly SettingDoc[];

export interface Settings extends PeopleSettings, NetworkSettings, ServiceSettings, SecuritySettings, StoreSettings {
  readonly port: number;
  readonly host: string;
  readonly publicUrl: string | undefined;
  readonly dataDir: string;
  readonly databaseUrl: Secret | undefined;
  readonly databasePool: number;
  readonly masterKey: Secret | undefined;
  /** Several, between commas. */
  readonly masterKeysPrevious: Secret | undefined;
  readonly s3Url: Secret | undefined;
  readonly metricsToken: Secret | undefined;
  /** All of the above that are secret, and what else must not be shown. */
  readonly secrets: LiveSecrets;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly limitsScale: number;
  readonly egressAllowPrivate: readonly OpenedNetwork[];
  readonly workerSlots: number;
  readonly sandboxMax: number;
  readonly retentionRunsMs: number;
  readonly retentionFilesMs: number;
  readonly retentionAuditMs: number;
  readonly clientUrl: string | undefined;
  readonly clientKey: string | undefined;
  readonly providers: ProviderSettings;
  readonly signIn: SignInProviderSettings;
}

/** Every fault of the environment, one a line. */
export class SettingsError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(
      `the settings have ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/** Empty counts as unset: that is what an empty line in a compose file means. */
export const given = (value: string | undefined): string | undefined =>
  value === undefined || value.trim() === '' ? undefined : value;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** The settings are those of a server that is about to start: in production more is refused. */
  readonly forServer?: boolean;
  /** What came of following references in `environment`. */
  readonly resolved?: Resolved;
}

type Resolved = { readonly faults: readonly string[]; readonly origins: ReadonlyMap<string, SecretOrigin> } | undefined;

/** Reads and freezes the settings. @throws SettingsError naming every fault. */
export function loadSettings(
  environment: Environment = process.env,
  { forServer = false, resolved }: LoadOptions = {},
): Settings {
  const faults: string[] = [...(resolved?.faults ?? [])];
  const values: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const result = (setting.schema as z.ZodType).safeParse(given(environment[setting.name]));
    if (result.success) values[setting.name] = result.data;
    else
      faults.push(
        `${setting.name}: ${result.error.issues.map((issue) => issue.message).join('; ')} (allowed: ${setting.bounds})`,
      );
  }
  faults.push(...unknownNames(environment));
  if (forServer && environment.NODE_ENV === 'production') faults.push(...unsafeIn(environment, faults));
  if (faults.length > 0) throw new SettingsError(faults);
  // Each value was parsed by the schema of its own name, a few lines above.
  const read = <T>(name: (typeof SETTINGS)[number]['name']): T => values[name] as T;
  return Object.freeze({
    port: read<number>('PORT'),
    host: read<string>('HOST'),
    publicUrl: read<string | undefined>('PUBLIC_URL'),
    dataDir: read<string>('GUILDHALL_DATA_DIR'),
    databaseUrl: read<Secret | undefined>('DATABASE_URL'),
    databasePool: read<number>('DATABASE_POOL'),
    masterKey: read<Secret | undefined>('GUILDHALL_MASTER_KEY'),
    masterKeysPrevious: read<Secret | undefined>('GUILDHALL_MASTER_KEYS_PREVIOUS'),
    s3Url: read<Secret | undefined>('S3_URL'),
    metricsToken: read<Secret | undefined>('METRICS_TOKEN'),
    logLevel: read<Settings['logLevel']>('LOG_LEVEL'),
    limitsScale: read<number>('LIMITS_SCALE'),
    egressAllowPrivate: read<readonly OpenedNetwork[]>('EGRESS_ALLOW_PRIVATE'),
    workerSlots: read<number>('WORKER_SLOTS'),
    sandboxMax: read<number>('SANDBOX_MAX'),
    retentionRunsMs: read<number>('RETENTION_RUNS_DAYS') * DAY_MS,
    retentionFilesMs: read<number>('RETENTION_FILES_DAYS') * DAY_MS,
    retentionAuditMs: read<number>('RETENTION_AUDIT_DAYS') * DAY_MS,
    clientUrl: read<string | undefined>('GUILDHALL_URL'),
    clientKey: read<string | undefined>('GUILDHALL_API_KEY'),
    ...peopleFrom(read),
    ...securityFrom(read),
    ...storesFrom(read),
    ...networkFrom(read),
    ...servicesFrom(read),
    providers: providersFrom(read),
    ...signInFrom(read),
    secrets: secretsIn(environment, values, resolved),
  });
}

/** The same objects that the settings hold, so that what is renewed is renewed everywhere. */
function secretsIn(
  environment: Environment,
  values: Readonly<Record<string, unknown>>,
  resolved: Resolved,
): LiveSecrets {
  const all = SETTINGS.flatMap((setting): SecretSetting[] => {
    const text = given(environment[setting.name]);
    if (!('secret' in setting) || text === undefined) return [];
    const value = values[setting.name];
    const from = resolved?.origins.get(setting.name) ?? 'environment';
    return [
      { name: setting.name, kind: setting.secret, from, value: value instanceof Secret ? value : new Secret(text) },
    ];
  });
  return new LiveSecrets(all);
}

/** What is out of bounds is told once. */
function unsafeIn(environment: Environment, told: readonly string[]): readonly string[] {
  const names = new Set(told.map((fault) => fault.split(':')[0]));
  const keyFile = path.join(given(environment.GUILDHALL_DATA_DIR) ?? DATA_DIR, 'master.key');
  const found = productionFaults(SETTINGS, (name) => given(environment[name]), { hasKeyFile: existsSync(keyFile) });
  return found.filter((fault) => !names.has(fault.split(':')[0]));
}

/** A misspelt name of ours is a fault; names of others are none of our business. */
function unknownNames(environment: Environment): string[] {
  const known = new Set(
    SETTINGS.flatMap((setting) => ('secret' in setting ? [setting.name, `${setting.name}_FILE`] : [setting.name])),
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith('GUILDHALL_') && !known.has(name))
    .map((name) => `${name}: is not a setting of Guildhall`);
}
