/** How each secret of the inventory is changed, step by step as docs/access/secrets.md tells the operator. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect } from 'vitest';
import type { Load } from './load.ts';
import type { Door, Outside } from './outside.ts';
import { type Stage, word } from './stage.ts';

export interface Scene {
  readonly stage: Stage;
  readonly outside: Outside;
  readonly load: Load;
  /** What a scraper sends at present. */
  readonly scraper: { token: string };
}

/** Changes the secret; ends when the former one is refused everywhere and everything goes on. */
export type Recipe = (scene: Scene) => Promise<void>;

const WAIT = { timeout: 60_000, interval: 20 };

/** Writes the new value where it lies, and has it read. */
async function put({ stage }: Scene, name: string, text: string): Promise<void> {
  stage.keep(name, text);
  expect(await stage.look()).toEqual({ renewed: [name], failed: [] });
}

/** A server that knows a login by one word. */
const atDoor =
  (name: string, doorOf: (outside: Outside) => Door, urlOf: (outside: Outside, login: string) => string): Recipe =>
  async (scene) => {
    const door = doorOf(scene.outside);
    const [former = ''] = door.accepted;
    // A login of the proxy is a name and a word.
    const latter = former.includes(':') ? `me:${word()}` : word();
    door.accepted.add(latter);
    await put(scene, name, urlOf(scene.outside, latter));
    const tried = door.seen.get(latter) ?? 0;
    await expect.poll(() => door.seen.get(latter), WAIT).toBeGreaterThan(tried + 1);
    await scene.load.more();
    door.accepted.delete(former);
    await scene.load.more();
  };

/** Used at moments that no load makes; whoever uses it reads it then. */
const read =
  (name: string, make: () => string = word): Recipe =>
  async (scene) => {
    const latter = make();
    await put(scene, name, latter);
    expect(scene.stage.valueOf(name)).toBe(latter);
  };

const byCommand =
  (...argv: readonly string[]): Recipe =>
  async ({ stage, load }) => {
    await stage.cli(...argv);
    await load.more();
  };

async function redis(scene: Scene): Promise<void> {
  const { rates } = scene.outside;
  const before = await rates.connections();
  const former = decodeURIComponent(new URL(scene.stage.valueOf('REDIS_URL') ?? '').password);
  const latter = word();
  await rates.allow(latter);
  await put(scene, 'REDIS_URL', rates.url(latter));
  const isMoved = async () => (await rates.connections()).filter((one) => before.includes(one)).length;
  await expect.poll(isMoved, WAIT).toBe(0);
  await rates.forbid(former);
  await scene.load.more();
}

async function smtp(scene: Scene): Promise<void> {
  const { mail } = scene.outside;
  const [former = ''] = mail.accepted;
  const latter = word();
  mail.accepted.add(latter);
  await put(scene, 'SMTP_URL', `smtp://${latter}:${latter}@127.0.0.1:${mail.port}`);
  await expect.poll(() => mail.mails.filter(({ user }) => user === latter).length, WAIT).toBeGreaterThan(0);
  mail.accepted.delete(former);
  await scene.load.more();
}

async function bucket(scene: Scene): Promise<void> {
  const { keys, addKey } = scene.outside.bucket;
  const [former = ''] = keys.keys();
  await put(scene, 'S3_URL', addKey('AKLATTER', word()));
  await scene.load.more();
  keys.delete(former);
  await scene.load.more();
}

async function metrics(scene: Scene): Promise<void> {
  const { token } = scene.scraper;
  const latter = word() + word();
  await put(scene, 'METRICS_TOKEN', `${latter},${token}`);
  scene.scraper.token = latter;
  await scene.load.more();
  await put(scene, 'METRICS_TOKEN', latter);
  await scene.load.more();
}

/** What a store is asked with: its next reading, of a value that has changed there, is made with the new one. */
async function vaultToken(scene: Scene): Promise<void> {
  const { vault } = scene.outside;
  const [former = ''] = vault.tokens;
  const [latter, value] = [word(), word()];
  vault.tokens.add(latter);
  await put(scene, 'VAULT_TOKEN', latter);
  vault.tokens.delete(former);
  vault.put('secret/keys', { mistral: value });
  expect(await scene.stage.look()).toEqual({ renewed: ['MISTRAL_API_KEY'], failed: [] });
}

