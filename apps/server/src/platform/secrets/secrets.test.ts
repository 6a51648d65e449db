/** SEC-02: one contract for every place a secret may lie in, and what each place has of its own. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeSecretsManager, startFakeSecretsManager } from '../../../test/harness/secret-stores/aws.ts';
import { type FakeVault, startFakeVault } from '../../../test/harness/secret-stores/vault.ts';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createEgress } from '../egress/index.ts';
import {
  createAwsReader,
  createSecretReader,
  createVaultReader,
  MalformedReference,
  parseReference,
  type SecretRead,
  type SecretReader,
  type VaultOptions,
} from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
// No network is open to it but by its own trusted mode, as in the program.
const egress = createEgress({ allowPrivateCidrs: [], clock: systemClock });
let vault: FakeVault;
let aws: FakeSecretsManager;
beforeAll(async () => {
  vault = await startFakeVault();
  aws = await startFakeSecretsManager();
});
afterAll(async () => {
  await Promise.all([vault.close(), aws.close(), egress.close()]);
  rmSync(folder, { recursive: true });
});

const vaultReader = (more: Partial<VaultOptions> = {}) =>
  createVaultReader(egress, systemClock, {
    address: vault.url,
    namespace: undefined,
    login: { kind: 'token', token: new Secret(vault.token) },
    ...more,
  });
const awsReader = (more: { accessKeyId?: string; secretAccessKey?: Secret; endpoint?: string } = {}) =>
  createAwsReader(egress, systemClock, {
    region: aws.region,
    endpoint: aws.url,
    accessKeyId: aws.accessKeyId,
    secretAccessKey: new Secret(aws.secretAccessKey),
    sessionToken: undefined,
    ...more,
  });
const reader = (): SecretReader => createSecretReader({ vault: vaultReader(), aws: awsReader() });

async function read(text: string, from = reader()): Promise<SecretRead> {
  const reference = parseReference(text);
  if (!reference) throw new Error(`${text} is no reference`);
  const found = (await from.read(new Map([['X', reference]]))).get('X');
  if (!found) throw new Error('no answer under its name');
  return found;
}

const CANARY = 'value-that-nobody-may-see-4711';
const file = (name: string): string => path.join(folder, name);
function put(name: string, text: string, mode = 0o600): void {
  writeFileSync(file(name), text);
  chmodSync(file(name), mode);
}

/** How each place is filled and named. */
const PLACES: readonly [
  place: string,
  put: (name: string, value: string) => void,
  reference: (name: string) => string,
][] = [
  ['a file', (name, value) => put(name, `${value}\n`), (name) => `file:${file(name)}`],
  [
    'Vault',
    (name, value) => vault.put(`secret/${name}`, { value, other: CANARY }),
    (name) => `vault:secret/${name}#value`,
  ],
  [
    'AWS, a field',
    (name, value) => aws.put(name, JSON.stringify({ value, other: CANARY })),
    (name) => `aws:${name}#value`,
  ],
  ['AWS, a text', (name, value) => aws.put(name, value), (name) => `aws:${name}`],
  ['AWS, bytes', (name, value) => aws.put(name, Buffer.from(value)), (name) => `aws:${name}`],
];

describe.each(PLACES)('%s', (place, store, nameOf) => {
  const name = place.replace(/\W/g, '');

  test('gives a secret exactly as it was stored', async () => {
    for (const value of [
      'sk-simple',
      'postgres://u:p%40ss@h/db?x=1&y=#2',
      'ключ مفتاح 鍵',
      ' with blanks ',
      '{"json":1',
    ]) {
      store(name, value);
      expect(await read(nameOf(name))).toEqual({ ok: true, value });
    }
  });

  test('gives the new one after a change', async () => {
    store(name, 'before');
    await read(nameOf(name));
    store(name, 'after');
    expect(await read(nameOf(name))).toEqual({ ok: true, value: 'after' });
  });

  test('says what is not there by its place, and never a value', async () => {
    const missing = await read(nameOf(`${name}-missing`));
    expect(missing).toMatchObject({ ok: false, fault: expect.stringContaining(`${name}-missing`) });
    expect(JSON.stringify(missing)).not.toContain(CANARY);
  });

  test('refuses an empty secret', async () => {
    store(name, '   ');
    expect(await read(nameOf(name))).toMatchObject({ ok: place === 'AWS, a text' || place === 'AWS, bytes' });
  });
});

