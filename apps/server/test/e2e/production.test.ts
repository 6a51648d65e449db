/** AUTH-06: the program itself refuses to serve with bad secrets, before it opens anything. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const parent = mkdtempSync(path.join(tmpdir(), 'guildhall-refused-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const key = (): string => randomBytes(32).toString('base64');
const GOOD = {
  NODE_ENV: 'production',
  PORT: '0',
  PUBLIC_URL: 'https://guildhall.acme.io',
  GUILDHALL_MASTER_KEY: key(),
};

const CASES: readonly [says: string, role: string, environment: Readonly<Record<string, string>>][] = [
  ['GUILDHALL_MASTER_KEY: is missing', 'start', { GUILDHALL_MASTER_KEY: '' }],
  ['GUILDHALL_MASTER_KEY: ', 'start', { GUILDHALL_MASTER_KEY: randomBytes(16).toString('base64') }],
  ['GUILDHALL_MASTER_KEY: ', 'api', { GUILDHALL_MASTER_KEY: 'changeme' }],
  ['METRICS_TOKEN: is weak', 'start', { METRICS_TOKEN: 'sixteen-letters-' }],
  ['CORS_ORIGINS: *', 'api', { CORS_ORIGINS: '*' }],
  ['CORS_ORIGINS: names this machine', 'start', { CORS_ORIGINS: 'http://localhost:3000' }],
  ['PUBLIC_URL: begins with http://', 'start', { PUBLIC_URL: 'http://guildhall.acme.io' }],
  ['DATABASE_URL: has no password', 'worker', { DATABASE_URL: 'postgres://owner@db.acme.io/g?sslmode=verify-full' }],
];

async function run(role: string, environment: Readonly<Record<string, string>>, folder: string) {
  const child = spawn(process.execPath, [MAIN, role], {
    env: { PATH: process.env.PATH, GUILDHALL_DATA_DIR: folder, ...GOOD, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, err };
}

test('each of eight bad environments ends the start with exit code 2, names its fault, and leaves nothing behind', async () => {
  // One after the other: a process each, on a machine that may be busy.
  for (const [index, [says, role, environment]] of CASES.entries()) {
    const folder = path.join(parent, String(index));
    const { code, err } = await run(role, environment, folder);
    expect({ says, code, named: err.includes(says) }).toEqual({ says, code: 2, named: true });
    for (const secret of [GOOD.GUILDHALL_MASTER_KEY, environment.GUILDHALL_MASTER_KEY, environment.METRICS_TOKEN])
      if (secret) expect(err).not.toContain(secret);
    expect(existsSync(folder)).toBe(false);
  }
}, 240_000);

test('a sound environment starts, with the embedded database and without a line of warning', async () => {
  const child = spawn(process.execPath, [MAIN, 'start', '--json'], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      GUILDHALL_DATA_DIR: path.join(parent, 'sound'),
      ...GOOD,
      METRICS_TOKEN: key(),
      CORS_ORIGINS: 'https://app.acme.io',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = once(child, 'close');
  await vi.waitFor(() => expect(out, err).toContain('"role":"start"'), { timeout: 200_000, interval: 50 });
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  expect(err).not.toMatch(/"level":"(warn|error|fatal)"/);
}, 240_000);
