import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chooseAccount } from './account.ts';

const isRoot = process.getuid?.() === 0;
const root = (hasNamespaces: boolean) => ({ uid: 0, hasNamespaces: () => hasNamespaces });

let folder = '';
let cluster = '';

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'account-')));
  chmodSync(folder, 0o711);
  cluster = path.join(folder, 'cluster');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('whoever is not root runs the server as itself', () => {
  expect(chooseAccount([cluster], cluster, { uid: 1000, hasNamespaces: () => false })).toEqual({ kind: 'self' });
});

test('root hands the server to nobody', () => {
  expect(chooseAccount([cluster], cluster, root(false))).toEqual({ kind: 'other', uid: 65_534, gid: 65_534 });
});

test.runIf(isRoot)('a private folder on the way makes root use a namespace, or say which folder is in the way', () => {
  chmodSync(folder, 0o700);
  expect(chooseAccount([cluster], cluster, root(true))).toEqual({ kind: 'namespace' });
  expect(() => chooseAccount([cluster], cluster, root(false))).toThrow(/cannot use .*cluster.*or set DATABASE_URL/);
});

test.runIf(isRoot)('a cluster stays with its owner', () => {
  mkdirSync(cluster);
  expect(chooseAccount([cluster], cluster, root(true))).toEqual({ kind: 'namespace' });
  chownSync(cluster, 1234, 1234);
  expect(chooseAccount([cluster], cluster, root(true))).toEqual({ kind: 'other', uid: 1234, gid: 1234 });
  expect(() => chooseAccount([cluster], cluster, { uid: 1000, hasNamespaces: () => true })).toThrow(
    'belongs to user 1234, and this is user 1000',
  );
});
