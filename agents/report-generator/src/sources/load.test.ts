import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import writeXlsxFile from 'write-excel-file/node';
import { fileSource } from '../input/source.ts';
import { loadSources } from './load.ts';
import type { Table } from './table.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-sources-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(name: string, content: string | Uint8Array, more: object = {}, timeZone = 'UTC'): Promise<Table> {
  const path = join(folder, name);
  await writeFile(path, content);
  const source = fileSource.parse({ file: { file: 'file_1' }, ...more });
  const { tables } = await loadSources(
    [
      {
        id: source.id,
        label: source.id,
        dateColumn: source.dateColumn,
        columns: source.columns,
        content: { kind: 'file', path, name, reading: source },
      },
    ],
    timeZone,
  );
  const [table] = tables;
  if (table === undefined) throw new Error('no table');
  return table;
}
const column = (table: Table, name: string) => ({
  type: table.columns.get(name)?.type,
  cells: table.columns.get(name)?.cells,
});

describe('files', () => {
  test('CSV: quoted cells, thousands, codes with leading zeros', async () => {
    const table = await load('a.csv', 'code,name,sum\n001,"Ali, ""A"" & Co",\n002,x,"1,234.50"\n');
    expect(column(table, 'code')).toEqual({ type: 'text', cells: ['001', '002'] });
    expect(column(table, 'name').cells).toEqual(['Ali, "A" & Co', 'x']);
    expect(column(table, 'sum')).toEqual({ type: 'number', cells: [null, '1234.5'] });
  });

  test('Arabic digits are numbers, a decimal comma is one where it is declared', async () => {
    const table = await load('b.csv', 'مبلغ;preis\n١٬٢٣٤٫٥;1.234,50\n', {
      columns: { preis: { type: 'number', decimal: ',' } },
    });
    expect(column(table, 'مبلغ')).toEqual({ type: 'number', cells: ['1234.5'] });
    expect(column(table, 'preis').cells).toEqual(['1234.5']);
  });

  test('an instant belongs to the day of the time zone', async () => {
    const rows = 'at\n2026-10-31T22:30:00Z\n2026-10-31T12:00:00+03:00\n';
    expect(column(await load('c.csv', rows, {}, 'Asia/Riyadh'), 'at')).toEqual({
      type: 'date',
      cells: ['2026-11-01T01:30:00', '2026-10-31T12:00:00'],
    });
  });

  test.each(['utf-16le', 'windows-1256'] as const)('%s is read', async (encoding) => {
    const utf16 = Buffer.from('\ufeffاسم,n\nعلي,1\n', 'utf16le');
    const windows = Buffer.from([0xc7, 0xd3, 0xe3, 0x2c, 0x6e, 0x0a, 0xda, 0xe1, 0xed, 0x2c, 0x31, 0x0a]);
    const table = encoding === 'utf-16le' ? await load('d.csv', utf16) : await load('e.csv', windows, { encoding });
    expect(column(table, 'اسم').cells).toEqual(['علي']);
  });

  test('JSON keeps every digit, finds the list and flattens objects', async () => {
    const table = await load(
      'f.json',
      '{"meta":1,"rows":[{"id":12345678901234567890,"v":{"net":0.10}},{"id":1,"v":{"net":null}}]}',
    );
    expect(column(table, 'id').cells).toEqual(['12345678901234567890', '1']);
    expect(column(table, 'v.net')).toEqual({ type: 'number', cells: ['0.1', null] });
  });

  test('NDJSON and a pointer into JSON', async () => {
    expect((await load('g.ndjson', '{"a":1}\n\n{"a":2}\n')).rowCount).toBe(2);
    expect((await load('h.json', '{"x":{"y":[{"a":1}]},"z":[]}', { pointer: '/x/y' })).rowCount).toBe(1);
  });

  test('XLSX keeps numbers and days', async () => {
    const day = new Date('2026-10-05T00:00:00Z');
    const bytes = await writeXlsxFile(
      [
        [{ value: 'd' }, { value: 'v' }],
        [{ value: day, type: Date, format: 'yyyy-mm-dd' }, { value: 0.1 }],
      ],
      { sheet: 'Data' },
    ).toBuffer();
    const table = await load('i.xlsx', bytes);
    expect(column(table, 'd')).toEqual({ type: 'date', cells: ['2026-10-05'] });
    expect(column(table, 'v')).toEqual({ type: 'number', cells: ['0.1'] });
  });
});

describe('broken files say what is wrong', () => {
  test.each([
    ['an open quotation mark', 'a.csv', 'a,b\n1,"x\n', {}, 'csv-broken'],
    ['a row that is too long', 'b.csv', 'a,b\n1,2,3\n', {}, 'csv-broken'],
    ['two columns of one name', 'c.csv', 'a,a\n1,2\n', {}, 'heading-twice'],
    ['bytes of another encoding', 'd.csv', new Uint8Array([0x61, 0x0a, 0xc7, 0xd3]), {}, 'encoding-unknown'],
    ['no JSON', 'e.json', '{"a":', {}, 'records-unreadable'],
    ['a line that is no JSON', 'f.ndjson', '{"a":1}\n{', {}, 'records-unreadable'],
    ['a broken workbook', 'g.xlsx', 'PK no zip', {}, 'workbook-unreadable'],
    ['an unknown format', 'h.bin', 'x', {}, 'format-unknown'],
    ['a mistyped cell', 'i.csv', 'a\nx\n', { columns: { a: { type: 'number' } } }, 'cell-mistyped'],
    ['a date column that is not there', 'j.csv', 'a\n1\n', { dateColumn: 'when' }, 'column-unknown'],
  ] as const)('%s', async (_, name, content, more, reason) => {
    await expect(load(name, content, more)).rejects.toMatchObject({ name: 'AgentError', reason });
  });
});
