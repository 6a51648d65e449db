/** Secrets that lie in files or stores are read again while the server runs, so that most of them change without a restart. */
import { Secret } from '../platform/crypto/index.ts';
import { productionFaults } from './production.ts';
import { resolveSecrets } from './resolve.ts';
import type { SettingDoc } from './schemas.ts';
import { type Environment, given, type LoadOptions, loadSettings, SETTINGS, type Settings } from './settings.ts';

/** The settings of this process, with every secret read from where it lies. @throws SettingsError naming every fault. */
export async function readSettings(
  options: LoadOptions = {},
  environment: Environment = process.env,
): Promise<Settings> {
  const resolved = await resolveSecrets(environment);
  return loadSettings(resolved.environment, { ...options, resolved });
}

export interface SecretObserver {
  /** It counts from now on. */
  renewed(name: string): void;
  /** What could not be read, is out of bounds or was refused where it was tried: the former value stays in use. */
  failed(fault: string): void;
}

/**
 * Tries a new value where it will be used.
 * @param given what the settings hold now, others of the same moment included.
 * @throws with the reason, in words for the operator.
 */
export type Probe = (value: Secret, given: (name: string) => string | undefined) => Promise<unknown>;

/** By setting. */
export type Probes = Readonly<Record<string, Probe>>;

export interface FollowOptions {
  readonly probes?: Probes;
  /** That of this process, when left out. */
  readonly environment?: Environment;
}

export interface SecretFollower {
  /** Reads all again now. Never throws. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const DOCS = new Map<string, SettingDoc>(SETTINGS.map((setting) => [setting.name, setting]));

/** What a start with this value would be refused for. */
const unsafeNow = (name: string, environment: Environment): string | undefined =>
  productionFaults(SETTINGS, (one) => given(environment[one]), { hasKeyFile: true }).find((fault) =>
    fault.startsWith(`${name}:`),
  );

/** Does nothing where every secret stands in the environment itself, which cannot change. */
export function followSecrets(
  settings: Settings,
  observer: SecretObserver,
  { probes = {}, environment = process.env }: FollowOptions = {},
): SecretFollower {
  const followed = settings.secrets.settings.filter(({ from }) => from !== 'environment');
  const faultOf = async (name: string, text: string, now: Environment): Promise<string | undefined> => {
    if (!DOCS.get(name)?.schema.safeParse(text).success) return `${name}: its new value is out of bounds`;
    const unsafe = settings.isProduction ? unsafeNow(name, now) : undefined;
    if (unsafe !== undefined) return unsafe;
    try {
      await probes[name]?.(new Secret(text), (one) => given(now[one]));
      return undefined;
    } catch (error) {
      return `${name}: its new value was refused: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  const look = async (): Promise<void> => {
    const resolved = await resolveSecrets(environment);
    for (const fault of resolved.faults) observer.failed(fault);
    const changed = followed.flatMap((secret) => {
      const text = resolved.environment[secret.name];
      return text === undefined || text === secret.value.reveal() ? [] : [{ secret, text }];
    });
    // Whatever comes of it, the new values are secrets from here on.
    settings.secrets.learn(...changed.map(({ text }) => text));
    for (const { secret, text } of changed) {
      const fault = await faultOf(secret.name, text, resolved.environment);
      if (fault !== undefined) observer.failed(fault);
      else {
        settings.secrets.renew(secret, text);
        observer.renewed(secret.name);
      }
    }
  };
  let under = Promise.resolve();
  const turn = (): Promise<void> => {
    under = under
      .then(look)
      .catch((error: unknown) => observer.failed(error instanceof Error ? error.message : 'unknown'));
    return under;
  };
  const timer = followed.length === 0 ? undefined : setInterval(turn, settings.secretsRefreshMs).unref();
  return {
    look: turn,
    stop: () => {
      clearInterval(timer);
      return under;
    },
  };
}
