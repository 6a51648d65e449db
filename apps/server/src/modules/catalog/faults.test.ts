import { expect, test } from 'vitest';
import { z } from 'zod';
import { fieldErrors } from '../../platform/http/index.ts';
import { unfolded } from './faults.ts';

const source = z.union([
  z.strictObject({ file: z.string(), sheet: z.string().optional() }),
  z.strictObject({ rows: z.array(z.union([z.string(), z.number()])) }),
]);
const schema = z.strictObject({
  sources: z.array(source),
  step: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('sort'), by: z.string() })]).optional(),
  names: z.record(z.string().regex(/^[a-z]+$/), z.number()).optional(),
});

function faults(input: unknown) {
  const parsed = schema.safeParse(input);
  return parsed.success ? [] : fieldErrors(unfolded(parsed.error), ['input']);
}

test.each([
  ['a wrong member', { file: 7 }, '/input/sources/0/file', /expected string/],
  ['an unknown member', { file: 'f', sheets: 'x' }, '/input/sources/0/sheets', /not known/],
  ['a wrong member deep inside', { rows: ['a', 1, null] }, '/input/sources/0/rows/2', /string.*or.*number/],
  ['nothing', {}, '/input/sources/0', /file: .*; or rows: /],
  ['another type', 'file_1', '/input/sources/0', /expected object/],
])(
  'where one of several forms is asked for and %s is given, the fault says where and what',
  (_what, given, path, message) => {
    expect(faults({ sources: [given] })).toEqual([{ path, message: expect.stringMatching(message) }]);
  },
);

test('a wrong discriminator names those that exist', () => {
  expect(faults({ sources: [], step: { kind: 'sorted' } })).toEqual([
    { path: '/input/step/kind', message: expect.stringContaining("'sort'") },
  ]);
});

test('a wrong name in a record says why', () => {
  expect(faults({ sources: [], names: { A1: 1 } })).toEqual([
    { path: '/input/names/A1', message: expect.stringMatching(/key.*pattern/i) },
  ]);
});

test('faults inside and outside of unions are all named at once', () => {
  expect(faults({ sources: [{ file: 7 }, { rows: [null] }], step: {}, more: 1 }).map(({ path }) => path)).toEqual([
    '/input/sources/0/file',
    '/input/sources/1/rows/0',
    '/input/step/kind',
    '/input/more',
  ]);
});

test('a form of another type is further away than one with a wrong member', () => {
  const parsed = z.union([z.string(), z.strictObject({ left: z.string() })]).safeParse({ left: 1 });
  expect(parsed.error && unfolded(parsed.error).issues.map(({ path }) => path)).toEqual([['left']]);
});
