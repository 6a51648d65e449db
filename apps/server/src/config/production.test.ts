/** INP-06, INP-08, D4, D7: what production refuses, and that everything else may stay as easy as it is. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadSettings, SETTINGS, SettingsError } from './index.ts';
import { isStrong } from './strength.ts';

const dataDir = mkdtempSync(path.join(tmpdir(), 'production-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

const strong = (): string => randomBytes(32).toString('base64');
const GOOD = {
  NODE_ENV: 'production',
  GUILDHALL_DATA_DIR: path.join(dataDir, 'none'),
  PUBLIC_URL: 'https://guildhall.acme.io',
  GUILDHALL_MASTER_KEY: strong(),
  METRICS_TOKEN: strong(),
  CORS_ORIGINS: 'https://app.acme.io, https://admin.acme.io:8443',
  DATABASE_URL: `postgres://owner:${randomBytes(16).toString('hex')}@db.acme.io/guildhall?sslmode=verify-full`,
  REDIS_URL: `rediss://:${randomBytes(16).toString('hex')}@cache.acme.io:6379`,
};

function faultsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    loadSettings(environment, { forServer: true });
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

test('a production with strong secrets, TLS and its own origins starts', () => {
  expect(faultsOf(GOOD)).toEqual([]);
  expect(loadSettings(GOOD, { forServer: true })).toMatchObject({
    isProduction: true,
    corsOrigins: ['https://app.acme.io', 'https://admin.acme.io:8443'],
  });
});

const PASSWORD = randomBytes(16).toString('hex');
const BAD: readonly [name: string, value: string | undefined, says: RegExp][] = [
  ['PUBLIC_URL', undefined, /missing/],
  ['PUBLIC_URL', 'http://guildhall.acme.io', /http:/],
  ['CORS_ORIGINS', '*', /every page/],
  ['CORS_ORIGINS', 'https://app.acme.io,http://localhost:5173', /localhost/],
  ['CORS_ORIGINS', 'https://localhost', /localhost/],
  ['CORS_ORIGINS', 'http://127.0.0.1:3000', /localhost/],
  ['CORS_ORIGINS', 'http://[::1]:3000', /localhost/],
  ['CORS_ORIGINS', 'https://dev.localhost', /localhost/],
  ['CORS_ORIGINS', 'http://app.acme.io', /https/],
  ['CORS_ORIGINS', 'https://*.acme.io', /origin/],
  ['CORS_ORIGINS', 'https://app.acme.io/', /origin/],
  ['CORS_ORIGINS', 'null', /origin/],
  ['GUILDHALL_MASTER_KEY', undefined, /missing/],
  ['GUILDHALL_MASTER_KEY', 'secret', /32 bytes/],
  ['GUILDHALL_MASTER_KEY', randomBytes(16).toString('base64'), /32 bytes/],
  ['GUILDHALL_MASTER_KEY', Buffer.alloc(32).toString('base64'), /not random/],
  ['GUILDHALL_MASTER_KEY', Buffer.from('change-me-change-me-change-me-32').toString('base64'), /not random/],
  ['METRICS_TOKEN', 'a-weak-metrics-token', /weak/],
  ['METRICS_TOKEN', randomBytes(31).toString('hex'), /weak/],
  ['METRICS_TOKEN', `${strong()},short-token-0123456`, /weak/],
  ['METRICS_TOKEN', 'change-me-change-me', /example/],
  ['DATABASE_URL', 'postgres://owner@db.acme.io/g?sslmode=verify-full', /no password/],
  ['DATABASE_URL', 'postgres://owner:short@db.acme.io/g?sslmode=verify-full', /weak/],
  ['DATABASE_URL', `postgres://owner:${PASSWORD}@db.acme.io/g`, /TLS/],
  ['DATABASE_URL', `postgres://owner:${PASSWORD}@db.acme.io/g?sslmode=disable`, /TLS/],
  ['DATABASE_URL', `postgres://owner:${PASSWORD}@db.acme.io/g?sslmode=no-verify`, /TLS/],
  ['DATABASE_URL', `postgres://owner:${PASSWORD}@db.acme.io/g?sslmode=require&uselibpqcompat=true`, /TLS/],
  ['DATABASE_URL', `postgres://owner:${PASSWORD}@localhost/g?host=db.acme.io`, /TLS/],
  ['DATABASE_URL', 'postgres://postgres:postgres@127.0.0.1/g', /example/],
  ['REDIS_URL', 'rediss://cache.acme.io', /no password/],
  ['REDIS_URL', `redis://:${PASSWORD}@cache.acme.io`, /TLS/],
  ['VAULT_ADDR', 'http://vault.acme.io:8200', /TLS/],
  ['OPENAI_API_KEY', 'sk-your-key-here', /example/],
  ['SMTP_URL', 'smtp://mailer:changeme@mail.acme.io', /example/],
];

test.each(BAD)(
  'AUTH-06: %s=%j is refused in production, by name, and its value is not repeated',
  (name, value, says) => {
    const faults = faultsOf({ ...GOOD, [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name}: .*${says.source}`));
    const password = value === undefined ? undefined : (URL.parse(value)?.password ?? '');
    if (password) expect(faults[0]).not.toContain(password);
  },
);

test('everything that is wrong is named at once, within bounds or not', () => {
  const names = [...new Set(BAD.map(([name]) => name))];
  const worst = Object.fromEntries(BAD.map(([name, value]) => [name, value]));
  const faults = faultsOf({ ...GOOD, ...worst, PORT: 'abc' });
  expect([...new Set(faults.map((fault) => fault.split(':')[0]))].sort()).toEqual([...names, 'PORT'].sort());
});

test('a server on this machine needs neither TLS nor password, and a key file is a key', () => {
  writeFileSync(path.join(dataDir, 'master.key'), `${strong()}\n`, { mode: 0o600 });
  const here = {
    ...GOOD,
    GUILDHALL_DATA_DIR: dataDir,
    GUILDHALL_MASTER_KEY: undefined,
    DATABASE_URL: 'postgres://owner@127.0.0.1:5432/guildhall',
    REDIS_URL: 'redis://localhost:6379',
  };
  expect(faultsOf({ ...here, VAULT_ADDR: 'http://127.0.0.1:8200' })).toEqual([]);
  expect(faultsOf({ ...here, DATABASE_URL: 'postgres://owner@x/guildhall?host=/var/run/postgresql' })).toEqual([]);
});

test('outside of production nothing of this is asked, nor of a command that only talks to a server', () => {
  expect(faultsOf({ CORS_ORIGINS: '*', METRICS_TOKEN: 'sixteen-letters-' })).toEqual([]);
  expect(faultsOf({ NODE_ENV: 'development', PUBLIC_URL: 'http://localhost:3000' })).toEqual([]);
  expect(loadSettings({ NODE_ENV: 'production' }).isProduction).toBe(true);
});

test('random secrets are never taken for examples or weak ones', () => {
  for (let i = 0; i < 2_000; i += 1) {
    const bytes = randomBytes(32);
    for (const text of [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')])
      expect(isStrong(text), text).toBe(true);
  }
});

test.each([
  ['one letter', 'a'.repeat(64)],
  ['a word again and again', 'Passwort1234567890'.repeat(4)],
  ['the alphabet', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'],
  ['a sentence', 'the quick brown fox jumps over the lazy dog again'],
  ['a placeholder', 'your-secret-key-of-at-least-256-bits-0123456789AB'],
])('%s is not strong', (_, text) => expect(isStrong(text)).toBe(false));

test('every setting whose name says that it is a secret is declared as one', () => {
  // Names and times, which may be seen.
  const open = ['SECRETS_ROTATE_DAYS', 'SECRETS_REFRESH_SECONDS', 'AWS_ENDPOINT_URL_SECRETS_MANAGER'];
  const named = SETTINGS.filter(({ name }) =>
    /KEY|TOKEN|SECRET|PASSWORD|DSN|(?:DATABASE|REDIS|SMTP|S3)_URL/.test(name),
  );
  expect(named.filter((setting) => !('secret' in setting)).map(({ name }) => name)).toEqual(open);
});

test('the page on secrets says of each how it is changed', () => {
  const page = readFileSync(new URL('../../../../docs/access/secrets.md', import.meta.url), 'utf8');
  const rows = page.slice(page.indexOf('## How each is changed'));
  const secrets = SETTINGS.filter((setting) => 'secret' in setting).map(({ name }) => name);
  expect(secrets.filter((name) => !rows.includes(`\`${name}\``))).toEqual([]);
});
