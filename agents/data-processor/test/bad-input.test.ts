import { describe, expect, it } from 'vitest';

import { inputSchema } from '../src/input/request.ts';
import { failure, type Input, processed } from './process.ts';
import { zipOf } from './zip.ts';

const one = (
  data: string | Uint8Array,
  rest: Partial<Input['sources'][number]> = {},
): [Input, Record<string, string | Uint8Array>] => [
  { sources: [{ file: 'file_1', ...rest }], outputs: ['ndjson'] },
  { file_1: data },
];

describe('a source that cannot be read is refused, with what to do', () => {
  const bomb = (): Uint8Array =>
    zipOf({ 'xl/workbook.xml': new Uint8Array(8), 'xl/worksheets/sheet1.xml': new Uint8Array(120 * 1024 * 1024) });
  it.each<[string, string, string | (() => Uint8Array) | Uint8Array, Partial<Input['sources'][number]>, string]>([
    ['an empty file', 'empty-source', '', {}, 'the file is empty'],
    ['only blank lines', 'empty-source', '\n\n \n'.replace(' ', ''), {}, 'the file is empty'],
    ['only a header', 'no-rows', 'a,b\n', {}, 'there is a header but not one row'],
    ['a name that comes twice', 'duplicate-columns', 'id,name,ID\n1,2,3\n', {}, 'columns 1 and 3 are both called "ID"'],
    ['broken quotes in the header', 'broken-header', '"a,b\n1,2\n', {}, 'the quotes of the header are broken'],
    [
      'more than 1,000 columns',
      'too-many-columns',
      `${'a,'.repeat(1000)}b\n1\n`,
      {},
      '1001 columns, where 1000 are allowed',
    ],
    [
      'CSV said to be Parquet',
      'wrong-format',
      'a,b\n1,2\n',
      { format: 'parquet' },
      'it is said to be parquet but looks like text',
    ],
    ['CSV said to be XLSX', 'wrong-format', 'a,b\n1,2\n', { format: 'xlsx' }, 'looks like text'],
    ['JSON said to be CSV', 'wrong-format', '[{"a":1}]', { format: 'csv' }, 'looks like json'],
    ['CSV said to be XML', 'wrong-format', 'a,b\n1,2\n', { format: 'xml' }, 'looks like csv'],
    ['a damaged Parquet file', 'invalid-parquet', 'PAR1nonsensePAR1', {}, 'is not a Parquet file'],
    [
      'a zip that is no workbook',
      'invalid-xlsx',
      () => zipOf({ 'a.txt': new Uint8Array(3) }),
      {},
      'is no XLSX workbook',
    ],
    [
      'a damaged workbook',
      'invalid-xlsx',
      () => zipOf({ 'xl/workbook.xml': new Uint8Array([60, 60]) }),
      {},
      'cannot be read',
    ],
    ['a workbook that is a bomb', 'xlsx-size', bomb, {}, 'unpacks to 125829128 bytes'],
    [
      'JSON that ends in the middle',
      'invalid-json',
      '[{"a":1},{"a":',
      { format: 'json' },
      'the text ends in the middle',
    ],
    [
      'JSON with a missing comma',
      'invalid-json',
      '[{"a":1} {"a":2}]',
      {},
      'a comma is missing between two values (byte 10)',
    ],
    ['JSON that is nested too deep', 'too-deep', `[{"a":${'['.repeat(100_000)}`, {}, 'nested deeper than 64 levels'],
    ['a list without records', 'no-rows', '[]', {}, 'there is not one record'],
    ['records without fields', 'no-columns', '[{},{}]', {}, 'the records have no fields'],
    [
      'XML with entities',
      'xml-doctype',
      '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><a>&x;</a><a>1</a></r>',
      {},
      'has a DOCTYPE',
    ],
    ['XML that is not closed', 'invalid-xml', '<r>\n<a>1</a>\n<a>2</b>\n</r>', {}, 'line 3'],
    ['XML that is nested too deep', 'too-deep', '<a>'.repeat(5000), {}, 'nested deeper than 64 levels'],
    ['XML without records', 'no-rows', '<r><a>1</a></r>', {}, 'no element repeats'],
    ['an element that is not there', 'no-rows', '<r><a>1</a></r>', { record: 'row' }, 'there is no element <row>'],
    [
      'a sheet that is not there',
      'invalid-xlsx',
      () => zipOf({ 'xl/workbook.xml': new Uint8Array(0) }),
      { sheet: 'x' },
      'cannot be read',
    ],
    [
      'names that do not fit the columns',
      'column-count',
      'a,b\n1,2\n',
      { columns: ['x'] },
      '1 names are given for 2 columns',
    ],
    ['no row that can be read', 'no-rows', 'a,b\n1\n2,3,4\n', {}, 'not one row can be read'],
    ['a name that is ours', 'column-name', 'a,__row\n1,2\n', {}, 'begins with __'],
  ])('%s: %s', async (_name, reason, data, rest, message) => {
    const error = await failure(...one(typeof data === 'function' ? data() : data, rest));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/\.$/);
    expect(error.errors[0]?.path).toBe('/sources/0');
    expect(error.advice).not.toBe('');
  });
});

