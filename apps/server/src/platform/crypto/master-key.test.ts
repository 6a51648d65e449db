import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addMasterKey, dropOlderMasterKeys, loadMasterKeys, parseMasterKey, Secret } from './index.ts';

const loadMasterKey = async (from: string, configured?: string): Promise<Buffer> =>
  (await loadMasterKeys(from, { key: configured === undefined ? undefined : new Secret(configured) })).keys[0] ??
  Buffer.alloc(0);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'guildhall-key-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const refused = { spec: { code: 'crypto.master-key' } };

describe('a configured master key', () => {
  test('is taken in both base64 alphabets, with and without padding', () => {
    const key = randomBytes(32);
    for (const text of [key.toString('base64'), key.toString('base64url'), `${key.toString('base64')}\n`])
      expect(parseMasterKey(text).equals(key)).toBe(true);
  });

  test.each([
    ['empty', ''],
    ['short', randomBytes(16).toString('base64')],
    ['long', randomBytes(33).toString('base64')],
    ['not base64', `${'*'.repeat(43)}=`],
    ['hexadecimal', randomBytes(32).toString('hex')],
    ['all equal', Buffer.alloc(32, 7).toString('base64')],
    ['repeating', Buffer.from('0123456701234567012345670123456701234567', 'hex').subarray(0, 16).toString('base64')],
    [
      'a pattern of 8 bytes',
      Buffer.concat(Array.from({ length: 4 }, () => Buffer.from('0081f3a2b4c5d6e7', 'hex'))).toString('base64'),
    ],
    ['counting', Buffer.from(Array.from({ length: 32 }, (_, i) => 200 + i)).toString('base64')],
    ['a sentence', Buffer.from('Pack my box, five dozen jugs OK!').toString('base64')],
  ])('that is %s is refused', async (_, text) => {
    await expect(loadMasterKey(directory, text)).rejects.toMatchObject(refused);
  });
});

describe('the master key file', () => {
  test('is made once, is readable by its owner alone, and gives the same key ever after', async () => {
    const first = await loadMasterKey(path.join(directory, 'new'));
    expect(first).toHaveLength(32);
    expect((await loadMasterKey(path.join(directory, 'new'))).equals(first)).toBe(true);
    expect((await stat(path.join(directory, 'new', 'master.key'))).mode & 0o777).toBe(0o600);
    expect(await readdir(path.join(directory, 'new'))).toEqual(['master.key']);
  });

  test('that others can read is refused', async () => {
    await loadMasterKey(directory);
    await chmod(path.join(directory, 'master.key'), 0o644);
    await expect(loadMasterKey(directory)).rejects.toMatchObject(refused);
  });

  test('that is damaged is refused and not replaced', async () => {
    await writeFile(path.join(directory, 'master.key'), '', { mode: 0o600 });
    await expect(loadMasterKey(directory)).rejects.toMatchObject(refused);
    expect(await readdir(directory)).toEqual(['master.key']);
  });

  test('is the same for callers that race within one process', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadMasterKey(directory)));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(await readdir(directory)).toEqual(['master.key']);
  });

  test('is the same for processes that race on the first start', async () => {
    const program = path.join(directory, 'race.mjs');
    const door = new URL('./index.ts', import.meta.url).href;
    await writeFile(
      program,
      `import { loadMasterKeys } from ${JSON.stringify(door)};
       process.on('message', async (dir) => { process.send((await loadMasterKeys(dir)).keys[0].toString('hex'), () => process.exit(0)); });
       process.send('ready');`,
    );
    const children = Array.from({ length: 4 }, () => fork(program, { execArgv: [] }));
    const next = (child: (typeof children)[number]) =>
      new Promise<string>((resolve, reject) =>
        child.once('message', (text) => resolve(String(text))).once('error', reject),
      );
    await Promise.all(children.map(next));
    const answers = children.map(next);
    for (const child of children) child.send(path.join(directory, 'race'));
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });
});

describe('several master keys', () => {
  test('a new key stands before the old ones, a process that runs reads it again, and only the newest stays at the end', async () => {
    const { keys, reload } = await loadMasterKeys(directory);
    await addMasterKey(directory);
    const both = reload?.() ?? [];
    expect(both).toHaveLength(2);
    expect(both[1]?.equals(keys[0] ?? Buffer.alloc(0))).toBe(true);
    await dropOlderMasterKeys(directory);
    expect(reload?.()).toEqual(both.slice(0, 1));
    expect(await readdir(directory)).toEqual(['master.key']);
    expect((await stat(path.join(directory, 'master.key'))).mode & 0o777).toBe(0o600);
  });

  test('keys of settings come in the order in which they are given, and a weak one among the previous is refused', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const key = new Secret(first.toString('base64'));
    const previous = new Secret(`${second.toString('base64')}, `);
    expect(await loadMasterKeys(directory, { key, previous })).toEqual({ keys: [first, second], reload: undefined });
    previous.renew(Buffer.alloc(32, 7).toString('base64'));
    await expect(loadMasterKeys(directory, { key, previous })).rejects.toMatchObject(refused);
  });

  test('a key of the settings that may change is read again by a process that runs', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const key = new Secret(first.toString('base64'));
    const previous = new Secret('');
    const { reload } = await loadMasterKeys(directory, { key, previous, mayChange: true });
    key.renew(second.toString('base64'));
    previous.renew(first.toString('base64'));
    expect(reload?.()).toEqual([second, first]);
  });
});
