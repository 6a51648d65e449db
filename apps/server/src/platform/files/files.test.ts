import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../crypto/index.ts';
import { createFileStore, type FileStore } from './index.ts';
import { createLocalStore } from './local.ts';
import { createS3Store } from './s3.ts';
import { createS3Client, parseS3Url } from './s3-client.ts';
import { type FakeS3, startFakeS3 } from './test-support/fake-s3.ts';

const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const code = (name: string) => ({ spec: { code: name } });

let directory: string;
let s3: FakeS3;
let store: FileStore;
let nowMs = Date.UTC(2026, 0, 1);
const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'guildhall-files-'));
  s3 = await startFakeS3();
});
afterEach(async () => {
  await store.close();
  await s3.close();
  await rm(directory, { recursive: true, force: true });
});

const filesBelow = async (root: string): Promise<string[]> =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

describe.each(['directory', 'bucket'])('a %s', (kind) => {
  beforeEach(() => {
    store = createFileStore({ directory, clock, ...(kind === 'bucket' ? { s3Url: new Secret(s3.url) } : {}) });
  });
  afterEach(() => expect(s3.refused).toEqual([]));

  test.each([
    ['empty', Buffer.alloc(0)],
    ['small', Buffer.from('name,age\nأحمد,3\n')],
    ['many pieces', randomBytes(3_000_001)],
  ])('gives back what was put: %s', async (_, content) => {
    const stored = await store.put('org_a', Readable.from([content.subarray(0, 1_000), content.subarray(1_000)]));
    expect(stored).toEqual({ sha256: sha(content), size: content.length });
    expect((await buffer(await store.get('org_a', stored.sha256))).equals(content)).toBe(true);
    expect((await readFile(await store.path('org_a', stored.sha256))).equals(content)).toBe(true);
    expect(await store.exists('org_a', stored.sha256)).toBe(true);
  });

  test('copies a file that is already on this machine and leaves it there', async () => {
    const file = path.join(directory, 'input.csv');
    await writeFile(file, 'a,b\n1,2\n');
    const { sha256 } = await store.put('org_a', { path: file });
    expect((await buffer(await store.get('org_a', sha256))).toString()).toBe('a,b\n1,2\n');
    expect(await readFile(file, 'utf8')).toBe('a,b\n1,2\n');
  });

  test('the same content twice, and by many at once, is one object', async () => {
    const content = randomBytes(100_000);
    const all = await Promise.all(Array.from({ length: 8 }, () => store.put('org_a', Readable.from([content]))));
    expect(new Set(all.map((stored) => stored.sha256)).size).toBe(1);
    expect((await buffer(await store.get('org_a', sha(content)))).equals(content)).toBe(true);
    expect(await filesBelow(directory)).toEqual([sha(content)]);
  });

  test('one organisation never sees or deletes the content of another', async () => {
    const { sha256 } = await store.put('org_a', Readable.from([Buffer.from('same')]));
    await expect(store.get('org_b', sha256)).rejects.toMatchObject(code('storage.missing'));
    await expect(store.path('org_b', sha256)).rejects.toMatchObject(code('storage.missing'));
    expect(await store.exists('org_b', sha256)).toBe(false);
    await store.put('org_b', Readable.from([Buffer.from('same')]));
    await store.delete('org_b', sha256);
    expect(await store.exists('org_b', sha256)).toBe(false);
    expect((await buffer(await store.get('org_a', sha256))).toString()).toBe('same');
  });

  test('a deleted content is missing, and deleting it again is harmless', async () => {
    const { sha256 } = await store.put('org_a', Readable.from([Buffer.from('x')]));
    await store.delete('org_a', sha256);
    await store.delete('org_a', sha256);
    await expect(store.get('org_a', sha256)).rejects.toMatchObject(code('storage.missing'));
    expect(await filesBelow(directory)).toEqual([]);
  });

  test('a source over the limit is refused at the byte that is too many, and leaves nothing', async () => {
    let pulled = 0;
    const endless = async function* () {
      for (;;) {
        pulled += 1_000;
        yield Buffer.alloc(1_000);
      }
    };
    await expect(store.put('org_a', endless(), { maxBytes: 10_000 })).rejects.toMatchObject(code('storage.too-large'));
    expect(pulled).toBe(11_000);
    await store.put('org_a', Readable.from([Buffer.alloc(10_000)]), { maxBytes: 10_000 });
    expect(await filesBelow(directory)).toEqual([sha(Buffer.alloc(10_000))]);
  });

  test('a content is announced before any of it is there, and put only when that is committed', async () => {
    const at: [string, boolean][] = [];
    let refuses = false;
    await store.close();
    store = createFileStore({
      directory,
      clock,
      announce: async (orgId, sha256) => {
        at.push([`${orgId} ${sha256}`, (await filesBelow(directory)).includes(sha256) || s3.objects.size > 0]);
        if (refuses) throw new Error('the database is away');
      },
      ...(kind === 'bucket' ? { s3Url: new Secret(s3.url) } : {}),
    });
    refuses = true;
    await expect(store.put('org_a', Readable.from([Buffer.from('x')]))).rejects.toThrow('the database is away');
    expect([await filesBelow(directory), s3.objects.size]).toEqual([[], 0]);
    refuses = false;
    const { sha256 } = await store.put('org_a', Readable.from([Buffer.from('x')]));
    expect(at).toEqual([
      [`org_a ${sha256}`, false],
      [`org_a ${sha256}`, false],
    ]);
  });

  test('a source that breaks off leaves nothing, and its own error is thrown', async () => {
    const broken = async function* () {
      yield Buffer.from('half');
      throw new Error('client went away');
    };
    await expect(store.put('org_a', broken())).rejects.toThrow('client went away');
    expect(await filesBelow(directory)).toEqual([]);
    expect(s3.objects.size).toBe(0);
  });

  test.each(['../x', 'org/../../etc', '', '.', 'ORG', 'a\0b', `o${'x'.repeat(64)}`])(
    'the organisation %j cannot become a path',
    async (orgId) => {
      await expect(store.put(orgId, Readable.from([Buffer.from('x')]))).rejects.toThrow('assertion failed');
      await expect(store.get(orgId, 'a'.repeat(64))).rejects.toThrow('assertion failed');
    },
  );

  test.each(['../../../etc/passwd', 'a'.repeat(63), 'A'.repeat(64), `${'a'.repeat(63)}/`])(
    'the name %j cannot become a path',
    async (name) => {
      for (const call of [store.get, store.path, store.exists, store.delete])
        await expect(call('org_a', name)).rejects.toThrow('assertion failed');
    },
  );

  test('sweeping removes what a stopped process left a day ago, and nothing younger', async () => {
    await store.put('org_a', Readable.from([Buffer.from('kept')]));
    const drafts = path.join(directory, kind === 'bucket' ? 'cache/drafts' : 'drafts');
    await writeFile(path.join(drafts, 'old'), 'x');
    await writeFile(path.join(drafts, 'new'), 'x');
    await utimes(path.join(drafts, 'old'), new Date(nowMs - 86_400_001), new Date(nowMs - 86_400_001));
    await utimes(path.join(drafts, 'new'), new Date(nowMs - 86_399_000), new Date(nowMs - 86_399_000));
    await store.sweep();
    expect(await readdir(drafts)).toEqual(['new']);
    expect(await store.exists('org_a', sha(Buffer.from('kept')))).toBe(true);
  });
});