describe('inline text', () => {
  it.each([
    [1024 * 1024, []],
    [1024 * 1024 + 1, ['sources/0/data']],
  ])('of %i characters is taken as far as a request can carry it', (length, faults) => {
    const parsed = inputSchema.safeParse({ sources: [{ data: 'x'.repeat(length) }] });
    expect(parsed.error?.issues.map((issue) => issue.path.join('/')) ?? []).toEqual(faults);
  });
});

describe('rows that are bad', () => {
  it('leave the result with row, line, column, value and rule; the rows around them stay', async () => {
    const data = [
      'id,name,amount',
      '1,ok,5',
      '2,"open,6',
      '3,"fine, yes",7',
      '4,too,many,8',
      '5,short',
      '6,"a"b,9',
      '',
      '7,5" pipe,10',
      '8,"two',
      'lines",11',
      '9,nul\0,12',
      '10,last,13',
    ].join('\n');
    const { result, records } = await processed(...one(data));
    expect(result.rejects.first.map((reject) => [reject.row, reject.rule, reject.message])).toEqual([
      [2, 'quotes', 'a quote is opened and not closed as it should be (line 3)'],
      [4, 'columns', 'the row has 4 values where there are 3 columns (line 5)'],
      [5, 'columns', 'the row has 2 values where there are 3 columns (line 6)'],
      [6, 'quotes', 'a quote is opened and not closed as it should be (line 7)'],
      [9, 'nul-byte', 'the row holds a NUL byte (line 12)'],
    ]);
    expect(records()).toEqual([
      { id: 1, name: 'ok', amount: 5 },
      { id: 3, name: 'fine, yes', amount: 7 },
      { id: 7, name: '5" pipe', amount: 10 },
      { id: 8, name: 'two\nlines', amount: 11 },
      { id: 10, name: 'last', amount: 13 },
    ]);
    expect(result.sources[0]).toMatchObject({ records: 10, rejected: 5 });
  });

  it('are repaired where that can be done when the policy is to coerce', async () => {
    const { result, records } = await processed({
      sources: [{ data: 'a,b\n1\n2,3,4\n5,6\0\n' }],
      onError: 'coerce',
      outputs: ['ndjson'],
    });
    expect(records()).toEqual([
      { a: 1, b: null },
      { a: 2, b: 3 },
      { a: 5, b: 6 },
    ]);
    expect(result.rejects.first.map((reject) => [reject.row, reject.outcome])).toEqual([
      [1, 'coerced'],
      [2, 'coerced'],
      [3, 'coerced'],
    ]);
  });

  it('fail the run when the policy says so', async () => {
    const error = await failure({ sources: [{ data: 'a,b\n1\n2,3\n' }], onError: 'fail' });
    expect([error.reason, error.errors]).toEqual([
      'bad-rows',
      [{ path: '/rows/1', message: 'the row has 1 value where there are 2 columns (line 2)' }],
    ]);
  });

  it('may have a cell of any size; one past the limit is a bad row', async () => {
    const { records, result } = await processed(
      ...one(`a,b\n1,${'x'.repeat(1024 * 1024)}\n2,${'y'.repeat(1024 * 1024 + 1)}\n3,z\n`),
    );
    expect(records().map((row) => row.a)).toEqual([1, 3]);
    expect(result.rejects.first[0]).toMatchObject({ row: 2, rule: 'cell-size' });
  });

  it('are found by line in NDJSON', async () => {
    const { result, records } = await processed(
      ...one('{"a":1}\nnonsense\n{"a":2\n\n[1]\n{"a":3}\n{"a":1,"a":{{}\n', { format: 'ndjson' }),
    );
    expect(records()).toEqual([{ a: 1 }, { a: 3 }]);
    expect(result.rejects.first.map((reject) => reject.row)).toEqual([2, 3, 4, 6]);
  });

  it('do not hide in a quote that is opened at the start of a long file', async () => {
    const { result } = await processed(
      ...one(`a,b\n1,"x\n${Array.from({ length: 50_000 }, (_, index) => `${index},y`).join('\n')}\n`),
    );
    expect([result.rows, result.rejects.rows]).toEqual([50_000, 1]);
  });
});

