import { describe, expect, test } from 'vitest';
import { compute, type GivenInput } from '../../test/support.ts';

type GivenFinding = NonNullable<GivenInput['findings']>[number];

async function find(rows: Record<string, string | number>[], finding: GivenFinding, period?: GivenInput['period']) {
  const { facts } = await compute({
    data: [{ records: rows }],
    template: 'technical',
    findings: [finding],
    ...(period ? { period } : {}),
  });
  return facts.findings[0];
}

describe('findings, computed again by hand', () => {
  test('largest contributor: 60.5 of 100 is 60.5 %', async () => {
    const rows = [
      { who: 'a', v: '60.5' },
      { who: 'b', v: '20' },
      { who: 'c', v: '19.5' },
    ];
    const found = await find(rows, { kind: 'largest-contributor', column: 'v', by: 'who' });
    expect(found?.result).toMatchObject({
      name: { name: 'a' },
      value: { value: '60.5' },
      total: { value: '100' },
      share: { value: '0.605', exact: true },
      names: 3,
    });
    expect(found?.inputs.map((input) => input.value)).toEqual(['60.5', '20', '19.5']);
  });

  test('strongest change: a name that vanished fell by all it had', async () => {
    const rows = [
      { d: '2026-01-10', who: 'a', v: 10 },
      { d: '2026-01-11', who: 'b', v: 50 },
      { d: '2026-02-10', who: 'a', v: 30 },
    ];
    const measure = { aggregation: 'sum', column: 'v' } as const;
    const found = await find(
      rows,
      { kind: 'strongest-change', measure, by: 'who' },
      { from: '2026-02-01', to: '2026-02-28' },
    );
    expect(found?.result).toMatchObject({
      name: { name: 'b' },
      value: { value: '0' },
      previous: { value: '50' },
      change: { absolute: { value: '-50' }, relative: { value: '-1' } },
    });
  });

  test('outliers by quartiles: of 1…9 and 100, Q1 3.25, Q3 7.75, fences −3.5 and 14.5', async () => {
    const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100].map((v) => ({ v, name: `n${v}` }));
    const found = await find(rows, { kind: 'outliers', column: 'v', name: 'name' });
    expect(found?.result).toMatchObject({
      low: { value: '-3.5' },
      high: { value: '14.5' },
      count: 1,
      of: 10,
      rows: [{ row: 10, name: 'n100', value: '100' }],
    });
  });

  test('outliers by standard deviation: population 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and deviation 2', async () => {
    const rows = [2, 4, 4, 4, 5, 5, 7, 9].map((v) => ({ v }));
    const found = await find(rows, { kind: 'outliers', column: 'v', rule: 'z-score', factor: '1.9' });
    expect(found?.inputs).toContainEqual({ name: 'standard deviation', value: '2' });
    expect(found?.result).toMatchObject({
      low: { value: '1.2' },
      high: { value: '8.8' },
      count: 1,
      rows: [{ value: '9' }],
    });
    const exactlyOnTheFence = await find(rows, { kind: 'outliers', column: 'v', rule: 'z-score', factor: 2 });
    expect(exactlyOnTheFence?.result).toMatchObject({ count: 0 });
  });

  test('trend: 1, 3, 5 over three months rises by 2 with a perfect fit', async () => {
    const rows = [
      { d: '2026-01-05', v: 1 },
      { d: '2026-02-05', v: 3 },
      { d: '2026-03-05', v: 5 },
    ];
    const found = await find(rows, { kind: 'trend', measure: { aggregation: 'sum', column: 'v' }, bucket: 'month' });
    expect(found?.result).toMatchObject({
      slope: { value: '2', exact: true },
      buckets: 3,
      fit: { value: '1' },
      direction: 'up',
    });
  });

  test('trend: a week cut by the period does not count as a fall', async () => {
    const rows = Array.from({ length: 31 }, (_, index) => ({
      d: `2026-10-${String(index + 1).padStart(2, '0')}`,
      v: 1,
    }));
    const found = await find(
      rows,
      { kind: 'trend', measure: { aggregation: 'sum', column: 'v' }, bucket: 'week' },
      { from: '2026-10-01', to: '2026-10-31', compareWith: 'none' },
    );
    expect(found?.result).toMatchObject({ buckets: 3, direction: 'flat', slope: { value: '0' } });
  });

  test('too few values say nothing', async () => {
    expect((await find([{ v: 1 }, { v: 2 }], { kind: 'outliers', column: 'v' }))?.result).toBeNull();
  });
});
