/** SEC-01: no secret lies in the repository or its history, and one that did would be found. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT, readTree } from '../tidy/tree.ts';
import { scanHistory } from './history.ts';
import { type SecretFinding, scanText } from './scan.ts';

/** Fingerprints of texts that only look real, each with its reason. */
const KNOWN: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('./known.json', import.meta.url), 'utf8'),
);

const CURE = 'Revoke it and take it out; a text that is made up goes into tools/secrets/known.json with its reason.';
const unknown = (findings: readonly SecretFinding[]): readonly string[] =>
  findings
    .filter(({ fingerprint }) => !Object.hasOwn(KNOWN, fingerprint))
    .map(({ path, line, rule, fingerprint }) => `${path}:${line} ${rule} (${fingerprint}). ${CURE}`);

test('no file holds a secret', () => {
  expect(unknown(readTree().flatMap(({ path, text }) => scanText(path, text)))).toEqual([]);
});

test('no commit ever added one', () => {
  expect(unknown(scanHistory(ROOT))).toEqual([]);
});

test('what is made up is listed as long as it is there, with a reason', () => {
  const files = readTree().flatMap(({ path, text }) => scanText(path, text));
  const found = new Set([...files, ...scanHistory(ROOT)].map(({ fingerprint }) => fingerprint));
  expect(Object.keys(KNOWN).filter((fingerprint) => !found.has(fingerprint))).toEqual([]);
  expect(Object.values(KNOWN).every((reason) => reason.length > 20)).toBe(true);
});

test('files that hold secrets by their nature are not kept', () => {
  const names = readTree().map(({ path }) => path);
  expect(
    names.filter((path) => /(^|\/)(\.env(\.(?!example).*)?|.*\.(pem|key|p12|pfx)|id_rsa|id_ed25519)$/.test(path)),
  ).toEqual([]);
  expect(readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')).toEqual(
    expect.arrayContaining(['.env', '.guildhall/']),
  );
});

const pick = (alphabet: string, length: number): string =>
  [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]).join('');
const ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const b64url = (bytes: number): string => randomBytes(bytes).toString('base64url');
// Joined at run time, so that this file holds none.
const CANARIES: readonly [what: string, make: () => string][] = [
  ['a key of AWS', () => `AKIA${pick('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`],
  ['a key of OpenAI', () => `sk-${'proj'}-${pick(ALNUM, 48)}`],
  ['a key of Anthropic', () => `sk-${'ant'}-api03-${pick(ALNUM, 80)}AA`],
  ['a key of Stripe', () => `sk_${'live'}_${pick(ALNUM, 24)}`],
  ['a key of Google', () => `AIza${pick(ALNUM, 35)}`],
  ['a token of GitHub', () => `ghp_${pick(ALNUM, 36)}`],
  ['a token of GitLab', () => `glpat-${pick(ALNUM, 20)}`],
  ['a token of npm', () => `npm_${pick(ALNUM, 36)}`],
  ['a token of Vault', () => `hvs.${pick(ALNUM, 24)}`],
  ['a key of this program', () => `gld_${'live'}_${pick(ALNUM, 36)}`],
  ['a secret of webhooks', () => `whsec_${randomBytes(32).toString('base64')}`],
  ['a signed token', () => `eyJhbGciOiJFZERTQSJ9.eyJ${pick(ALNUM, 40)}.${b64url(64)}`],
  ['an address with a password', () => `postgres://owner:${pick(ALNUM, 28)}7@db.acme.io/guildhall`],
  ['a setting in the environment', () => `GUILDHALL_MASTER_KEY=${randomBytes(32).toString('base64')}`],
  ['a member of JSON', () => `{"apiKey": "${pick(ALNUM, 40)}"}`],
  ['a constant in code', () => `const signingSecret = '${b64url(32)}';`],
  ['a hexadecimal setting in YAML', () => `metrics_token: ${randomBytes(32).toString('hex')}`],
  [
    'a private key',
    () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ],
];

describe('a planted canary is found:', () => {
  test.each(CANARIES)('%s', (_, make) => {
    // Random texts may hold a word of the made-up ones: one in some ten thousand does.
    const missed = Array.from({ length: 50 }, make).filter(
      (canary) => scanText('a.ts', `x = f(${canary})\n`).length === 0,
    );
    expect(missed.length).toBeLessThanOrEqual(2);
  });

  test('in a commit that a later one took back', () => {
    const folder = mkdtempSync(join(tmpdir(), 'history-'));
    const git = (...args: readonly string[]) =>
      execFileSync(
        'git',
        ['-c', 'user.name=x', '-c', 'user.email=x@x.example', '-c', 'commit.gpgsign=false', ...args],
        { cwd: folder },
      );
    try {
      git('init', '-q');
      writeFileSync(join(folder, 'a.env'), `${`sk-${'proj'}`}-${'4fG7hJ2kL9mN1pQ3rS5tU7vWxYzA'}\n`);
      git('add', '.');
      git('commit', '-qm', 'canary');
      writeFileSync(join(folder, 'a.env'), '\n');
      git('commit', '-qam', 'taken back');
      expect(scanHistory(folder)).toMatchObject([{ rule: 'key of a model provider' }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('what only looks like a secret is not taken for one', () => {
  const harmless = [
    "const apiKeySecretOfTheOrganisation = 'provider-key-of-the-organisation';",
    'token: readTokenFromTheHeaderOfTheRequest(request)',
    '"integrity": "sha512-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1fG3hI5jK7lM9nO1pQ3rS5tU7vW9=="',
    'const password = `${randomBytes(32).toString("base64")}`',
    'https://user:${password}@host',
    'masterKey: z.string().regex(/^[A-Za-z0-9+/]{43}=?$/)',
  ];
  for (const text of harmless) expect(scanText('a.ts', text), text).toEqual([]);
});