describe('a directory', () => {
  test('that is full refuses with storage.full and keeps no half object', async () => {
    store = createLocalStore({ directory, clock, openFile: () => open('/dev/full', 'w') });
    await expect(store.put('org_a', Readable.from([randomBytes(100_000)]))).rejects.toMatchObject(code('storage.full'));
    expect(await filesBelow(directory)).toEqual([]);
  });

  test('that cannot be written refuses with storage.unavailable', async () => {
    await writeFile(path.join(directory, 'file'), '');
    store = createFileStore({ directory: path.join(directory, 'file'), clock });
    await expect(store.put('org_a', Readable.from([Buffer.from('x')]))).rejects.toMatchObject(
      code('storage.unavailable'),
    );
  });

  test('keeps its files from other users and from being changed', async () => {
    store = createFileStore({ directory: path.join(directory, 'files'), clock });
    const { sha256 } = await store.put('org_a', Readable.from([Buffer.from('x')]));
    const file = await store.path('org_a', sha256);
    expect((await stat(file)).mode & 0o777).toBe(0o440);
    expect((await stat(path.join(directory, 'files'))).mode & 0o077).toBe(0);
  });

  test('shows an object only after the last byte is written', async () => {
    store = createFileStore({ directory, clock });
    const content = Buffer.from('first second');
    const seen: boolean[] = [];
    const source = async function* () {
      yield content.subarray(0, 6);
      seen.push(await store.exists('org_a', sha(content)));
      yield content.subarray(6);
      seen.push(await store.exists('org_a', sha(content)));
    };
    await store.put('org_a', source());
    expect(seen).toEqual([false, false]);
    expect(await store.exists('org_a', sha(content))).toBe(true);
  });
});

