/** A secret may stand in a setting, in a file, or in a store; all faults of all of them are told at once. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeSecretsManager, startFakeSecretsManager } from '../../test/harness/secret-stores/aws.ts';
import { type FakeVault, startFakeVault } from '../../test/harness/secret-stores/vault.ts';
import { followSecrets, readSettings, SettingsError } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'references-'));
let vault: FakeVault;
let aws: FakeSecretsManager;
beforeAll(async () => {
  vault = await startFakeVault();
  aws = await startFakeSecretsManager();
});
afterAll(async () => {
  await Promise.all([vault.close(), aws.close()]);
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string, mode = 0o600): string {
  const to = path.join(folder, name);
  writeFileSync(to, `${text}\n`, { mode });
  return to;
}

const stores = () => ({
  VAULT_ADDR: vault.url,
  VAULT_TOKEN_FILE: file('vault-token', vault.token),
  AWS_REGION: aws.region,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
  AWS_ACCESS_KEY_ID: aws.accessKeyId,
  AWS_SECRET_ACCESS_KEY: `file:${file('aws-secret', aws.secretAccessKey)}`,
});

async function faultsOf(environment: Record<string, string>): Promise<readonly string[]> {
  try {
    await readSettings({}, environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

test('secrets come from the setting, from NAME_FILE, from file:, from Vault and from AWS side by side', async () => {
  vault.put('secret/guildhall', { anthropic: 'sk-ant-from-vault', database: 'postgres://o:p%40ss@db/g' });
  aws.put('guildhall/redis', 'rediss://:from-aws@cache:6379');
  const settings = await readSettings(
    {},
    {
      ...stores(),
      OPENAI_API_KEY: 'sk-from-the-environment',
      MISTRAL_API_KEY_FILE: file('mistral', 'key-from-a-file'),
      GOOGLE_API_KEY: `file:${file('google', 'key-from-another')}`,
      ANTHROPIC_API_KEY: 'vault:secret/guildhall#anthropic',
      DATABASE_URL: 'vault:secret/guildhall#database',
      REDIS_URL: 'aws:guildhall/redis',
    },
  );
  const { providers } = settings;
  expect(providers.openai.apiKey?.reveal()).toBe('sk-from-the-environment');
  expect(providers.mistral.apiKey?.reveal()).toBe('key-from-a-file');
  expect(providers.google.apiKey?.reveal()).toBe('key-from-another');
  expect(providers.anthropic.apiKey?.reveal()).toBe('sk-ant-from-vault');
  expect(settings.databaseUrl?.reveal()).toBe('postgres://o:p%40ss@db/g');
  expect(settings.redisUrl?.reveal()).toBe('rediss://:from-aws@cache:6379');
  expect(Object.fromEntries(settings.secrets.settings.map(({ name, from }) => [name, from]))).toMatchObject({
    OPENAI_API_KEY: 'environment',
    MISTRAL_API_KEY: 'file',
    GOOGLE_API_KEY: 'file',
    ANTHROPIC_API_KEY: 'vault',
    REDIS_URL: 'aws',
    VAULT_TOKEN: 'file',
  });
  expect(settings.secrets.values()).toEqual(expect.arrayContaining(['sk-ant-from-vault', 'p@ss', vault.token]));
});

test('everything that is wrong with any of them is told at once, beside the faults of other settings, without a value', async () => {
  vault.put('secret/short', { key: 'canary' });
  const faults = await faultsOf({
    ...stores(),
    PORT: 'abc',
    OPENAI_API_KEY: 'sk-12345678',
    OPENAI_API_KEY_FILE: file('twice', 'sk-12345679'),
    REDIS_URL: 'vault:nothing',
    ANTHROPIC_API_KEY: 'vault:secret/nowhere#key',
    GOOGLE_API_KEY: 'vault:secret/short',
    MISTRAL_API_KEY: 'vault:secret/short#key',
    NOVITA_API_KEY: 'aws:nothing',
    OPENROUTER_API_KEY_FILE: file('open-to-all', 'canary-of-a-file', 0o644),
    METRICS_TOKEN_FILE: path.join(folder, 'missing'),
    AWS_SESSION_TOKEN: 'aws:itself',
    GUILDHALL_MASTER_KEY_FILES: 'x',
  });
  const names = faults.map((fault) => fault.slice(0, fault.indexOf(':')));
  expect(names.sort()).toEqual(
    [
      'PORT',
      'OPENAI_API_KEY',
      'REDIS_URL',
      'ANTHROPIC_API_KEY',
      'GOOGLE_API_KEY',
      'MISTRAL_API_KEY',
      'NOVITA_API_KEY',
      'OPENROUTER_API_KEY',
      'METRICS_TOKEN',
      'AWS_SESSION_TOKEN',
      'GUILDHALL_MASTER_KEY_FILES',
    ].sort(),
  );
  expect(faults.join('\n')).not.toMatch(/canary/);
});

test('a store that does not answer is a fault of each secret that lies there, and of production what it holds', async () => {
  expect(
    await faultsOf({
      VAULT_ADDR: 'http://127.0.0.1:1',
      VAULT_TOKEN: 't',
      OPENAI_API_KEY: 'vault:secret/a#b',
      REDIS_URL: 'vault:secret/a#c',
    }),
  ).toEqual([expect.stringContaining('REDIS_URL: Vault'), expect.stringContaining('OPENAI_API_KEY: Vault')]);
  vault.put('secret/prod', { metrics: 'weak-metrics-token' });
  const production = readSettings(
    { forServer: true },
    {
      ...stores(),
      NODE_ENV: 'production',
      PUBLIC_URL: 'https://g.acme.io',
      METRICS_TOKEN: 'vault:secret/prod#metrics',
      GUILDHALL_MASTER_KEY: 'vault:secret/prod#none',
    },
  );
  await expect(production).rejects.toMatchObject({
    faults: [
      expect.stringMatching(/^GUILDHALL_MASTER_KEY: .*no field/),
      expect.stringMatching(/^METRICS_TOKEN: is weak/),
    ],
  });
});

test('without references nothing is read and no store is asked', async () => {
  vault.requests.length = 0;
  const settings = await readSettings({}, { ...stores(), OPENAI_API_KEY: 'sk-12345678' });
  expect(settings.secrets.settings.map(({ name }) => name)).toContain('OPENAI_API_KEY');
  expect(vault.requests).toEqual([]);
});

test('a secret that changes where it lies is renewed in place, and its former value stays unseen', async () => {
  vault.put('secret/live', { openai: 'sk-former-one', redis: 'redis://:former@h' });
  const metrics = file('metrics', 'token-of-sixteen-1');
  const environment = {
    ...stores(),
    OPENAI_API_KEY: 'vault:secret/live#openai',
    REDIS_URL: 'vault:secret/live#redis',
    METRICS_TOKEN_FILE: metrics,
    MISTRAL_API_KEY: 'in-the-environment',
  };
  const settings = await readSettings({}, environment);
  const told: string[] = [];
  const follower = followSecrets(
    settings,
    { renewed: (name) => void told.push(name), failed: (fault) => void told.push(fault) },
    { environment },
  );
  await follower.look();
  expect(told).toEqual([]);
  vault.put('secret/live', { openai: 'sk-latter-one', redis: 'redis://:latter@h' });
  file('metrics', 'token-of-sixteen-2,token-of-sixteen-1');
  await follower.look();
  expect(told.sort()).toEqual(['METRICS_TOKEN', 'OPENAI_API_KEY', 'REDIS_URL']);
  expect(settings.providers.openai.apiKey?.reveal()).toBe('sk-latter-one');
  expect(settings.metricsToken?.reveal()).toBe('token-of-sixteen-2,token-of-sixteen-1');
  const unseen = settings.secrets.values();
  expect(unseen).toEqual(expect.arrayContaining(['sk-former-one', 'sk-latter-one', 'former', 'token-of-sixteen-2']));

  told.length = 0;
  vault.put('secret/live', { openai: 'x', redis: 'redis://:latter@h' });
  file('metrics', 'short');
  await follower.look();
  expect(told.sort()).toEqual([expect.stringContaining('METRICS_TOKEN'), expect.stringContaining('OPENAI_API_KEY')]);
  vault.seal(true);
  await follower.look();
  vault.seal(false);
  expect(settings.providers.openai.apiKey?.reveal()).toBe('sk-latter-one');
  await follower.stop();
});

test('in production a weak value that appears while the server runs is not taken over', async () => {
  const strong = (): string => randomBytes(32).toString('base64');
  const [first, second] = [strong(), strong()];
  const environment = {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://g.acme.io',
    GUILDHALL_MASTER_KEY: strong(),
    METRICS_TOKEN_FILE: file('strong', first),
  };
  const settings = await readSettings({ forServer: true }, environment);
  const told: string[] = [];
  const observer = {
    renewed: (name: string) => void told.push(name),
    failed: (fault: string) => void told.push(fault),
  };
  const follower = followSecrets(settings, observer, { environment });
  file('strong', 'a-weak-metrics-token');
  await follower.look();
  expect(told).toEqual([expect.stringMatching(/^METRICS_TOKEN: is weak/)]);
  expect(settings.metricsToken?.reveal()).toBe(first);
  file('strong', `${second},${first}`);
  await follower.look();
  expect(settings.metricsToken?.reveal()).toBe(`${second},${first}`);
  await follower.stop();
});