/** Id and secret of an access key belong together, so they are changed together. */
async function awsKey(scene: Scene): Promise<void> {
  const { aws } = scene.outside;
  const [former = ''] = aws.keys.keys();
  const [id, secret, value] = [`AK${randomBytes(8).toString('hex')}`, word(), word()];
  aws.keys.set(id, secret);
  scene.stage.keep('AWS_ACCESS_KEY_ID', id);
  scene.stage.keep('AWS_SECRET_ACCESS_KEY', secret);
  expect(await scene.stage.look()).toEqual({ renewed: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], failed: [] });
  aws.keys.delete(former);
  aws.put('keys', value);
  expect(await scene.stage.look()).toEqual({ renewed: ['NOVITA_API_KEY'], failed: [] });
}

async function databaseUrl(scene: Scene): Promise<void> {
  const { stage } = scene;
  const url = new URL(stage.valueOf('DATABASE_URL') ?? '');
  const owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
  url.password = word();
  await owner.query(`alter role ${pg.escapeIdentifier(url.username)} with password ${pg.escapeLiteral(url.password)}`);
  await owner.end();
  await put(scene, 'DATABASE_URL', url.href);
  // Works as the owner, with the password that is right now.
  await stage.cli('secrets', 'rotate', 'database');
  await scene.load.more();
}

/** A key of the settings: the new one beside the former one, then the command, then the new one alone. */
async function configuredMasterKey(scene: Scene): Promise<void> {
  const { stage } = scene;
  const former = stage.valueOf('GUILDHALL_MASTER_KEY') ?? '';
  stage.keep('GUILDHALL_MASTER_KEY', randomBytes(32).toString('base64'));
  stage.keep('GUILDHALL_MASTER_KEYS_PREVIOUS', former);
  expect(await stage.look()).toEqual({
    renewed: ['GUILDHALL_MASTER_KEY', 'GUILDHALL_MASTER_KEYS_PREVIOUS'],
    failed: [],
  });
  await stage.cli('keys', 'rotate-master');
  await scene.load.more();
}

async function masterKeyFile({ stage, load }: Scene): Promise<void> {
  await stage.cli('keys', 'rotate-master');
  await load.more();
  await stage.cli('keys', 'rotate-master', '--finish');
  await load.more();
}

/** Of the passwords and keys that the program made itself. */
const OWN: Readonly<Record<string, Recipe>> = {
  'database roles': byCommand('secrets', 'rotate', 'database'),
  'signing key': byCommand('keys', 'rotate-signing'),
};

/** With the embedded database and a master key of its own. */
export const ALONE: Readonly<Record<string, Recipe>> = {
  ...OWN,
  'embedded PostgreSQL': byCommand('secrets', 'rotate', 'superuser'),
  'master key': masterKeyFile,
  METRICS_TOKEN: metrics,
  REDIS_URL: redis,
  SMTP_URL: smtp,
  S3_URL: bucket,
  SENTRY_DSN: atDoor(
    'SENTRY_DSN',
    ({ tracker }) => tracker.door,
    ({ tracker }, key) => tracker.url(key),
  ),
  EGRESS_PROXY_URL: atDoor(
    'EGRESS_PROXY_URL',
    ({ proxy }) => proxy.door,
    ({ proxy }, login) => proxy.url(login),
  ),
  OPENAI_API_KEY: atDoor(
    'OPENAI_API_KEY',
    ({ openai }) => openai.door,
    (_, key) => key,
  ),
  ANTHROPIC_API_KEY: atDoor(
    'ANTHROPIC_API_KEY',
    ({ anthropic }) => anthropic.door,
    (_, key) => key,
  ),
  GOOGLE_API_KEY: read('GOOGLE_API_KEY'),
  OPENROUTER_API_KEY: read('OPENROUTER_API_KEY'),
  MISTRAL_API_KEY: vaultToken,
  VAULT_TOKEN: vaultToken,
  VAULT_SECRET_ID: read('VAULT_SECRET_ID'),
  NOVITA_API_KEY: awsKey,
  AWS_ACCESS_KEY_ID: awsKey,
  AWS_SECRET_ACCESS_KEY: awsKey,
  AWS_SESSION_TOKEN: read('AWS_SESSION_TOKEN'),
  GOOGLE_SIGN_IN_CLIENT_SECRET: read('GOOGLE_SIGN_IN_CLIENT_SECRET'),
  GITHUB_SIGN_IN_CLIENT_SECRET: read('GITHUB_SIGN_IN_CLIENT_SECRET'),
  OIDC_SIGN_IN_CLIENT_SECRET: read('OIDC_SIGN_IN_CLIENT_SECRET'),
};

/** With a database elsewhere and a master key from the settings. */
export const BESIDE: Readonly<Record<string, Recipe>> = {
  ...OWN,
  DATABASE_URL: databaseUrl,
  'master key': configuredMasterKey,
};
