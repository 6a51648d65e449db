import { describe, expect, test } from 'vitest';
import { bucketOf, bucketRange } from '../numbers/calendar.ts';
import { periodOf } from './period.ts';

describe('the period before', () => {
  test.each([
    ['2026-03-01', '2026-03-31', 'previous', '2026-02-01', '2026-02-28'],
    ['2026-10-01', '2026-12-31', 'previous', '2026-07-01', '2026-09-30'],
    ['2026-03-10', '2026-03-16', 'previous', '2026-03-03', '2026-03-09'],
    ['2026-01-01', '2026-01-01', 'previous', '2025-12-31', '2025-12-31'],
    ['2024-02-01', '2024-02-29', 'previous-year', '2023-02-01', '2023-02-28'],
    ['2025-02-01', '2025-02-28', 'previous-year', '2024-02-01', '2024-02-29'],
  ] as const)('%s to %s against %s is %s to %s', (from, to, how, earlierFrom, earlierTo) =>
    expect(periodOf(from, to, how).previous).toEqual({ from: earlierFrom, to: earlierTo }),
  );

  test('nothing is compared when nobody asks', () =>
    expect(periodOf('2026-03-01', '2026-03-31', 'none').previous).toBeUndefined());
});

describe('buckets', () => {
  test.each([
    ['2026-11-21T15:04:05', 'hour', '2026-11-21T15:00'],
    ['2026-11-22', 'week', '2026-11-16'],
    ['1969-12-28', 'week', '1969-12-22'],
    ['2026-11-21', 'quarter', '2026-10-01'],
    ['2026-11-21', 'year', '2026-01-01'],
  ] as const)('%s lies in the %s of %s', (moment, bucket, start) => expect(bucketOf(moment, bucket)).toBe(start));

  test('a range has no holes and knows its bound', () => {
    expect(bucketRange('2026-11-30', '2027-02-01', 'month', 10)).toEqual([
      '2026-11-01',
      '2026-12-01',
      '2027-01-01',
      '2027-02-01',
    ]);
    expect(bucketRange('2026-11-30T22:10:00', '2026-12-01T01:00:00', 'hour', 10)).toHaveLength(4);
    expect(bucketRange('2020-01-01', '2026-01-01', 'day', 400)).toBeUndefined();
  });
});
