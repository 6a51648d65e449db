import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lock, tryLock } from './file-lock.ts';

const MODULE = fileURLToPath(new URL('./file-lock.ts', import.meta.url));

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
  file = path.join(folder, 'it.lock');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('many may share, one alone may hold it exclusively', () => {
  const one = tryLock(file, 'shared');
  const two = tryLock(file, 'shared');
  expect(two).toBeDefined();
  expect(tryLock(file, 'exclusive')).toBeUndefined();
  one?.();
  expect(tryLock(file, 'exclusive')).toBeUndefined();
  two?.();
  const alone = tryLock(file, 'exclusive');
  expect(alone).toBeDefined();
  expect(tryLock(file, 'shared')).toBeUndefined();
  alone?.();
});

test('a lock that is not free in time is an error that names the file', async () => {
  const held = tryLock(file, 'exclusive');
  await expect(lock(file, 'shared', 50)).rejects.toThrow(`another process has held ${file}`);
  held?.();
});

test('the lock of a process that was killed is free', async () => {
  const program = `import { tryLock } from ${JSON.stringify(MODULE)};
    globalThis.held = tryLock(${JSON.stringify(file)}, 'exclusive');
    console.log('held'); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  expect(tryLock(file, 'shared')).toBeUndefined();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const release = tryLock(file, 'exclusive');
  expect(release).toBeDefined();
  release?.();
});
