/** Values that stand apart, by a rule that is stated. Both rules are computed without a square root, hence exactly. */
import type { FindingRequest } from '../input/content.ts';
import { amountOf, columnOf, numericColumn, type Rows } from '../measures/measure.ts';
import { shownFormat } from '../measures/shown-format.ts';
import {
  compare,
  type Decimal,
  decimalOf,
  dividedBy,
  minus,
  plain,
  plus,
  type Rounded,
  sum,
  times,
} from '../numbers/decimal.ts';
import type { OutlierRow } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { type Found, subjectOf } from './found.ts';
import { squareRoot } from './square-root.ts';

type OutlierRequest = Extract<FindingRequest, { kind: 'outliers' }>;
const ROWS_LISTED = 20;
/** Quartiles of fewer values say nothing. */
const VALUES_MIN = 5;
const DEFAULT_FACTOR = { iqr: '1.5', 'z-score': '3' } as const;

interface Fence {
  readonly low: Rounded;
  readonly high: Rounded;
  readonly inputs: readonly { readonly name: string; readonly value: string }[];
  isOutside(value: Decimal): boolean;
}

export function outliers(request: OutlierRequest, table: Table, rows: Rows): Found {
  const { cells } = numericColumn(table, request.column);
  const members = rows.flatMap((row) => {
    const cell = cells[row];
    return cell === null || cell === undefined ? [] : [{ row, value: decimalOf(cell) }];
  });
  const factor = decimalOf(request.factor ?? DEFAULT_FACTOR[request.rule]);
  const values = members.map(({ value }) => value);
  const fence =
    values.length < VALUES_MIN
      ? undefined
      : request.rule === 'iqr'
        ? quartileFence(values, factor)
        : deviationFence(values, factor);
  const names = request.name === undefined ? undefined : columnOf(table, request.name).cells;
  const outside = fence === undefined ? [] : members.filter(({ value }) => fence.isOutside(value));
  const listed = outside
    .slice(0, ROWS_LISTED)
    .map(({ row, value }): OutlierRow => ({ row: row + 1, name: names?.[row] ?? null, value: plain(value) }));
  return {
    subject: subjectOf(request.label, { column: request.column }),
    formula: FORMULAS[request.rule](request.column, plain(factor)),
    format: shownFormat(request.format, values),
    inputs: fence?.inputs ?? [],
    result:
      fence === undefined
        ? null
        : {
            kind: 'outliers',
            rule: request.rule,
            factor: plain(factor),
            low: amountOf(fence.low),
            high: amountOf(fence.high),
            count: outside.length,
            of: values.length,
            rows: listed,
          },
  };
}

const FORMULAS = {
  iqr: (column: string, factor: string) =>
    `${column} < Q1 − ${factor} × (Q3 − Q1) or > Q3 + ${factor} × (Q3 − Q1); quartiles by linear interpolation`,
  'z-score': (column: string, factor: string) =>
    `|${column} − mean| > ${factor} × standard deviation (of the population)`,
} as const;

function quartileFence(values: readonly Decimal[], factor: Decimal): Fence {
  const sorted = [...values].sort(compare);
  const q1 = quartile(sorted, 1);
  const q3 = quartile(sorted, 3);
  const reach = times(factor, minus(q3, q1));
  const low = minus(q1, reach);
  const high = plus(q3, reach);
  return {
    low: { amount: low, exact: true },
    high: { amount: high, exact: true },
    inputs: [
      { name: 'n', value: String(sorted.length) },
      { name: 'Q1', value: plain(q1) },
      { name: 'Q3', value: plain(q3) },
    ],
    isOutside: (value) => compare(value, low) < 0 || compare(value, high) > 0,
  };
}

/** Position (n − 1) × k ÷ 4 among the sorted values; a quarter has two digits, so nothing is rounded. */
function quartile(sorted: readonly Decimal[], k: 1 | 3): Decimal {
  const quarters = (sorted.length - 1) * k;
  const below = sorted[Math.floor(quarters / 4)] ?? decimalOf(0);
  const above = sorted[Math.ceil(quarters / 4)] ?? below;
  const fraction = decimalOf((quarters % 4) * 0.25);
  return plus(below, times(fraction, minus(above, below)));
}

/** |x − mean| > f × sd ⇔ (n·x − Σ)² > f² × (n·Σx² − Σ²): whole numbers on both sides. */
function deviationFence(values: readonly Decimal[], factor: Decimal): Fence {
  const n = decimalOf(values.length);
  const total = sum(values);
  const squares = sum(values.map((value) => times(value, value)));
  const spread = minus(times(n, squares), times(total, total));
  const limit = times(times(factor, factor), spread);
  const mean = dividedBy(total, n) ?? { amount: total, exact: true };
  const deviation = dividedBy(squareRoot(spread), n) ?? mean;
  const reach = times(factor, deviation.amount);
  return {
    low: { amount: minus(mean.amount, reach), exact: false },
    high: { amount: plus(mean.amount, reach), exact: false },
    inputs: [
      { name: 'n', value: plain(n) },
      { name: 'Σx', value: plain(total) },
      { name: 'Σx²', value: plain(squares) },
      { name: 'mean', value: plain(mean.amount) },
      { name: 'standard deviation', value: plain(deviation.amount) },
    ],
    isOutside: (value) => {
      const away = minus(times(n, value), total);
      return compare(times(away, away), limit) > 0;
    },
  };
}
