/** The page docs/asvs/README.md is data: every requirement of ASVS 5.0 of levels 1 and 2 stands in it, with a proof that exists or a reason. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const FOLDER = path.join(ROOT, 'docs', 'asvs');

/** Section: its requirements of levels 1 (with a star) and 2, as the standard numbers them. */
const REQUIREMENTS = {
  '1.1': '1 2',
  '1.2': '1* 2* 3* 4* 5* 6 7 8 9',
  '1.3': '1* 2* 3 4 5 6 7 8 9 10 11',
  '1.4': '1 2 3',
  '1.5': '1* 2',
  '2.1': '1* 2 3',
  '2.2': '1* 2* 3',
  '2.3': '1* 2 3 4',
  '2.4': '1',
  '3.2': '1* 2*',
  '3.3': '1* 2 3 4',
  '3.4': '1* 2* 3 4 5 6',
  '3.5': '1* 2* 3* 4 5',
  '3.7': '1 2',
  '4.1': '1* 2 3',
  '4.2': '1',
  '4.3': '1 2',
  '4.4': '1* 2 3 4',
  '5.1': '1',
  '5.2': '1* 2* 3',
  '5.3': '1* 2*',
  '5.4': '1 2 3',
  '6.1': '1* 2 3',
  '6.2': '1* 2* 3* 4* 5* 6* 7* 8* 9 10 11 12',
  '6.3': '1* 2* 3 4',
  '6.4': '1* 2* 3 4',
  '6.5': '1 2 3 4 5',
  '6.6': '1 2 3',
  '6.8': '1 2 3 4',
  '7.1': '1 2 3',
  '7.2': '1* 2* 3* 4*',
  '7.3': '1 2',
  '7.4': '1* 2* 3 4 5',
  '7.5': '1 2',
  '7.6': '1 2',
  '8.1': '1* 2',
  '8.2': '1* 2* 3',
  '8.3': '1*',
  '8.4': '1',
  '9.1': '1* 2* 3*',
  '9.2': '1* 2 3 4',
  '10.1': '1 2',
  '10.2': '1 2',
  '10.3': '1 2 3 4',
  '10.4': '1* 2* 3* 4* 5* 6 7 8 9 10 11',
  '10.5': '1 2 3 4 5',
  '10.6': '1 2',
  '10.7': '1 2 3',
  '11.1': '1 2',
  '11.2': '1 2 3',
  '11.3': '1* 2* 3',
  '11.4': '1* 2 3 4',
  '11.5': '1',
  '11.6': '1',
  '12.1': '1* 2 3',
  '12.2': '1* 2*',
  '12.3': '1 2 3 4',
  '13.1': '1',
  '13.2': '1 2 3 4 5',
  '13.3': '1 2',
  '13.4': '1* 2 3 4 5',
  '14.1': '1 2',
  '14.2': '1* 2 3 4',
  '14.3': '1* 2 3',
  '15.1': '1* 2 3',
  '15.2': '1* 2 3',
  '15.3': '1* 2 3 4 5 6 7',
  '16.1': '1',
  '16.2': '1 2 3 4 5',
  '16.3': '1 2 3 4',
  '16.4': '1 2 3',
  '16.5': '1 2 3',
  '17.1': '1',
  '17.2': '1 2 3 4',
  '17.3': '1 2',
} as const;

interface Row {
  readonly id: string;
  readonly level: string;
  readonly asks: string;
  readonly proof: string;
}

const wanted: readonly (readonly [id: string, level: string])[] = Object.entries(REQUIREMENTS).flatMap(
  ([section, numbers]) =>
    numbers
      .split(' ')
      .map((number) => [`${section}.${number.replace('*', '')}`, number.endsWith('*') ? '1' : '2'] as const),
);

const rowsIn = (page: string): readonly Row[] =>
  [...page.matchAll(/^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.*) \|$/gm)].map(
    ([, id = '', level = '', asks = '', proof = '']) => ({
      id,
      level,
      asks,
      proof,
    }),
  );

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-');
const hasHeading = (file: string, anchor: string): boolean =>
  [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].some(([, heading = '']) => anchorOf(heading) === anchor);