describe('a request that cannot work is refused before it starts', () => {
  const source = { data: 'a\n1\n' };
  const cases: readonly (readonly [string, Input, string, string])[] = [
    [
      'two ways to give a source',
      { sources: [{ data: 'a', file: 'file_1' }] },
      '/sources/0',
      'give exactly one of file, data and records',
    ],
    ['no source', { sources: [{}] }, '/sources/0', 'give exactly one'],
    [
      'two sources of one name',
      {
        sources: [
          { name: 'x', ...source },
          { name: 'x', ...source },
        ],
      },
      '/sources/1/name',
      'two sources are called "x"',
    ],
    [
      'a join with nothing',
      { sources: [source], steps: [{ step: 'join', with: 'y', on: ['a'] }] },
      '/steps/0/with',
      'there is no source "y"',
    ],
    [
      'a join with itself',
      { sources: [{ name: 'x', ...source }], steps: [{ step: 'join', with: 'x', on: ['a'] }] },
      '/steps/0/with',
      'the one being worked on',
    ],
    [
      'a broken expression',
      { sources: [source], steps: [{ step: 'filter', where: 'a >' }] },
      '/steps/0/where',
      'at character 4',
    ],
    [
      'two columns of one name',
      { sources: [source], steps: [{ step: 'rename', columns: { a: 'x', b: 'X' } }] },
      '/steps/0/columns',
      'two columns would be called',
    ],
    [
      'a name that is ours',
      { sources: [source], steps: [{ step: 'derive', columns: { __row: '1' } }] },
      '/steps/0/columns',
      'kept for the processor',
    ],
    [
      'two files of one name',
      { sources: [source], outputs: ['csv', { format: 'json', name: 'result.csv' }] },
      '/outputs/1',
      'two files would be called',
    ],
    [
      'the name of our report',
      { sources: [source], outputs: [{ format: 'ndjson', name: 'rejects.ndjson' }] },
      '/outputs/0/name',
      'is the report of rejected rows',
    ],
    [
      'a schema without columns',
      { sources: [source], schema: { type: 'object' } },
      '/schema/properties',
      'name at least one column',
    ],
    [
      'a rule that would not be checked',
      { sources: [source], schema: { properties: { a: { $ref: '#/x' } } } },
      '/schema/properties/a/$ref',
      'is not supported',
    ],
    [
      'a type that is none',
      { sources: [source], schema: { properties: { a: { type: 'money' } } } },
      '/schema/properties/a/type',
      '"money" is no type',
    ],
    [
      'a pattern that is none',
      { sources: [source], schema: { properties: { a: { pattern: '(' } } } },
      '/schema/properties/a/pattern',
      'Invalid regular expression',
    ],
    [
      'a pattern that looks ahead',
      { sources: [source], schema: { properties: { a: { pattern: 'a(?=b)' } } } },
      '/schema/properties/a/pattern',
      'lookahead',
    ],
    [
      'a required column that is not described',
      { sources: [source], schema: { properties: { a: {} }, required: ['z'] } },
      '/schema/required',
      'not among the properties',
    ],
    [
      'a sum of nothing',
      { sources: [source], steps: [{ step: 'aggregate', columns: { n: { fn: 'sum' } } }] },
      '/steps/0/columns/n/of',
      'sum needs a column',
    ],
  ];
  it.each(cases)('%s', async (_name, input, path, message) => {
    const error = await failure(input, { file_1: 'a\n1\n' });
    expect(error.reason).toBe('invalid');
    expect(error.errors).toEqual(expect.arrayContaining([{ path, message: expect.stringContaining(message) }]));
  });

  it.each(['../x.csv', '/etc/x.csv', 'a/b.csv', '..', 'a\\b.csv', 'a\0.csv', ''])(
    'a file cannot be called %j',
    async (name) => {
      await expect(processed({ sources: [source], outputs: [{ format: 'csv', name }] })).rejects.toThrow(
        /plain file name/,
      );
    },
  );
});

