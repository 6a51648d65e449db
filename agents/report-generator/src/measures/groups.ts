/** Splits rows by the values of a column, or by buckets of time. */
import { AgentError } from '@guildhall/agent-sdk';
import { type Bucket, bucketOf, bucketRange, daysBetween } from '../numbers/calendar.ts';
import { compare, magnitude, type Rounded, ZERO } from '../numbers/decimal.ts';
import type { Category } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { columnOf, type Rows } from './measure.ts';
import type { Span } from './period.ts';

export interface Group {
  readonly category: Category;
  readonly rows: Rows;
}

/** A chart of more points is a carpet; more groups than this are refused or cut by the caller. */
export const BUCKETS_MAX = 400;

/** In order of first appearance. */
export function groupByName(table: Table, rows: Rows, name: string): Group[] {
  const { cells } = columnOf(table, name);
  const groups = new Map<string | null, number[]>();
  for (const row of rows) {
    const key = cells[row] ?? null;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups].map(([key, members]) => ({
    category: key === null ? { kind: 'empty' } : { kind: 'name', name: key },
    rows: members,
  }));
}

/**
 * Every bucket from the first to the last, empty ones included; over a span, from its first day to its last.
 * @throws AgentError `too-many-buckets` above 400
 */
export function groupByTime(
  table: Table,
  rows: Rows,
  name: string,
  wish: { readonly bucket: Bucket | undefined; readonly span: Span | undefined },
): Group[] {
  const { cells } = columnOf(table, name);
  const moments = rows.flatMap((row) => {
    const moment = cells[row];
    return typeof moment === 'string' ? [{ row, moment }] : [];
  });
  const extent =
    wish.span === undefined
      ? extentOf(moments.map(({ moment }) => moment))
      : ([wish.span.from, `${wish.span.to}T23`] as const);
  if (extent === undefined) return [];
  const bucket = wish.bucket ?? fittingBucket(extent[0], extent[1]);
  const starts = bucketRange(extent[0], extent[1], bucket, BUCKETS_MAX);
  if (starts === undefined) throw tooManyBuckets(bucket, name);
  const groups = new Map<string, number[]>(starts.map((start) => [start, []]));
  for (const { row, moment } of moments) groups.get(bucketOf(moment, bucket))?.push(row);
  return [...groups].map(([start, members]) => ({ category: { kind: 'time', start, bucket }, rows: members }));
}

function extentOf(moments: readonly string[]): readonly [string, string] | undefined {
  let [low] = moments;
  if (low === undefined) return undefined;
  let high = low;
  for (const moment of moments) {
    if (moment < low) low = moment;
    if (moment > high) high = moment;
  }
  return [low, high];
}

/** Between about 8 and 60 points: what the eye can follow. */
export function fittingBucket(first: string, last: string): Bucket {
  const days = daysBetween(first, last) + 1;
  if (days <= 2) return 'hour';
  if (days <= 45) return 'day';
  if (days <= 180) return 'week';
  if (days <= 1_900) return 'month';
  return days <= 6_000 ? 'quarter' : 'year';
}

const tooManyBuckets = (bucket: Bucket, column: string): AgentError =>
  new AgentError('too-many-buckets', `Column "${column}" spans more than ${BUCKETS_MAX} buckets of one ${bucket}.`, {
    advice: 'Choose a larger bucket or a shorter period.',
  });

/** By size, ties in the order of the data. */
export function largestFirst(groups: readonly Group[], sizeOf: (group: Group) => Rounded | undefined): Group[] {
  const sized = groups.map((group) => ({ group, size: magnitude(sizeOf(group)?.amount ?? ZERO) }));
  return sized.sort((a, b) => compare(b.size, a.size)).map(({ group }) => group);
}