describe('a file', () => {
  test.each([0o644, 0o640, 0o606, 0o620, 0o660, 0o604, 0o777])(
    'of mode %o, open to others, is refused with the cure',
    async (mode) => {
      put('open', CANARY, mode);
      const found = await read(`file:${file('open')}`);
      expect(found).toMatchObject({ ok: false, fault: expect.stringContaining('chmod 600') });
      expect(JSON.stringify(found)).not.toContain(CANARY);
    },
  );

  test.each([0o600, 0o400])('of mode %o is read', async (mode) => {
    put('private', CANARY, mode);
    expect(await read(`file:${file('private')}`)).toEqual({ ok: true, value: CANARY });
    rmSync(file('private'));
  });

  test('that is a folder or larger than any secret is refused', async () => {
    mkdirSync(file('folder'), { mode: 0o700 });
    expect(await read(`file:${file('folder')}`)).toMatchObject({ ok: false });
    put('large', 'x'.repeat(70_000));
    expect(await read(`file:${file('large')}`)).toMatchObject({ ok: false, fault: expect.stringContaining('larger') });
  });
});

describe('Vault', () => {
  const login = () => ({ kind: 'approle', roleId: vault.roleId, secretId: new Secret(vault.secretId) }) as const;

  test('is logged in to once by AppRole, and again when its token was taken back', async () => {
    vault.put('secret/app', { key: 'one' });
    const from = createSecretReader({ vault: vaultReader({ login: login() }), aws: undefined });
    vault.requests.length = 0;
    const ask = () => read('vault:secret/app#key', from);
    expect(await ask()).toEqual({ ok: true, value: 'one' });
    expect(await ask()).toEqual({ ok: true, value: 'one' });
    vault.revokeLogins();
    expect(await ask()).toEqual({ ok: true, value: 'one' });
    const [get, post] = ['GET secret/data/app', 'POST auth/approle/login'];
    expect(vault.requests).toEqual([post, get, get, get, post, get]);
  });

  test('is asked in its namespace', async () => {
    const own = await startFakeVault({ namespaced: true });
    own.put('secret/a', { b: 'c' });
    const options = { address: own.url, login: { kind: 'token', token: new Secret(own.token) } } as const;
    const inside = createSecretReader({ vault: vaultReader({ ...options, namespace: 'team' }), aws: undefined });
    const outside = createSecretReader({ vault: vaultReader(options), aws: undefined });
    expect(await read('vault:secret/a#b', inside)).toEqual({ ok: true, value: 'c' });
    expect(await read('vault:secret/a#b', outside)).toMatchObject({ ok: false });
    await own.close();
  });

  test('gives all fields of one document for one request', async () => {
    vault.put('secret/many', { a: '1', b: '2', c: '3' });
    vault.requests.length = 0;
    const wanted = ['a', 'b', 'c'].map((field) => [field, { store: 'vault', path: 'secret/many', field }] as const);
    const found = await reader().read(new Map(wanted));
    expect([...found.values()].map((one) => (one.ok ? one.value : one.fault))).toEqual(['1', '2', '3']);
    expect(vault.requests).toHaveLength(1);
  });

  test.each([
    ['a wrong token', async () => vaultReader({ login: { kind: 'token', token: new Secret('hvs.wrong') } }), /403/],
    [
      'a wrong secret of the role',
      async () => vaultReader({ login: { ...login(), secretId: new Secret('x') } }),
      /AppRole.*400/,
    ],
    ['nobody at its address', async () => vaultReader({ address: 'http://127.0.0.1:1' }), /does not answer/],
    ['an address of metadata', async () => vaultReader({ address: 'http://169.254.169.254' }), /does not answer/],
  ])('with %s says so and shows nothing', async (_, make, says) => {
    vault.put('secret/kept', { value: CANARY });
    const found = await read('vault:secret/kept#value', createSecretReader({ vault: await make(), aws: undefined }));
    expect(found).toMatchObject({ ok: false, fault: expect.stringMatching(says) });
    expect(JSON.stringify(found)).not.toMatch(new RegExp(`${CANARY}|${vault.secretId}|hvs\\.`));
  });

  test('that is sealed, and a secret that was deleted or is no text, are told apart', async () => {
    vault.put('secret/odd', { number: 1, list: ['x'] });
    expect(await read('vault:secret/odd#number')).toMatchObject({
      fault: expect.stringContaining('no field "number"'),
    });
    vault.remove('secret/odd');
    expect(await read('vault:secret/odd#number')).toMatchObject({ fault: expect.stringContaining('404') });
    vault.seal(true);
    expect(await read('vault:secret/odd#number')).toMatchObject({ fault: expect.stringContaining('sealed') });
    vault.seal(false);
  });
});

