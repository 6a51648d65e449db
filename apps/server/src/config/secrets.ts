/** The secrets among the settings: what must never be shown, as it is and as parts of it, and what may change while the process lives. */
import type { Secret } from '../platform/crypto/index.ts';
import type { Store } from '../platform/secrets/index.ts';
import { type SettingDoc, textsOf } from './schemas.ts';

/** `environment`: the setting holds the secret itself. */
export type SecretOrigin = 'environment' | Store;

export interface SecretSetting {
  readonly name: string;
  readonly kind: NonNullable<SettingDoc['secret']>;
  readonly from: SecretOrigin;
  /** The very one that the settings hold, where they hold one. */
  readonly value: Secret;
}

/** The password within a URL, as written and as meant; nothing where there is none. */
function loginOf(text: string): readonly string[] {
  const password = URL.parse(text)?.password ?? '';
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    // A stray percent sign: then it stands for itself.
    return [password];
  }
}

const formsOf = (text: string): readonly string[] => [text, ...textsOf(text), ...loginOf(text)];

// Values that were in use stay unseen; a secret that is changed every minute for a day is still within this.
const LEARNED_MAX = 2_000;

export class LiveSecrets {
  /** Those that are set. */
  readonly settings: readonly SecretSetting[];
  readonly #learned = new Set<string>();
  #values: readonly string[] | undefined;

  constructor(settings: readonly SecretSetting[]) {
    this.settings = settings;
  }

  /** For `createScrubber`; the same list until something is learned. */
  readonly values = (): readonly string[] => {
    this.#values ??= [...new Set([...this.settings.flatMap(({ value }) => formsOf(value.reveal())), ...this.#learned])];
    return this.#values;
  };

  /** Makes values known that came from elsewhere than settings. */
  learn(...texts: readonly string[]): void {
    for (const text of texts.flatMap(formsOf)) {
      const [oldest] = this.#learned;
      if (this.#learned.size >= LEARNED_MAX && oldest !== undefined) this.#learned.delete(oldest);
      this.#learned.add(text);
    }
    this.#values = undefined;
  }

  /** Whoever reveals the secret from now on gets the new text; the former one stays unseen in logs. */
  renew({ value }: SecretSetting, text: string): void {
    this.learn(value.reveal());
    value.renew(text);
  }
}
