import { describe, expect, test } from 'vitest';
import { compute, type GivenInput } from '../../test/support.ts';

const ROWS = [
  { day: '2026-09-03', team: 'A', hours: '1.1', cost: '10.10' },
  { day: '2026-09-20', team: 'B', hours: '2.2', cost: '20.20' },
  { day: '2026-10-01', team: 'A', hours: '0.1', cost: '30.30' },
  { day: '2026-10-15', team: 'B', hours: '0.2', cost: '5.05' },
  { day: '2026-10-31', team: 'A', hours: null, cost: '4.65' },
  { day: '2026-11-01', team: 'C', hours: '9', cost: '999' },
];
const OCTOBER = { from: '2026-10-01', to: '2026-10-31' };
const given = (more: Partial<GivenInput>): GivenInput => ({
  data: [{ id: 'work', records: ROWS }],
  period: OCTOBER,
  template: 'technical',
  ...more,
});

describe('key figures', () => {
  test.each([
    ['sum', { aggregation: 'sum', column: 'hours' }, '0.3', true, '3.3'],
    ['avg', { aggregation: 'avg', column: 'cost' }, '13.333333333333', false, '15.15'],
    ['min', { aggregation: 'min', column: 'cost' }, '4.65', true, '10.1'],
    ['max', { aggregation: 'max', column: 'cost' }, '30.3', true, '20.2'],
    ['count of rows', { aggregation: 'count' }, '3', true, '2'],
    ['count of filled cells', { aggregation: 'count', column: 'hours' }, '2', true, '2'],
    ['distinct', { aggregation: 'distinct', column: 'team' }, '2', true, '2'],
    [
      'ratio',
      {
        aggregation: 'ratio',
        numerator: { aggregation: 'sum', column: 'cost' },
        denominator: { aggregation: 'sum', column: 'hours' },
      },
      '133.333333333333',
      false,
      '9.181818181818',
    ],
  ] as const)('%s is computed exactly, now and before', async (_, measure, value, exact, previous) => {
    const { facts } = await compute(given({ figures: [{ label: 'x', measure }] }));
    expect(facts.figures[0]?.value).toEqual({ value, exact });
    expect(facts.figures[0]?.previous?.value).toBe(previous);
  });

  test('the change is value minus previous, and that over previous', async () => {
    const { facts } = await compute(
      given({ figures: [{ label: 'x', measure: { aggregation: 'sum', column: 'cost' } }] }),
    );
    expect(facts.figures[0]?.change).toEqual({
      absolute: { value: '9.7', exact: true },
      relative: { value: '0.320132013201', exact: false },
    });
  });

  test('conditions choose rows', async () => {
    const where = [
      { column: 'team', value: 'A' },
      { column: 'cost', is: 'at-least' as const, value: '4.65' },
      { column: 'hours', is: 'filled' as const },
    ];
    const { facts } = await compute(given({ figures: [{ label: 'x', measure: { aggregation: 'count' }, where }] }));
    expect(facts.figures[0]?.value?.value).toBe('1');
  });

  test('nothing to divide by gives no value instead of an infinite one', async () => {
    const measure = {
      aggregation: 'ratio',
      numerator: { aggregation: 'count' },
      denominator: { aggregation: 'sum', column: 'cost' },
    } as const;
    const { facts } = await compute(
      given({ figures: [{ label: 'x', measure, where: [{ column: 'team', value: 'nobody' }] }] }),
    );
    expect(facts.figures[0]).toMatchObject({ value: null, change: null });
  });

  test('without a row before, nothing is compared and the reader is told', async () => {
    const period = { from: '2026-09-01', to: '2026-09-30' };
    const { facts } = await compute(given({ period, figures: [{ label: 'x', measure: { aggregation: 'count' } }] }));
    expect(facts.figures[0]).toMatchObject({ value: { value: '2' }, previous: null, change: null });
    expect(facts.notes).toEqual([expect.stringContaining('no rows in the period before')]);
  });

  test('a sum over words names the first cell that is no number', async () => {
    await expect(
      compute(given({ figures: [{ label: 'x', measure: { aggregation: 'sum', column: 'team' } }] })),
    ).rejects.toMatchObject({
      reason: 'column-not-numeric',
      message: expect.stringContaining('Row 1 holds "A"'),
    });
  });
});

describe('charts and tables', () => {
  test('time has no holes, names are ordered by size and the rest is added up', async () => {
    const sum = [{ measure: { aggregation: 'sum', column: 'cost' } as const }];
    const { facts } = await compute(
      given({
        charts: [
          { kind: 'line', title: 'by week', x: 'day', bucket: 'week', y: sum },
          { kind: 'bar', title: 'by team', x: 'team', y: sum, top: 1 },
        ],
      }),
    );
    const [line, bar] = facts.charts;
    expect(line).toMatchObject({ categories: [{ start: '2026-09-28' }, {}, {}, {}, { start: '2026-10-26' }] });
    expect(line?.kind === 'line' && line.series[0]?.values.map((value) => value?.value)).toEqual([
      '30.3',
      '0',
      '5.05',
      '0',
      '4.65',
    ]);
    expect(bar).toMatchObject({
      categories: [
        { kind: 'name', name: 'A' },
        { kind: 'other', count: 1 },
      ],
      series: [{ values: [{ value: '34.95' }, { value: '5.05' }] }],
    });
  });

  test('the totals of a table speak of all rows, shown or not', async () => {
    const { facts } = await compute(
      given({
        tables: [
          {
            title: 'teams',
            groupBy: 'team',
            measures: [{ label: 'cost', measure: { aggregation: 'sum', column: 'cost' } }],
            sort: { by: 'cost' },
            limit: 1,
          },
        ],
      }),
    );
    expect(facts.tables[0]).toMatchObject({ rows: [[{ name: 'A' }, '34.95']], totals: [null, '40'], rowsInAll: 2 });
  });
});

describe('proposals', () => {
  test.each(['analytics', 'financial', 'operational', 'executive', 'technical'] as const)(
    '%s proposes what the columns allow',
    async (template) => {
      const { facts } = await compute(given({ template }));
      expect(facts.figures.length).toBeGreaterThanOrEqual(4);
      expect(facts.charts.length).toBeGreaterThanOrEqual(1);
      expect(facts.findings.map((finding) => finding.kind)).toContain('trend');
      expect(facts.figures[0]).toMatchObject({ formula: 'sum(cost)', value: { value: '40' } });
    },
  );

  test('words alone still make a report', async () => {
    const { facts } = await compute({ data: [{ records: [{ note: 'a' }, { note: 'b' }] }] });
    expect(facts.figures[0]).toMatchObject({ label: 'Records', value: { value: '2' } });
  });
});
