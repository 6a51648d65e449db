/** Secrets that lie in files or stores are read again while the server runs, so that most of them change without a restart. */
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
  /** @param isLive whether it counts from now on; otherwise from the next start. */
  renewed(name: string, isLive: boolean): void;
  /** What could not be read or is out of bounds: the former value stays in use. */
  failed(fault: string): void;
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
  environment: Environment = process.env,
): SecretFollower {
  const followed = settings.secrets.settings.filter(({ from }) => from !== 'environment');
  const look = async (): Promise<void> => {
    const resolved = await resolveSecrets(environment);
    for (const fault of resolved.faults) observer.failed(fault);
    for (const secret of followed) {
      const text = resolved.environment[secret.name];
      if (text === undefined || text === secret.value.reveal()) continue;
      const doc = DOCS.get(secret.name);
      if (!doc?.schema.safeParse(text).success) {
        observer.failed(`${secret.name}: its new value is out of bounds`);
        continue;
      }
      const unsafe = settings.isProduction ? unsafeNow(secret.name, resolved.environment) : undefined;
      if (unsafe !== undefined) {
        observer.failed(unsafe);
        continue;
      }
      settings.secrets.renew(secret, text);
      observer.renewed(secret.name, doc.isLive === true);
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
