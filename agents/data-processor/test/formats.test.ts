import { describe, expect, it } from 'vitest';
import { type Outcome, processed } from './process.ts';

const ALL = ['csv', 'tsv', 'json', 'ndjson', 'xml', 'xlsx', 'parquet'] as const;
const CSV = [
  'id,name,price,big,code,born,seen,active,note',
  '1,"نورة ""N"" الحربي",10.50,12345678901234567890,007,2026-01-31,2026-01-31T08:30:00,true,"two\nlines, and a comma"',
  '2,Omar <b>&amp;</b>,-0.25,-5,0100,1999-12-31,2026-02-01T23:59:59.5,false,',
  '3,سارة,99999999999999.99,0,00,2000-02-29,2026-02-02T00:00:00,true,tab\there',
  '',
].join('\n');

const typed = (outcome: Outcome): string[] => outcome.result.profile.map((column) => `${column.name} ${column.type}`);

describe('a table', () => {
  it('keeps every value on its way through each format and back', async () => {
    const first = await processed({ sources: [{ data: CSV }], outputs: [...ALL] });
    expect(typed(first)).toEqual([
      'id integer',
      'name text',
      'price decimal',
      'big integer',
      'code text',
      'born date',
      'seen timestamp',
      'active boolean',
      'note text',
    ]);
    for (const format of ALL) {
      const again = await processed(
        { sources: [{ file: 'file_1' }], outputs: ['csv'] },
        { file_1: first.bytes(`result.${format}`) },
      );
      expect([format, again.inspections[0]?.format]).toEqual([format, format]);
      expect([format, again.text('result.csv')]).toEqual([format, first.text('result.csv')]);
    }
  });

  it('is written as CSV with exact numbers, ISO dates and only the quotes that are needed', async () => {
    const { text } = await processed({ sources: [{ data: CSV }] });
    expect(text('result.csv').split('\n')[1]).toBe(
      '1,"نورة ""N"" الحربي",10.50,12345678901234567890,007,2026-01-31,2026-01-31T08:30:00,true,"two',
    );
    expect(text('result.csv')).toContain('3,سارة,99999999999999.99,0,00,2000-02-29,2026-02-02T00:00:00,true,tab\there');
  });

  it('is written as JSON with numbers as numbers and every digit', async () => {
    const { text } = await processed({ sources: [{ data: CSV }], outputs: ['ndjson'] });
    expect(text('result.ndjson')).toContain('"price":99999999999999.99,');
    expect(text('result.ndjson')).toContain('"big":12345678901234567890,');
    expect(text('result.ndjson')).toContain('"code":"007"');
  });

  it('can be a result of several formats with names of their own', async () => {
    const { result } = await processed({
      sources: [{ data: CSV }],
      outputs: [{ format: 'csv', name: 'طلبات.csv', bom: true }, 'tsv'],
    });
    expect(result.files.map((file) => file.name)).toEqual(['طلبات.csv', 'result.tsv']);
  });
});

describe('random tables', () => {
  it('go from CSV to Parquet and back without a change', async () => {
    const alphabet = ['a', 'ب', '"', ',', '\n', ' ', '0', '.', "'", ';', '😀', '\\', '\t', 'é'];
    let state = 7;
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    const cell = (): string => Array.from({ length: random(8) }, () => alphabet[random(alphabet.length)]).join('');
    const rows = Array.from({ length: 300 }, (_, index) => [`r${index}`, cell(), cell(), cell()]);
    const csv = [
      'k,x,y,z',
      ...rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')),
    ].join('\r\n');
    const plain = { format: 'csv', escapeFormulas: false } as const;
    const first = await processed({ sources: [{ data: csv }], outputs: [plain, 'parquet', 'ndjson'] });
    const second = await processed(
      { sources: [{ file: 'file_1' }], outputs: [plain] },
      { file_1: first.bytes('result.parquet') },
    );
    expect(second.text('result.csv')).toBe(first.text('result.csv'));
    expect(first.records().map((row) => [row.k, row.x ?? '', row.y ?? '', row.z ?? ''])).toEqual(rows);
  });
});

