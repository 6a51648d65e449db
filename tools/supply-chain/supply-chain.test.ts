/** SEC-10: what is installed is pinned to its bytes, what runs at its installation was read, and a weak package ends the audit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, readTree } from '../tidy/tree.ts';
import { judge } from './judge.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const lock: Readonly<Record<string, Locked>> = json(join(ROOT, 'package-lock.json')).packages;
const reviewed: Readonly<Record<string, { version: string; integrity: string; reason: string }>> = json(
  new URL('./reviewed.json', import.meta.url).pathname,
);
const packages = Object.entries(lock)
  .filter(([path, { link }]) => path.includes('node_modules/') && !link)
  .map(([path, locked]) => ({ name: path.replace(/^.*node_modules\//, ''), ...locked }));

test('a package that runs a script at its installation was read in exactly this form, with the reason why it may', () => {
  const running = packages.filter(({ hasInstallScript }) => hasInstallScript);
  expect(Object.fromEntries(running.map(({ name, version, integrity }) => [name, { version, integrity }]))).toEqual(
    Object.fromEntries(
      Object.entries(reviewed).map(([name, { version, integrity }]) => [name, { version, integrity }]),
    ),
  );
  expect(Object.values(reviewed).every(({ reason }) => reason.length > 20)).toBe(true);
});

test('every package is pinned by the hash of its bytes; what has none belongs to other platforms', () => {
  const loose = packages.filter(
    ({ integrity, optional }) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') && !optional,
  );
  expect(loose.map(({ name }) => name)).toEqual([]);
});

test('no package comes from elsewhere than the registry', () => {
  const foreign = packages.filter(
    ({ resolved }) => resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'),
  );
  expect(foreign.map(({ name }) => name)).toEqual([]);
});

test('every dependency is asked for in one exact version', () => {
  const ranges = readTree()
    .filter(({ path }) => /(^|\/)package\.json$/.test(path))
    .flatMap(({ path, text }) => {
      const manifest = JSON.parse(text);
      const wanted: Record<string, string> = {
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      };
      return Object.entries(wanted).map(([name, version]) => ({ path, name, version }));
    })
    .filter(
      ({ name, version }) =>
        !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) && !(name.startsWith('@guildhall/') && version === '*'),
    );
  expect(ranges).toEqual([]);
});

const REPORT = { auditReportVersion: 2, metadata: { vulnerabilities: {} } };
const planted = (severity: string) => ({
  ...REPORT,
  vulnerabilities: { lodash: { name: 'lodash', severity, range: '<4.17.12', fixAvailable: true } },
});

test.each(['high', 'critical', 'of-tomorrow'])(
  'a planted package of severity %s ends the audit, by its name',
  (severity) => {
    const verdict = judge(JSON.stringify(planted(severity)));
    expect(verdict.kind).toBe('weak');
    expect(verdict.lines.join()).toContain('lodash <4.17.12');
  },
);

test.each(['info', 'low', 'moderate'])('one of severity %s is shown and ends nothing', (severity) => {
  const verdict = judge(JSON.stringify(planted(severity)));
  expect(verdict.kind).toBe('clean');
  expect(verdict.lines.join()).toContain('lodash');
});

test.each([
  [
    'a registry that refuses',
    JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405, error: { summary: '' } }),
  ],
  ['no network', JSON.stringify({ error: { code: 'ENOTFOUND', summary: 'request failed' } })],
  ['nothing', ''],
  ['a page', '<html></html>'],
  ['null', 'null'],
])('%s is no clean report', (_, text) => expect(judge(text).kind).toBe('unknown'));

test('a clean report is clean', () =>
  expect(judge(JSON.stringify({ ...REPORT, vulnerabilities: {} })).kind).toBe('clean'));
