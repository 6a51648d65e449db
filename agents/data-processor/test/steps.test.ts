import { describe, expect, it } from 'vitest';
import { failure, type Input, processed } from './process.ts';

const PEOPLE = [
  { id: 1, name: '  Noura  A ', city: 'RUH', spent: 10.5, day: '2026-01-05' },
  { id: 2, name: 'Omar', city: 'JED', spent: 20.25, day: '2026-01-06' },
  { id: 3, name: 'Lina', city: 'RUH', spent: null, day: '2026-02-01' },
  { id: 4, name: 'Omar', city: 'JED', spent: 20.25, day: '2026-02-01' },
  { id: 5, name: null, city: null, spent: 4, day: null },
];

async function after(steps: Input['steps'], records: Record<string, unknown>[] = PEOPLE, more: Input['sources'] = []) {
  const outcome = await processed({ sources: [{ name: 'people', records }, ...more], steps, outputs: ['ndjson'] });
  return { rows: outcome.records(), result: outcome.result };
}

describe('a step', () => {
  it('renames columns, also in a circle', async () => {
    const { rows } = await after([
      { step: 'rename', columns: { name: 'city', city: 'name' } },
      { step: 'select', columns: ['name', 'city'] },
    ]);
    expect(rows[1]).toEqual({ name: 'JED', city: 'Omar' });
  });

  it('trims ends, and inner runs of spaces when asked', async () => {
    expect((await after([{ step: 'trim' }])).rows[0]?.name).toBe('Noura  A');
    expect(
      (await after([{ step: 'trim', columns: ['name'], collapse: true }], [{ name: '\u00a0 a \t b\u200b' }])).rows[0]
        ?.name,
    ).toBe('a b');
  });

  it('fills absent values with a constant of the right type', async () => {
    const { rows } = await after([{ step: 'fill', columns: { spent: 0, name: '?', day: '2026-12-31' } }]);
    expect([rows[2]?.spent, rows[4]?.name, rows[4]?.day]).toEqual([0, '?', '2026-12-31']);
  });

  it('fills from neighbours or from the middle of the column', async () => {
    expect(
      (await after([{ step: 'fill-by', columns: ['spent', 'city'], method: 'previous' }])).rows.map((row) => [
        row.spent,
        row.city,
      ]),
    ).toEqual([
      [10.5, 'RUH'],
      [20.25, 'JED'],
      [20.25, 'RUH'],
      [20.25, 'JED'],
      [4, 'JED'],
    ]);
    expect((await after([{ step: 'fill-by', columns: ['spent'], method: 'next' }])).rows[2]?.spent).toBe(20.25);
    expect((await after([{ step: 'fill-by', columns: ['spent'], method: 'median' }])).rows[2]?.spent).toBe(15.38);
    expect((await after([{ step: 'fill-by', columns: ['city'], method: 'mode' }])).rows[4]?.city).toBe('JED');
  });

  it('splits a text; the last part takes the rest', async () => {
    const { rows } = await after(
      [{ step: 'split', column: 'v', by: '-', into: ['x', 'y'] }],
      [{ v: 'a-b-c' }, { v: 'a' }, { v: null }],
    );
    expect(rows).toEqual([
      { x: 'a', y: 'b-c' },
      { x: 'a', y: null },
      { x: null, y: null },
    ]);
  });

  it('filters by a condition; an unknown answer is no', async () => {
    const { rows, result } = await after([{ step: 'filter', where: "spent > 5 and city = 'JED'" }]);
    expect(rows.map((row) => row.id)).toEqual([2, 4]);
    expect(result.steps).toEqual([{ step: 'filter', rowsIn: 5, rowsOut: 2, columnsOut: 5 }]);
  });

  it('derives columns from those before the step, in place where the name exists', async () => {
    const { rows } = await after([{ step: 'derive', columns: { spent: 'spent * 2', was: 'spent' } }]);
    expect(Object.keys(rows[0] ?? {})).toEqual(['id', 'name', 'city', 'spent', 'day', 'was']);
    expect([rows[0]?.spent, rows[0]?.was]).toEqual([21, 10.5]);
  });

  it('keeps the first or the last of equal rows', async () => {
    expect((await after([{ step: 'deduplicate', by: ['city'] }])).rows.map((row) => row.id)).toEqual([1, 2, 5]);
    expect((await after([{ step: 'deduplicate', by: ['city'], keep: 'last' }])).rows.map((row) => row.id)).toEqual([
      3, 4, 5,
    ]);
    expect(
      (await after([{ step: 'select', columns: ['name', 'city', 'spent'] }, { step: 'deduplicate' }])).rows,
    ).toHaveLength(4);
  });

  it('sorts, absent values last, equal ones in the order of the source', async () => {
    expect(
      (await after([{ step: 'sort', by: [{ column: 'spent', order: 'descending' }] }])).rows.map((row) => row.id),
    ).toEqual([2, 4, 1, 5, 3]);
  });

  it('aggregates with exact sums, groups in order, absent values as a group', async () => {
    const { rows } = await after([
      {
        step: 'aggregate',
        by: ['city'],
        columns: {
          n: { fn: 'count' },
          known: { fn: 'count', of: 'spent' },
          names: { fn: 'count_distinct', of: 'name' },
          total: { fn: 'sum', of: 'spent' },
          mean: { fn: 'mean', of: 'spent' },
          first: { fn: 'first', of: 'id' },
          last: { fn: 'last', of: 'id' },
        },
      },
    ]);
    expect(rows).toEqual([
      { city: 'JED', n: 2, known: 2, names: 1, total: 40.5, mean: 20.25, first: 2, last: 4 },
      { city: 'RUH', n: 2, known: 1, names: 2, total: 10.5, mean: 10.5, first: 1, last: 3 },
      { city: null, n: 1, known: 1, names: 0, total: 4, mean: 4, first: 5, last: 5 },
    ]);
    const median = await after([{ step: 'aggregate', columns: { m: { fn: 'median', of: 'spent' } } }]);
    expect(median.rows).toEqual([{ m: 15.375 }]);
    const sum = await after(
      [{ step: 'aggregate', columns: { total: { fn: 'sum', of: 'x' } } }],
      Array.from({ length: 10 }, () => ({ x: 0.1 })),
    );
    expect(sum.rows).toEqual([{ total: 1 }]);
  });

  it('pivots: one column for each value', async () => {
    const { rows } = await after([
      { step: 'derive', columns: { month: 'month(day)' } },
      { step: 'pivot', rows: ['city'], column: 'month', values: { fn: 'sum', of: 'spent' } },
    ]);
    expect(rows).toEqual([
      { city: 'JED', 1: 20.25, 2: 20.25, none: null },
      { city: 'RUH', 1: 10.5, 2: null, none: null },
      { city: null, 1: null, 2: null, none: 4 },
    ]);
  });

  describe('joins', () => {
    const cities: Input['sources'] = [
      {
        name: 'cities',
        records: [
          { code: 'RUH', name: 'الرياض' },
          { code: 'JED', name: 'جدة' },
          { code: 'JED', name: 'Jeddah' },
          { code: 'DMM', name: 'الدمام' },
        ],
      },
    ];
    const join = (type: 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti') =>
      after(
        [
          { step: 'select', columns: ['id', 'name', 'city'] },
          { step: 'join', with: 'cities', on: [{ left: 'city', right: 'code' }], type },
        ],
        PEOPLE,
        cities,
      );
    it.each([
      [
        'inner',
        [
          [1, 'الرياض'],
          [2, 'جدة'],
          [2, 'Jeddah'],
          [3, 'الرياض'],
          [4, 'جدة'],
          [4, 'Jeddah'],
        ],
      ],
      [
        'left',
        [
          [1, 'الرياض'],
          [2, 'جدة'],
          [2, 'Jeddah'],
          [3, 'الرياض'],
          [4, 'جدة'],
          [4, 'Jeddah'],
          [5, null],
        ],
      ],
      [
        'right',
        [
          [1, 'الرياض'],
          [2, 'جدة'],
          [2, 'Jeddah'],
          [3, 'الرياض'],
          [4, 'جدة'],
          [4, 'Jeddah'],
          [null, 'الدمام'],
        ],
      ],
      [
        'semi',
        [
          [1, undefined],
          [2, undefined],
          [3, undefined],
          [4, undefined],
        ],
      ],
      ['anti', [[5, undefined]]],
    ] as const)('%s: in the order of the left source, then of the right', async (type, expected) => {
      expect((await join(type)).rows.map((row) => [row.id, row.name_right])).toEqual(expected);
    });

    it('full: keys come from the side that has them', async () => {
      expect((await join('full')).rows.at(-1)).toEqual({ id: null, name: null, city: 'DMM', name_right: 'الدمام' });
    });

    it('and deduplicates rows that a join has multiplied', async () => {
      const { rows } = await after(
        [
          { step: 'join', with: 'cities', on: [{ left: 'city', right: 'code' }] },
          { step: 'deduplicate', by: ['id'] },
        ],
        PEOPLE,
        cities,
      );
      expect(rows.map((row) => row.id)).toEqual([1, 2, 3, 4]);
    });
  });

  it('can follow many others: fifty steps give what one would', async () => {
    const { rows } = await after(
      Array.from({ length: 50 }, () => ({ step: 'derive' as const, columns: { id: 'id + 1' } })),
    );
    expect(rows.map((row) => row.id)).toEqual([51, 52, 53, 54, 55]);
  });
});

describe('a cast', () => {
  const cast = async (to: unknown, values: unknown[]) => {
    const csv = ['n,v', ...values.map((value, index) => `${index + 1},"${value}"`)].join('\n');
    const outcome = await processed({
      sources: [{ data: `${csv}\n` }],
      steps: [
        { step: 'cast', columns: { v: 'text' } },
        { step: 'cast', columns: { v: to as 'text' } },
      ],
      outputs: ['csv'],
    });
    return {
      values: outcome
        .text('result.csv')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.slice(line.indexOf(',') + 1)),
      rejects: outcome.result.rejects.first.map((reject) => reject.value),
    };
  };
  it.each<[string, unknown, unknown[], string[], string[]]>([
    ['reads Arabic digits', 'integer', ['١٢٣', '۴۵۶', '7'], ['123', '456', '7'], []],
    ['reads Arabic decimals and thousands', 'decimal', ['١٬٢٣٤٫٥٠', '2.25'], ['1234.50', '2.25'], []],
    ['leaves Arabic digits alone when told to', { to: 'integer', arabicDigits: false }, ['١٢٣', '7'], ['7'], ['١٢٣']],
    [
      'takes no number for what is not one',
      'integer',
      ['0x1F', '1e3', '1_000', '12.5', 'NaN', '+5', ' 6 ', '7.0'],
      ['5', '6', '7'],
      ['0x1F', '1e3', '1_000', '12.5', 'NaN'],
    ],
    [
      'keeps 38 digits',
      'integer',
      ['12345678901234567890123456789012345678', '1'],
      ['12345678901234567890123456789012345678', '1'],
      [],
    ],
    [
      'never rounds away a digit',
      { to: 'decimal', scale: 2 },
      ['1.239', '1.230', '1.2', '5'],
      ['1.23', '1.20', '5.00'],
      ['1.239'],
    ],
    [
      'makes decimals as wide as the data',
      'decimal',
      ['0.123456789012345678', '12345678901234567'],
      ['0.123456789012345678', '12345678901234567.000000000000000000'],
      [],
    ],
    [
      'reads other signs',
      { to: 'decimal', decimalSign: ',', thousandsSign: '.' },
      ['1.234,5', '0,25'],
      ['1234.50', '0.25'],
      [],
    ],
    ['reads powers of ten', 'number', ['1e3', '2.5E-1', 'x'], ['1000.0', '0.25'], ['x']],
    [
      'reads ISO dates that exist',
      'date',
      ['2026-02-28', '2026-02-30', '28/02/2026'],
      ['2026-02-28'],
      ['2026-02-30', '28/02/2026'],
    ],
    [
      'reads dates in a given form',
      { to: 'date', format: '%d/%m/%Y' },
      ['28/02/2026', '02/28/2026'],
      ['2026-02-28'],
      ['02/28/2026'],
    ],
    [
      'reads instants with a zone as UTC',
      'timestamp',
      ['2026-01-01T03:00:00+03:00', '2026-01-01T00:00:00Z'],
      ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
      [],
    ],
    [
      'reads yes and no in two languages',
      'boolean',
      ['yes', 'نعم', '0', 'لا', 'perhaps'],
      ['true', 'true', 'false', 'false'],
      ['perhaps'],
    ],
  ])('%s', async (_title, to, values, expected, rejects) => {
    expect(await cast(to, values)).toEqual({ values: expected, rejects });
  });
});

describe('a step that cannot be done', () => {
  it('is named in whole sentences, so that the advice can follow', async () => {
    const ask = (step: unknown) =>
      failure({ sources: [{ data: 'a,b\n1,2\n' }], steps: [step] as Input['steps'], outputs: ['csv'] });
    const unknown = await ask({ step: 'select', columns: ['c'] });
    expect([unknown.reason, unknown.message]).toEqual([
      'unknown-column',
      'Step 0: there is no column "c"; there are "a", "b".',
    ]);
    expect((await ask({ step: 'derive', columns: { A: '1' } })).message).toMatch(/\.$/);
  });
});