describe('encodings', () => {
  const text = 'name,city\nنورة,الرياض\nمحمد,جدة\n';
  const utf16 = (bigEndian: boolean, mark: boolean): Buffer => {
    const bytes = Buffer.from(`${mark ? '\uFEFF' : ''}${text}`, 'utf16le');
    return bigEndian ? bytes.swap16() : bytes;
  };
  const windows1256 = Buffer.from(
    [...'name,city\n']
      .map((c) => c.charCodeAt(0))
      .concat([
        0xe4, 0xe6, 0xd1, 0xc9, 0x2c, 0xc7, 0xe1, 0xd1, 0xed, 0xc7, 0xd6, 0x0a, 0xe3, 0xcd, 0xe3, 0xcf, 0x2c, 0xcc,
        0xcf, 0xc9, 0x0a,
      ]),
  );
  it.each([
    ['UTF-8', Buffer.from(text), 'utf-8', 'content'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${text}`), 'utf-8', 'byte order mark'],
    ['UTF-16 LE with a mark', utf16(false, true), 'utf-16le', 'byte order mark'],
    ['UTF-16 BE with a mark', utf16(true, true), 'utf-16be', 'byte order mark'],
    ['UTF-16 LE', utf16(false, false), 'utf-16le', 'content'],
    ['UTF-16 BE', utf16(true, false), 'utf-16be', 'content'],
    ['Windows-1256', windows1256, 'windows-1256', 'content'],
  ])('%s is recognised and read', async (_name, bytes, encoding, by) => {
    const outcome = await processed({ sources: [{ file: 'file_1' }], outputs: ['ndjson'] }, { file_1: bytes });
    expect(outcome.inspections[0]).toMatchObject({ encoding, encodingBy: by });
    expect(outcome.records()).toEqual([
      { name: 'نورة', city: 'الرياض' },
      { name: 'محمد', city: 'جدة' },
    ]);
  });

  it('can be forced', async () => {
    const outcome = await processed(
      { sources: [{ file: 'file_1', encoding: 'windows-1252' }], outputs: ['ndjson'] },
      { file_1: windows1256 },
    );
    expect(outcome.inspections[0]?.encodingBy).toBe('given');
    expect(outcome.records()[1]?.city).toBe('ÌÏÉ');
  });

  it('that are mixed in one file make bad rows, not wrong letters', async () => {
    const mixed = Buffer.concat([
      Buffer.from('id,city\n1,الرياض\n2,'),
      Buffer.from([0xcc, 0xcf, 0xc9]),
      Buffer.from('\n3,مكة\n'),
    ]);
    const { result, records } = await processed(
      { sources: [{ file: 'file_1' }], outputs: ['ndjson'] },
      { file_1: mixed },
    );
    expect(result.sources[0]).toMatchObject({ encodingMixed: true, records: 3, rejected: 1 });
    expect(result.rejects.first[0]).toMatchObject({ row: 2, rule: 'encoding' });
    expect(records().map((row) => row.city)).toEqual(['الرياض', 'مكة']);
    const coerced = await processed(
      { sources: [{ file: 'file_1' }], outputs: ['ndjson'], onError: 'coerce' },
      { file_1: mixed },
    );
    expect(coerced.records().map((row) => row.city)).toEqual(['الرياض', 'جدة', 'مكة']);
  });
});

describe('XML and JSON', () => {
  it('reads the repeated element, its attributes and its children', async () => {
    const data =
      '<?xml version="1.0"?><shop><name>x</name><orders><order id="1"><city>جدة</city><n>05</n></order><order id="2"><city>A &amp; B</city><n>6</n></order></orders></shop>';
    const { records } = await processed({ sources: [{ data }], outputs: ['ndjson'] });
    expect(records()).toEqual([
      { id: 1, city: 'جدة', n: '05' },
      { id: 2, city: 'A & B', n: '6' },
    ]);
  });

  it('keeps the digits of JSON numbers that no double can hold, and texts that look like numbers', async () => {
    const data =
      '[{"a": 12345678901234567890, "b": 0.12345678901234567890, "c": "7", "d": {"x": [1]}, "e": true},\n {"a": 1, "b": 2.5, "c": "08", "d": {"x": []}, "e": null}]';
    const { text, result } = await processed({ sources: [{ data }], outputs: ['ndjson'] });
    expect(text('result.ndjson').split('\n')[0]).toBe(
      '{"a":12345678901234567890,"b":0.12345678901234567890,"c":"7","d":{"x":[1]},"e":true}',
    );
    expect(result.profile.map((column) => column.type)).toEqual(['integer', 'decimal', 'text', 'json', 'boolean']);
  });
});
