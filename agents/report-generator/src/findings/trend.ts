/** The slope of a straight line through the buckets of a period, by least squares. */
import type { FindingRequest } from '../input/content.ts';
import { groupByTime } from '../measures/groups.ts';
import { amountOf, evaluate, type Rows } from '../measures/measure.ts';
import type { Span } from '../measures/period.ts';
import { shownFormat } from '../measures/shown-format.ts';
import { addDays, nextBucket } from '../numbers/calendar.ts';
import {
  type Decimal,
  decimalOf,
  dividedBy,
  isZero,
  minus,
  plain,
  type Rounded,
  sum,
  times,
} from '../numbers/decimal.ts';
import type { Category, FindingResult } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { type Found, subjectOf } from './found.ts';

type TrendRequest = Extract<FindingRequest, { kind: 'trend' }>;
/** Two points always lie on a line. */
const BUCKETS_MIN = 3;

export function trend(request: TrendRequest, table: Table, rows: Rows, span: Span | undefined): Found {
  const points = table.dateColumn === undefined ? [] : pointsOf(request, table, table.dateColumn, { rows, span });
  return {
    subject: subjectOf(request.label, { measure: request.measure }),
    formula: 'slope = (n·Σxy − Σx·Σy) ÷ (n·Σx² − (Σx)²), x = 0, 1, 2 … for each whole bucket of the period, y = value',
    format: shownFormat(
      request.format,
      points.map(({ y }) => y),
    ),
    inputs: points.map(({ category, y }) => ({ name: category, value: plain(y) })),
    result: points.length < BUCKETS_MIN ? null : lineThrough(points),
  };
}

/** A week cut off by the end of the period would look like a fall. */
function isWhole(category: Category, span: Span): boolean {
  if (category.kind !== 'time' || category.bucket === 'hour') return true;
  return category.start >= span.from && addDays(nextBucket(category.start, category.bucket), -1) <= span.to;
}

interface Point {
  readonly category: Category;
  readonly x: Decimal;
  readonly y: Decimal;
}

/** A bucket without rows is a zero for sums and counts, and left out for everything else. */
function pointsOf(
  request: TrendRequest,
  table: Table,
  dateColumn: string,
  scope: { readonly rows: Rows; readonly span: Span | undefined },
): Point[] {
  const { span } = scope;
  const groups = groupByTime(table, scope.rows, dateColumn, { bucket: request.bucket, span: scope.span });
  const whole = groups.filter(({ category }) => span === undefined || isWhole(category, span));
  return whole.flatMap((group, index) => {
    const y = evaluate(request.measure, table, group.rows)?.amount;
    return y === undefined ? [] : { category: group.category, x: decimalOf(index), y };
  });
}

function lineThrough(points: readonly Point[]): FindingResult | null {
  const n = decimalOf(points.length);
  const sx = sum(points.map(({ x }) => x));
  const sy = sum(points.map(({ y }) => y));
  const spread = (product: readonly Decimal[], a: Decimal, b: Decimal): Decimal =>
    minus(times(n, sum(product)), times(a, b));
  const xy = spread(
    points.map(({ x, y }) => times(x, y)),
    sx,
    sy,
  );
  const xx = spread(
    points.map(({ x }) => times(x, x)),
    sx,
    sx,
  );
  const yy = spread(
    points.map(({ y }) => times(y, y)),
    sy,
    sy,
  );
  const slope = dividedBy(xy, xx);
  const [first] = points;
  if (slope === undefined || first?.category.kind !== 'time') return null;
  const fit: Rounded | undefined = dividedBy(times(xy, xy), times(xx, yy));
  return {
    kind: 'trend',
    slope: amountOf(slope),
    bucket: first.category.bucket,
    buckets: points.length,
    fit: fit === undefined ? null : amountOf(fit),
    direction: isZero(xy) ? 'flat' : xy.units > 0n ? 'up' : 'down',
  };
}