/** Whether a test of this file has exactly this title; of a table of cases, its pattern or one of its rows. */
const hasTitle = (text: string, title: string): boolean =>
  ["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`));

/** What is wrong with the proof of a row, if anything. */
function faultOf({ id, proof }: Row): string | undefined {
  if (/^no: \S.{9,}/.test(proof)) return undefined;
  const links = [...proof.matchAll(/\[[^\]]+\]\(([^)#\s]+)(?:#([^)\s]+))?(?: "([^"]+)")?\)/g)];
  if (links.length === 0) return `${id}: neither a proof nor a reason why it does not apply`;
  for (const [, target = '', anchor, title] of links) {
    const file = path.join(FOLDER, target);
    if (!existsSync(file)) return `${id}: ${target} does not exist`;
    if (anchor !== undefined && !hasHeading(file, anchor)) return `${id}: ${target} has no heading #${anchor}`;
    if (!target.endsWith('.test.ts')) continue;
    const text = readFileSync(file, 'utf8');
    if (!/^\s*(it|test)\b/m.test(text)) return `${id}: ${target} tests nothing`;
    if (title !== undefined && !hasTitle(text, title)) return `${id}: ${target} has no test "${title}"`;
  }
  return undefined;
}

/** Everything that is wrong with a page. */
function faultsIn(page: string): readonly string[] {
  const rows = rowsIn(page);
  const known = new Map(rows.map((row) => [row.id, row]));
  return [
    ...wanted.filter(([id]) => !known.has(id)).map(([id]) => `${id}: does not stand in the table`),
    ...wanted
      .filter(([id, level]) => known.has(id) && known.get(id)?.level !== level)
      .map(([id]) => `${id}: is of another level`),
    ...rows
      .filter(({ id }) => !wanted.some(([one]) => one === id))
      .map(({ id }) => `${id}: is no requirement of these levels`),
    ...(known.size === rows.length ? [] : ['a requirement stands twice']),
    ...rows.map(faultOf).filter((fault) => fault !== undefined),
  ];
}

const page = readFileSync(path.join(FOLDER, 'README.md'), 'utf8');

test('70 requirements of level 1 and 183 of level 2 are known', () => {
  expect(wanted.filter(([, level]) => level === '1')).toHaveLength(70);
  expect(wanted.filter(([, level]) => level === '2')).toHaveLength(183);
});

test('each stands in the table with a proof that exists, or with the reason why it does not apply', () => {
  expect(faultsIn(page)).toEqual([]);
});

test.each([
  [
    'a requirement that is missing',
    (text: string) => text.replace(/^\| 8\.4\.1 .*\n/m, ''),
    '8.4.1: does not stand in the table',
  ],
  [
    'a requirement without proof',
    (text: string) => text.replace(/^(\| 8\.4\.1 .*\| ).* \|$/m, '$1 |'),
    '8.4.1: neither',
  ],
  [
    'a proof that does not exist',
    (text: string) => text.replace('tenancy.test.ts)', 'gone.test.ts)'),
    'gone.test.ts does not exist',
  ],
  [
    'a promise that no test makes',
    (text: string) => text.replace('"no account comes with the program"', '"no account ever"'),
    '6.3.2: ../../apps/server/test/api/people.test.ts has no test "no account ever"',
  ],
  [
    'a heading that does not exist',
    (text: string) => text.replace('#what-is-not-done) |', '#nothing) |'),
    'no heading #nothing',
  ],
  [
    'a level that is wrong',
    (text: string) => text.replace('| 8.4.1 | 2 |', '| 8.4.1 | 1 |'),
    '8.4.1: is of another level',
  ],
  [
    'a requirement that there is not',
    (text: string) => text.replace('| 8.4.1 | 2 |', '| 8.4.9 | 2 |'),
    '8.4.9: is no requirement',
  ],
  ['a bare no', (text: string) => text.replace(/no: no WebRTC/, 'no:'), '17.1.1: neither'],
])('%s ends the build', (_, change, fault) => {
  const changed = change(page);
  expect(changed).not.toBe(page);
  expect(faultsIn(changed).join('\n')).toContain(fault);
});
