import { expect, test } from 'vitest';
import { CSV_HEAD, csvField, csvLine } from './csv.ts';

test.each([
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  '  =cmd|x',
  '\u00a0=1',
  '＝1',
  '＋1',
  '－1',
  '＠x',
  '\0=1',
  '=HYPERLINK("http://evil.example","a")',
])('AUD-03: %j is shown by a spreadsheet, not computed', (text) => {
  const field = csvField(text);
  expect(field).toMatch(/^"'/);
  expect(field.endsWith('"')).toBe(true);
  expect(field.slice(2, -1).replaceAll('""', '"')).toBe(text);
});

test.each([
  ['key_1', 'key_1'],
  ['a,b', '"a,b"'],
  ['a"b', '"a""b"'],
  ['a\r\nb', '"a\r\nb"'],
  ['', ''],
])('%j is %j', (text, field) => expect(csvField(text)).toBe(field));

test('a line has as many fields as the head, whatever stands in it', () => {
  const line = csvLine({
    id: 'aud_1',
    seq: '1',
    actorType: 'key',
    actorId: null,
    action: 'key.create',
    targetType: null,
    targetId: '=evil',
    requestId: 'a,"b',
    data: { name: 'x' },
    createdAt: '2026-01-01T00:00:00.000Z',
    prevHash: '00',
    hash: '01',
  });
  expect(line.endsWith('\r\n')).toBe(true);
  const fields = line
    .slice(0, -2)
    .match(/("([^"]|"")*"|[^,]*)(,|$)/g)
    ?.filter((field) => field !== '');
  expect(fields).toHaveLength(CSV_HEAD.split(',').length);
});