describe('a bucket', () => {
  const content = randomBytes(50_000);
  const bucket = (cacheMaxBytes = 1e9): FileStore => {
    const cache = createLocalStore({ directory: path.join(directory, 'cache'), clock });
    return createS3Store({ client: createS3Client(new Secret(s3.url), clock), cache, cacheMaxBytes, clock });
  };
  const emptyCache = () => rm(path.join(directory, 'cache'), { recursive: true, force: true });
  const key = `/bucket-1/org_a/${sha(content).slice(0, 2)}/${sha(content)}`;

  test('is asked with the key that the setting holds then', async () => {
    const s3Url = new Secret(s3.url);
    const cache = createLocalStore({ directory: path.join(directory, 'cache'), clock });
    store = createS3Store({ client: createS3Client(s3Url, clock), cache, cacheMaxBytes: 1e9, clock });
    await store.put('org_a', Readable.from([content]));
    s3Url.renew(s3.addKey('AKLATTER', 'latter/secret'));
    s3.keys.delete('AKTEST');
    expect(await store.exists('org_a', sha(content))).toBe(true);
    await store.put('org_b', Readable.from([content]));
    expect(s3.refused).toEqual([]);
    expect(s3.objects.size).toBe(2);
  });

  test('holds the object itself, so that another machine reads it', async () => {
    store = bucket();
    await store.put('org_a', Readable.from([content]));
    expect(s3.objects.get(key)?.equals(content)).toBe(true);
    await emptyCache();
    const [first, second] = await Promise.all([store.path('org_a', sha(content)), store.path('org_a', sha(content))]);
    expect(second).toBe(first);
    expect((await readFile(first)).equals(content)).toBe(true);
    expect(s3.refused).toEqual([]);
  });

  test('that lost or swapped bytes is found out, and nothing of it is used', async () => {
    store = bucket();
    await store.put('org_a', Readable.from([content]));
    await emptyCache();
    s3.objects.set(key, Buffer.concat([content.subarray(1), Buffer.of(0)]));
    await expect(store.get('org_a', sha(content))).rejects.toMatchObject(code('storage.corrupt'));
    expect(await filesBelow(directory)).toEqual([]);
  });

  test.each([500, 503, 403, 301, 'cut'] as const)(
    'that answers with %s keeps no half object on either side',
    async (fail) => {
      store = bucket();
      await store.put('org_a', Readable.from([content]));
      await emptyCache();
      s3.fail = fail;
      await expect(store.get('org_a', sha(content))).rejects.toMatchObject(code('storage.unavailable'));
      if (fail !== 'cut')
        await expect(store.put('org_a', Readable.from([Buffer.from('other')]))).rejects.toMatchObject(
          code('storage.unavailable'),
        );
      expect(await filesBelow(directory)).toEqual([]);
      s3.fail = undefined;
      expect((await buffer(await store.get('org_a', sha(content)))).equals(content)).toBe(true);
    },
  );

  test('that cannot be reached is unavailable', async () => {
    store = bucket();
    await s3.close();
    await expect(store.exists('org_a', sha(content))).rejects.toMatchObject(code('storage.unavailable'));
  });

  test('that refuses our signature is unavailable, and the secret stands in no message', async () => {
    const wrong = s3.url.replace('AKTEST:', 'AKOTHER:');
    store = createFileStore({ directory, clock, s3Url: new Secret(wrong) });
    const error = await store.exists('org_a', sha(content)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(code('storage.unavailable'));
    expect(JSON.stringify(error) + String(error)).not.toContain('se/cr+et');
    expect(s3.refused).toHaveLength(1);
  });

  test('has its cache cut to the limit, least recently used first, and unused copies dropped after a day', async () => {
    store = bucket(120_000);
    const contents = Array.from({ length: 4 }, () => randomBytes(50_000));
    for (const each of contents) {
      await store.put('org_a', Readable.from([each]));
      await store.path('org_a', sha(each));
      nowMs += 60_000;
    }
    await store.sweep();
    expect(await filesBelow(directory)).toHaveLength(4);
    nowMs += 3_600_000;
    await store.sweep();
    expect((await filesBelow(directory)).toSorted()).toEqual(contents.slice(2).map(sha).toSorted());
    nowMs += 86_400_000;
    await store.sweep();
    expect(await filesBelow(directory)).toEqual([]);
    expect(await store.exists('org_a', sha(content))).toBe(false);
    expect((await buffer(await store.get('org_a', sha(contents[0] ?? content)))).length).toBe(50_000);
  });

  test.each([
    'http://a:b@h/bucket',
    's3://h/bucket',
    's3://a:b@h/',
    's3://a:b@h/x/y',
    's3://a:b@h/bucket?tls=maybe',
    's3://a:b@h/bucket?acl=public',
    'nonsense',
  ])('address %s is refused', (text) => {
    store = bucket();
    expect(() => parseS3Url(text)).toThrow(/^S3_URL/);
  });

  test('address is read with its encoded secret, region and transport', () => {
    store = bucket();
    expect(parseS3Url('s3://AK:a%2Fb%2Bc@minio:9000/my-bucket?region=me-1&tls=false')).toEqual({
      endpoint: 'http://minio:9000',
      bucket: 'my-bucket',
      region: 'me-1',
      accessKeyId: 'AK',
      secretAccessKey: 'a/b+c',
    });
    expect(parseS3Url('s3://AK:s@s3.eu-west-1.amazonaws.com/my-bucket').endpoint).toBe(
      'https://s3.eu-west-1.amazonaws.com',
    );
  });
});
