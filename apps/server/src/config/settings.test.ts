import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { loadSettings, SettingsError } from './index.ts';

const faultsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
};

test('without any setting every optional server and provider is off, and addresses have their defaults', () => {
  const settings = loadSettings({});
  expect(settings).toMatchObject({
    redisUrl: undefined,
    smtpUrl: undefined,
    sentryDsn: undefined,
    otlpEndpoint: undefined,
    operatorEmail: undefined,
    sentryEnvironment: 'production',
    providers: {
      openai: { apiKey: undefined, baseUrl: 'https://api.openai.com/v1' },
      anthropic: { apiKey: undefined, baseUrl: 'https://api.anthropic.com' },
      ollama: { url: undefined },
    },
  });
});

const CANARY = 'canary4f1d';
const SECRETS = {
  REDIS_URL: `redis://u:${CANARY}@redis:6379/1`,
  SMTP_URL: `smtps://u:${CANARY}@mail:465`,
  SENTRY_DSN: `https://${CANARY}@sentry.example/prefix/42`,
  OPENAI_API_KEY: `sk-${CANARY}`,
  ANTHROPIC_API_KEY: CANARY,
  GOOGLE_API_KEY: CANARY,
  MISTRAL_API_KEY: CANARY,
  NOVITA_API_KEY: CANARY,
  OPENROUTER_API_KEY: CANARY,
};

test('secrets are read, and no printing of the settings shows one', () => {
  const settings = loadSettings(SECRETS);
  const { providers } = settings;
  for (const name of ['openai', 'anthropic', 'google', 'mistral', 'novita', 'openrouter'] as const)
    expect(providers[name].apiKey?.reveal()).toContain(CANARY);
  for (const name of ['redisUrl', 'smtpUrl', 'sentryDsn'] as const) expect(settings[name]?.reveal()).toContain(CANARY);
  expect(JSON.stringify(settings)).not.toContain(CANARY);
  expect(inspect(settings, { depth: 9 })).not.toContain(CANARY);
});

test('what the settings hold in secret is known by value, passwords inside of addresses as written and as meant', () => {
  const known = loadSettings({
    ...SECRETS,
    METRICS_TOKEN: 'metrics-token-0001, metrics-token-0002',
    DATABASE_URL: 'postgres://u:data%40base@h/db',
    S3_URL: 's3://id:se%cret@bucket',
  }).secrets.values();
  const wanted = [
    `sk-${CANARY}`,
    CANARY,
    SECRETS.SENTRY_DSN,
    'metrics-token-0001',
    'metrics-token-0002',
    'data%40base',
    'data@base',
    'se%cret',
  ];
  expect(known).toEqual(expect.arrayContaining(wanted));
  expect(loadSettings({}).secrets.values()).toEqual([]);
});

test('every fault is named at once, and none repeats what was given', () => {
  const bad = Object.fromEntries(Object.keys(SECRETS).map((name) => [name, `${CANARY} ${CANARY}`]));
  const more = {
    OPENAI_BASE_URL: 'ftp://x',
    ANTHROPIC_BASE_URL: CANARY,
    OLLAMA_URL: 'localhost:11434',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector',
    OPERATOR_EMAIL: 'nobody',
    MAIL_FROM: 'A <b>',
    SENTRY_ENVIRONMENT: 'a b',
  };
  const faults = faultsOf({ ...bad, ...more });
  expect(faults.map((fault) => fault.split(':')[0]).sort()).toEqual([...Object.keys({ ...bad, ...more })].sort());
  expect(faults.join('\n')).not.toContain(CANARY);
});

test.each([
  ['REDIS_URL', 'http://redis'],
  ['REDIS_URL', 'redis://'],
  ['SMTP_URL', 'redis://mail'],
  ['SMTP_URL', 'smtp://u:100%@mail'],
  ['SENTRY_DSN', 'https://sentry.example/42'],
  ['SENTRY_DSN', 'https://key@sentry.example/'],
  ['OPENAI_API_KEY', 'short'],
  ['OPENAI_API_KEY', 'sk-12345678\r\nx-evil: 1'],
  ['OPERATOR_EMAIL', 'a@b.example, c@d.example'],
  ['MAIL_FROM', 'A\r\nBcc: x@y.example <a@b.example>'],
])('%s does not take %j', (name, value) => expect(faultsOf({ [name]: value })).toHaveLength(1));

test('addresses lose slashes at their end, and that of Anthropic its version', () => {
  const settings = loadSettings({
    OPENAI_BASE_URL: 'http://127.0.0.1:1/v1/',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/v1/',
    OLLAMA_URL: 'http://127.0.0.1:11434/',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/',
  });
  expect(settings.providers.openai.baseUrl).toBe('http://127.0.0.1:1/v1');
  expect(settings.providers.anthropic.baseUrl).toBe('http://127.0.0.1:1');
  expect(settings.providers.ollama.url).toBe('http://127.0.0.1:11434');
  expect(settings.otlpEndpoint).toBe('http://127.0.0.1:4318');
});

test('an empty value counts as unset', () =>
  expect(loadSettings({ OPENAI_API_KEY: ' ', REDIS_URL: '' }).redisUrl).toBeUndefined());

test('the sender is an address with or without a name', () => {
  expect(loadSettings({ MAIL_FROM: 'Guild <a@b.example>' }).mailFrom).toBe('Guild <a@b.example>');
  expect(loadSettings({ MAIL_FROM: 'a@b.example' }).mailFrom).toBe('a@b.example');
});
