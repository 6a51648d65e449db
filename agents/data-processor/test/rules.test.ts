import { describe, expect, it } from 'vitest';
import { qualityOf } from '../src/report/quality.ts';
import { type Input, processed } from './process.ts';

const schema = (column: Record<string, unknown>, required: string[] = []): Input['schema'] => ({
  type: 'object',
  properties: { v: column },
  required,
});

async function verdicts(column: Record<string, unknown>, values: readonly unknown[], required: string[] = []) {
  const data = ['n,v', ...values.map((value, index) => `${index + 1},"${value}"`)].join('\n');
  const { result } = await processed({
    sources: [{ data: `${data}\n` }],
    schema: schema(column, required),
    outputs: ['ndjson'],
    rejects: { inlineMax: 100 },
  });
  return result.rejects.first.map((reject) => [reject.value, reject.rule]);
}

describe('a rule of the schema', () => {
  it.each<[Record<string, unknown>, unknown[], (readonly [unknown, string])[]]>([
    [
      { type: 'integer', minimum: 2, maximum: 4 },
      ['1', '2', '4', '5', 'x', '2.5'],
      [
        ['1', 'minimum'],
        ['5', 'maximum'],
        ['x', 'type'],
        ['2.5', 'type'],
      ],
    ],
    [
      { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      ['0', '0.5', '1'],
      [
        ['0.0', 'exclusiveMinimum'],
        ['1.0', 'exclusiveMaximum'],
      ],
    ],
    [{ type: 'number', multipleOf: 0.1 }, ['0.3', '0.7', '0.75'], [['0.75', 'multipleOf']]],
    [
      { type: 'string', minLength: 2, maxLength: 3 },
      ['أ', 'أب', 'أبج', 'أبجد'],
      [
        ['أ', 'minLength'],
        ['أبجد', 'maxLength'],
      ],
    ],
    [
      { type: 'string', pattern: '^[A-Z]{3}$' },
      ['RUH', 'ruh', 'RUHX'],
      [
        ['ruh', 'pattern'],
        ['RUHX', 'pattern'],
      ],
    ],
    [
      { type: 'string', format: 'email' },
      ['a@b.sa', 'a@b', '@b.sa', 'a b@c.sa'],
      [
        ['a@b', 'format'],
        ['@b.sa', 'format'],
        ['a b@c.sa', 'format'],
      ],
    ],
    [
      { type: 'string', format: 'uuid' },
      ['0190b3f4-1111-7222-8333-444455556666', '0190b3f4'],
      [['0190b3f4', 'format']],
    ],
    [
      { type: 'string', format: 'date' },
      ['2026-01-31', '2026-02-30', '31.1.2026'],
      [
        ['2026-02-30', 'type'],
        ['31.1.2026', 'type'],
      ],
    ],
    [{ enum: ['a', 'b'] }, ['a', 'c'], [['c', 'enum']]],
    [{ type: 'integer', enum: [1, 2] }, ['1', '3'], [['3', 'enum']]],
    [{ type: 'boolean' }, ['true', 'no', 'maybe'], [['maybe', 'type']]],
  ])('%j', async (column, values, expected) => {
    expect(await verdicts(column, values)).toEqual(expected);
  });

  it('about a value that must be there names the rows without one', async () => {
    expect(await verdicts({ type: 'string' }, ['x', '', 'y'], ['v'])).toEqual([[null, 'required']]);
  });

  it('costs time in line with the data, whatever the pattern', async () => {
    const from = performance.now();
    await verdicts({ type: 'string', pattern: '^(a+)+$' }, [`${'a'.repeat(50_000)}!`]);
    expect(performance.now() - from).toBeLessThan(5000);
  });

  it('holds for the result, under the names that steps have given', async () => {
    const { result, records } = await processed({
      sources: [{ data: 'Betrag;Ort\n10;RUH\nabc;JED\n-5;DMM\n' }],
      steps: [{ step: 'rename', columns: { Betrag: 'v' } }],
      schema: schema({ type: 'integer', minimum: 0 }),
      outputs: ['ndjson'],
    });
    expect(records()).toEqual([{ v: 10, Ort: 'RUH' }]);
    expect(result.rejects.first).toMatchObject([
      { row: 2, column: 'Betrag', value: 'abc', rule: 'type' },
      { row: 3, column: 'v', value: '-5', rule: 'minimum' },
    ]);
  });

  it('asks for columns that must be there, and forbids others when told so', async () => {
    const ask = (more: Record<string, unknown>) =>
      processed({ sources: [{ data: 'a,b\n1,2\n' }], schema: { properties: { a: {}, c: {} }, ...more } });
    await expect(ask({ required: ['c'] })).rejects.toThrow('the result has no column "c"; there are "a", "b"');
    await expect(ask({ additionalProperties: false })).rejects.toThrow(
      'the result has the column "b", which the schema does not allow',
    );
  });
});

describe('the policy for bad values', () => {
  const input = (onError: 'reject' | 'fail' | 'coerce'): Input => ({
    sources: [{ data: 'id,v,w\n1,5,a\n2,x,b\n3,-1,c\n,7,d\n' }],
    schema: { properties: { id: { type: 'integer' }, v: { type: 'integer', minimum: 0 } }, required: ['id'] },
    outputs: ['ndjson'],
    onError,
  });

  it('reject: the row goes to the report', async () => {
    const { records, result } = await processed(input('reject'));
    expect(records()).toEqual([{ id: 1, v: 5, w: 'a' }]);
    expect(result.rejects).toMatchObject({ rows: 3, problems: 3 });
  });

  it('coerce: the bad value becomes null, unless the row needs it', async () => {
    const { records, result } = await processed(input('coerce'));
    expect(records()).toEqual([
      { id: 1, v: 5, w: 'a' },
      { id: 2, v: null, w: 'b' },
      { id: 3, v: null, w: 'c' },
    ]);
    expect(result.rejects.first.map((reject) => [reject.row, reject.outcome])).toEqual([
      [2, 'coerced'],
      [3, 'coerced'],
      [4, 'rejected'],
    ]);
  });

  it('fail: the first rows at fault are in the error', async () => {
    await expect(processed(input('fail'))).rejects.toMatchObject({
      reason: 'bad-rows',
      errors: [{ path: '/rows/2/v', message: 'is not a whole number: "x"' }],
    });
  });

  it('gives the same report as a file, in the form that is asked for', async () => {
    const { text } = await processed({ ...input('reject'), rejects: { format: 'csv', inlineMax: 0 } });
    expect(text('rejects.csv').split('\n')).toEqual([
      'source,row,line,column,value,rule,message,outcome',
      'source1,2,,v,x,type,is not a whole number,rejected',
      'source1,3,,v,-1,minimum,is below 0,rejected',
      'source1,4,,id,,required,has no value,rejected',
      '',
    ]);
  });
});

describe('inference', () => {
  it.each([
    [['1', '2'], 'integer'],
    [['1', '2.50'], 'decimal'],
    [['1', '2e5'], 'number'],
    [['007', '1'], 'text'],
    [['+966501234567', '1'], 'text'],
    [['true', 'FALSE'], 'boolean'],
    [['yes', 'no'], 'text'],
    [['2026-01-01', '2026-12-31'], 'date'],
    [['2026-01-01', '', '2026-12-31'], 'date'],
    [['1', '', '2.5'], 'decimal'],
    [['true', ''], 'boolean'],
    [['2026-01-01', '2026-02-30'], 'text'],
    [['2026-01-01T10:00:00Z', '2026-01-01T10:00:00+03:00'], 'timestamp'],
    [['1', 'x'], 'text'],
    [['1'.repeat(38), '2'], 'integer'],
    [['1'.repeat(39), '2'], 'text'],
    [['0.1234567890123456789012345678901234567', '1234567'], 'text'],
  ])('takes %j for %s', async (values, type) => {
    const { result, text } = await processed({
      sources: [{ data: `v,k\n${values.map((value) => `${value},k`).join('\n')}\n` }],
    });
    expect(result.profile[0]?.type).toBe(type);
    if (type === 'text' || type === 'integer')
      expect(text('result.csv').split('\n').slice(1, 3)).toEqual(values.map((value) => `${value},k`));
  });

  it('reads every row: one late text makes a column text', async () => {
    const { result } = await processed({ sources: [{ data: `v\n${'1\n'.repeat(20_000)}x\n` }] });
    expect([result.profile[0]?.type, result.rows]).toEqual(['text', 20_001]);
  });
});

describe('a text that a spreadsheet would run', () => {
  const data = 'v\n"=HYPERLINK(""http://x"")"\n@SUM(A1)\n+966 50 123\n-5 apples\n-5\nplain\n';
  it('is made harmless in CSV and XLSX, unless that is switched off', async () => {
    const { text, bytes } = await processed({ sources: [{ data }], outputs: ['csv', 'xlsx'] });
    expect(text('result.csv').split('\n').slice(1, 7)).toEqual([
      `"'=HYPERLINK(""http://x"")"`,
      "'@SUM(A1)",
      '+966 50 123',
      "'-5 apples",
      '-5',
      'plain',
    ]);
    const again = await processed(
      { sources: [{ file: 'file_1' }], outputs: ['ndjson'] },
      { file_1: bytes('result.xlsx') },
    );
    expect(again.records()[0]?.v).toBe(`'=HYPERLINK("http://x")`);
    const off = await processed({ sources: [{ data }], outputs: [{ format: 'csv', escapeFormulas: false }] });
    expect(off.text('result.csv')).toContain('\n@SUM(A1)\n');
  });
});

describe('the profile and the score', () => {
  it('can be computed again by hand', async () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 100];
    const { result } = await processed({
      sources: [{ records: [...values.map((v) => ({ v, t: `t${v % 2}` })), { v: null, t: 'longer' }] }],
    });
    expect(result.profile[0]).toMatchObject({
      type: 'integer',
      nulls: 1,
      distinct: 9,
      min: '1',
      max: '100',
      q1: 3,
      median: 5,
      q3: 7,
      outliers: 1,
      lowerFence: -3,
      upperFence: 13,
    });
    expect(result.profile[0]?.mean).toBeCloseTo(136 / 9, 12);
    expect(result.profile[1]).toMatchObject({ type: 'text', nulls: 0, distinct: 3, lengthMin: 2, lengthMax: 6 });
    expect(result.quality.terms.map((term) => [term.name, term.good, term.of])).toEqual([
      ['validity', 10, 10],
      ['completeness', 19, 20],
      ['uniqueness', 10, 10],
    ]);
    expect(result.quality.score).toBe(98.5);
  });

  it('counts faults, gaps and doubles by the formula', () => {
    const { score, terms } = qualityOf({
      recordsRead: 100,
      recordsFaulty: 10,
      rows: 90,
      columns: 2,
      nullCells: 18,
      duplicateRows: 9,
    });
    expect(terms.map((term) => term.value)).toEqual([0.9, 0.9, 0.9]);
    expect(score).toBe(90);
    expect(
      qualityOf({ recordsRead: 0, recordsFaulty: 0, rows: 0, columns: 0, nullCells: 0, duplicateRows: 0 }).score,
    ).toBe(100);
  });
});
