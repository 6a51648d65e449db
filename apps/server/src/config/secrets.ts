/** What of the settings must never be shown, as it is and as parts of it. */
import { Secret } from '../platform/crypto/index.ts';
import type { Settings } from './settings.ts';

/** The password within a URL, as written and as meant; nothing where there is none. */
function loginOf(text: string): readonly string[] {
  const url = URL.parse(text);
  if (url === null) return [];
  const { password } = url;
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    // A stray percent sign: then it stands for itself.
    return [password];
  }
}

/** For `createScrubber`: keys, tokens, and the passwords inside of addresses. */
export function secretsOf(settings: Settings): readonly string[] {
  const { masterKey, metricsToken, clientKey, databaseUrl, s3Url, redisUrl, smtpUrl, sentryDsn } = settings;
  const addresses = [databaseUrl, s3Url, redisUrl?.reveal(), smtpUrl?.reveal(), sentryDsn?.reveal()];
  const keys = Object.values(settings.providers).map((provider) =>
    'apiKey' in provider ? provider.apiKey : undefined,
  );
  const values = [masterKey, metricsToken, clientKey, ...keys].map((value) =>
    value instanceof Secret ? value.reveal() : value,
  );
  const known = addresses.filter((address) => address !== undefined);
  return [...values.filter((value) => value !== undefined), ...known, ...known.flatMap(loginOf)];
}