describe('AWS Secrets Manager', () => {
  test.each([
    ['a foreign access key', () => awsReader({ accessKeyId: 'AKIAOTHER' }), /access key right/],
    ['a wrong secret', () => awsReader({ secretAccessKey: new Secret('wrong') }), /secret of the access key/],
    ['nobody at its address', () => awsReader({ endpoint: 'http://127.0.0.1:1' }), /does not answer/],
  ])('with %s says so and shows nothing', async (_, make, says) => {
    aws.put('kept', CANARY);
    const found = await read('aws:kept', createSecretReader({ vault: undefined, aws: make() }));
    expect(found).toMatchObject({ ok: false, fault: expect.stringMatching(says) });
    expect(JSON.stringify(found)).not.toContain(CANARY);
  });

  test('is asked for a name with slashes or an ARN as it is, and once for all fields', async () => {
    for (const name of [
      'prod/guildhall/keys',
      'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/keys-AbCdEf',
    ]) {
      aws.put(name, JSON.stringify({ a: '1', b: '2' }));
      aws.requests.length = 0;
      const references = new Map(['a', 'b'].map((field) => [field, { store: 'aws', path: name, field }] as const));
      expect(parseReference(`aws:${name}#a`)).toEqual(references.get('a'));
      expect([...(await reader().read(references)).values()].every((one) => one.ok)).toBe(true);
      expect(aws.requests).toEqual([name]);
    }
  });

  test('a secret with fields needs a field, one without has none', async () => {
    aws.put('json', JSON.stringify({ a: '1' }));
    aws.put('plain', CANARY);
    expect(await read('aws:json')).toMatchObject({ fault: expect.stringContaining('#FIELD') });
    expect(await read('aws:plain#a')).toMatchObject({ fault: expect.stringContaining('no fields') });
  });
});

test('a store that no setting names is told with the settings it needs', async () => {
  const none = createSecretReader({ vault: undefined, aws: undefined });
  expect(await read('vault:secret/a#b', none)).toMatchObject({ fault: expect.stringContaining('VAULT_ADDR') });
  expect(await read('aws:a', none)).toMatchObject({ fault: expect.stringContaining('AWS_REGION') });
});

test.each([
  'vault:secret/a',
  'vault:a#b',
  'vault:secret/../sys/raw#b',
  'vault:secret//a#b',
  'vault:secret/a?x=1#b',
  'vault:/secret/a#b',
  'aws:a b',
  'aws:a#b/c',
  'vault:secret/a#',
])('%s cannot be followed', (text) => expect(() => parseReference(text)).toThrow(MalformedReference));

test.each(['sk-123', 'https://x', 'postgres://vault:secret@h/x', 'vaultx:a', 'file:', 'AWS:a'])(
  '%s is a secret itself',
  (text) => expect(parseReference(text)).toBeUndefined(),
);
