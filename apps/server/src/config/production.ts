/** What production refuses although it is within the bounds of its setting. Each fault names its setting and never repeats a value. */
import { type SettingDoc, textsOf } from './schemas.ts';
import { isExample, isStrong } from './strength.ts';

/** The text of a setting after files and stores were read; undefined where it is unset. */
export type Given = (name: string) => string | undefined;

const HOW = 'openssl rand -base64 32';
const LOOPBACK = /^(?:localhost|(?:.*\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])\.?$/i;
// pg takes these for TLS with a certificate that is verified; `no-verify` and libpq's own meaning of `require` are none.
const SSL_MODES = new Set(['require', 'verify-ca', 'verify-full']);
const PASSWORD_CHARS_MIN = 16;

/** @param hasKeyFile whether `master.key` lies in the data folder: then nothing is missing. */
export function productionFaults(
  settings: readonly SettingDoc[],
  given: Given,
  { hasKeyFile }: { readonly hasKeyFile: boolean },
): readonly string[] {
  return [
    ...publicUrlFaults(given('PUBLIC_URL')),
    ...corsFaults(given('CORS_ORIGINS')),
    ...masterKeyFaults(given('GUILDHALL_MASTER_KEY'), hasKeyFile),
    ...metricsFaults(given('METRICS_TOKEN')),
    ...serverFaults('DATABASE_URL', given('DATABASE_URL'), isDatabaseSafe),
    ...serverFaults('REDIS_URL', given('REDIS_URL'), ({ protocol }) => protocol === 'rediss:'),
    ...vaultFaults(given('VAULT_ADDR')),
    ...exampleFaults(settings, given),
  ];
}

function publicUrlFaults(text: string | undefined): readonly string[] {
  if (text === undefined) return ['PUBLIC_URL: is missing; in production it must be set, and begin with https://'];
  return URL.parse(text)?.protocol === 'http:'
    ? ['PUBLIC_URL: begins with http://; in production it must begin with https://']
    : [];
}

function corsFaults(text: string | undefined): readonly string[] {
  const faults = textsOf(text).flatMap((one) => {
    if (one === '*') return ['CORS_ORIGINS: * lets every page call the API; name the origins of your pages'];
    const url = URL.parse(one);
    if (url && LOOPBACK.test(url.hostname))
      return ['CORS_ORIGINS: names this machine (localhost); name the origins of your pages alone'];
    return url?.protocol === 'http:' ? ['CORS_ORIGINS: an origin begins with http://; in production use https://'] : [];
  });
  return [...new Set(faults)];
}

function masterKeyFaults(text: string | undefined, hasKeyFile: boolean): readonly string[] {
  if (text !== undefined || hasKeyFile) return [];
  return [
    `GUILDHALL_MASTER_KEY: is missing; give one (${HOW}), or put it into master.key of the data folder (chmod 600). Keep a copy elsewhere`,
  ];
}

function metricsFaults(text: string | undefined): readonly string[] {
  return textsOf(text).every((one) => isStrong(one) || isExample(one))
    ? []
    : [`METRICS_TOKEN: is weak; it needs 256 random bits (${HOW})`];
}

function isDatabaseSafe({ searchParams }: URL): boolean {
  const modes = searchParams.getAll('sslmode');
  if (searchParams.get('uselibpqcompat') === 'true') return modes.length === 1 && modes[0] === 'verify-full';
  if (searchParams.get('ssl') === 'true' || searchParams.get('ssl') === '1')
    return modes.every((one) => SSL_MODES.has(one));
  return modes.length > 0 && modes.every((one) => SSL_MODES.has(one));
}

/** A server elsewhere is reached with a password and over TLS whose certificate is verified. */
function serverFaults(name: string, text: string | undefined, isSafe: (url: URL) => boolean): readonly string[] {
  const url = text === undefined ? null : URL.parse(text);
  if (!url || isHere(url)) return [];
  const faults: string[] = [];
  if (url.password === '') faults.push(`${name}: has no password`);
  else if (!isExample(url.password) && url.password.length < PASSWORD_CHARS_MIN)
    faults.push(`${name}: its password is weak; it needs at least ${PASSWORD_CHARS_MIN} characters`);
  if (!isSafe(url))
    faults.push(
      `${name}: is not over TLS; use ${name === 'REDIS_URL' ? 'rediss://' : '?sslmode=verify-full'}, or a server on this machine`,
    );
  return faults;
}

function vaultFaults(text: string | undefined): readonly string[] {
  const url = text === undefined ? null : URL.parse(text);
  const isClear = url?.protocol === 'http:' && !LOOPBACK.test(url.hostname);
  return isClear ? ['VAULT_ADDR: is not over TLS; the token and the secrets would pass in clear'] : [];
}

/** `?host=` of PostgreSQL stands before the host of the address; a path there is a socket of this machine. */
function isHere(url: URL): boolean {
  const hosts = url.searchParams.getAll('host');
  if (hosts.length > 0) return hosts.every((host) => host.startsWith('/') || LOOPBACK.test(host));
  return LOOPBACK.test(url.hostname);
}

function exampleFaults(settings: readonly SettingDoc[], given: Given): readonly string[] {
  return settings.flatMap(({ name, secret }) => {
    const text = secret === undefined ? undefined : given(name);
    const isBad = textsOf(text).some((one) => isExample(one) || isExample(URL.parse(one)?.password ?? ''));
    return isBad ? [`${name}: is an example or a default; give one of your own (${HOW})`] : [];
  });
}