describe('a join of two lists that repeat one key', () => {
  it('is refused before it fills the disk', async () => {
    const data = `k,v\n${'1,x\n'.repeat(5000)}`;
    const error = await failure({
      sources: [{ data }, { name: 'other', data }],
      steps: [{ step: 'join', with: 'other', on: ['k'] }],
    });
    expect([error.reason, error.errors[0]?.path]).toEqual(['too-many-rows', '/steps/0/on']);
    expect(error.message).toContain('would make 25000000');
  });
});

describe('a step that does not fit the data is refused, and says what is there', () => {
  const data = 'id,name,amount,day\n1,a,2.5,2026-01-01\n2,b,3.5,2026-01-02\n';
  const cases: readonly (readonly [Input['steps'], string, string, string])[] = [
    [
      [{ step: 'trim', columns: ['nam'] }],
      'unknown-column',
      '/steps/0/columns/0',
      'there is no column "nam"; there are "id", "name", "amount", "day"',
    ],
    [[{ step: 'filter', where: 'total > 1' }], 'expression', '/steps/0/where', 'unknown column "total"'],
    [
      [{ step: 'filter', where: 'amount + 1' }],
      'expression',
      '/steps/0/where',
      'a filter needs true or false, but this is decimal',
    ],
    [
      [{ step: 'derive', columns: { x: 'name * 2' } }],
      'expression',
      '/steps/0/columns/x',
      '* needs numbers, but this is text',
    ],
    [
      [{ step: 'rename', columns: { id: 'NAME' } }],
      'column-exists',
      '/steps/0/columns',
      'there is a column "name" already',
    ],
    [
      [{ step: 'fill', columns: { amount: 'none' } }],
      'type-clash',
      '/steps/0/columns',
      'is decimal, so it cannot be filled with "none"',
    ],
    [
      [{ step: 'split', column: 'amount', by: '.', into: ['x', 'y'] }],
      'type-clash',
      '/steps/0/column',
      'only text can be split',
    ],
    [
      [{ step: 'aggregate', columns: { n: { fn: 'sum', of: 'name' } } }],
      'type-clash',
      '/steps/0/columns/n/of',
      'sum needs numbers, but column "name" is text',
    ],
    [
      [{ step: 'pivot', rows: ['name'], column: 'id', values: { fn: 'count' }, valuesMax: 1 }],
      'too-many-values',
      '/steps/0/column',
      'more than 1 values',
    ],
    [
      [{ step: 'join', with: 'other', on: ['id'] }],
      'unknown-column',
      '/steps/0/on/0',
      'there is no column "id"; there are "key"',
    ],
    [
      [{ step: 'join', with: 'other', on: [{ left: 'id', right: 'key' }] }],
      'type-clash',
      '/steps/0/on/0',
      'column "id" is integer but "key" is text',
    ],
    [[{ step: 'derive', columns: { x: '9223372036854775807 + id' } }], 'step-failed', '/steps/0', 'Overflow'],
    [[{ step: 'filter', where: "matches(name, '(')" }], 'step-failed', '/steps/0/where', 'missing )'],
  ];
  it.each(cases)('%j', async (steps, reason, path, message) => {
    const error = await failure({ sources: [{ data }, { name: 'other', data: 'key\nx\n' }], steps: steps ?? [] });
    expect(error.reason).toBe(reason);
    expect(error.errors[0]?.path).toBe(path);
    expect(error.message).toContain(message);
  });
});
