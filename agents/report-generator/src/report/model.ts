/** A report as exact facts, before it is worded or drawn. This is also what the JSON output holds. */
import type { Measure, NumberFormat } from '../input/common.ts';
import type { Bucket } from '../numbers/calendar.ts';

/** A number written out in full; `exact` is false where a division was rounded to 12 digits after the point. */
export interface Amount {
  readonly value: string;
  readonly exact: boolean;
}

/** How its numbers are shown; `decimals` is settled by the data when the input left it open. */
export interface ShownFormat {
  readonly style: NumberFormat['style'];
  readonly currency?: string | undefined;
  readonly decimals: number;
}

export interface Change {
  readonly absolute: Amount;
  /** Share of the previous value; absent when that was zero. */
  readonly relative: Amount | null;
}

export interface Figure {
  readonly id: string;
  readonly label: string;
  readonly source: string;
  readonly formula: string;
  readonly format: ShownFormat;
  readonly better: 'up' | 'down' | 'neutral';
  /** Null when there is nothing to compute from: no rows, or a division by zero. */
  readonly value: Amount | null;
  readonly previous: Amount | null;
  readonly change: Change | null;
}

export type ChartKind = 'line' | 'bar' | 'stacked-bar' | 'area' | 'pie' | 'scatter';

/** A name on an axis: a value of the data, the start of a bucket of time, or everything past the largest names. */
export type Category =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'time'; readonly start: string; readonly bucket: Bucket }
  | { readonly kind: 'empty' }
  | { readonly kind: 'other'; readonly count: number };

export interface Series {
  /** Null when the only series needs no name. */
  readonly label: string;
  readonly formula: string;
  /** One for each category; null where there is nothing. */
  readonly values: readonly (Amount | null)[];
}

export interface ScatterSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: string, y: string])[];
}

interface ChartBase {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly note: string | null;
  readonly format: ShownFormat;
  readonly xLabel: string;
}
export interface CategoryChart extends ChartBase {
  readonly kind: Exclude<ChartKind, 'scatter'>;
  readonly categories: readonly Category[];
  readonly series: readonly Series[];
}
export interface ScatterChart extends ChartBase {
  readonly kind: 'scatter';
  readonly yLabel: string;
  readonly scatter: readonly ScatterSeries[];
  readonly pointsLeftOut: number;
}
export type Chart = CategoryChart | ScatterChart;

export type TableColumnKind = 'number' | 'date' | 'text' | 'category';

export interface TableColumn {
  readonly label: string;
  readonly kind: TableColumnKind;
  readonly format: ShownFormat | null;
}

export type TableCell = string | null | Category;

export interface ReportTable {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly TableCell[])[];
  /** The last row over all rows, shown or not. */
  readonly totals: readonly (string | null)[] | null;
  readonly rowsInAll: number;
}

export type FindingKind = 'largest-contributor' | 'strongest-change' | 'outliers' | 'trend';

/** Everything needed to compute it again: the formula in words, the numbers that went in, the numbers that came out. */
export interface Finding {
  readonly id: string;
  readonly kind: FindingKind;
  readonly source: string;
  readonly subject: Subject;
  readonly formula: string;
  readonly format: ShownFormat;
  readonly inputs: readonly FindingInput[];
  readonly result: FindingResult | null;
}

/** What a finding speaks of: a measure, a bare column, or the words the input gave. */
export type Subject = { readonly label: string } | { readonly measure: Measure } | { readonly column: string };

export interface FindingInput {
  readonly name: string | Category;
  readonly value: string;
  /** Only where two periods are compared. */
  readonly previous?: string | null;
}

export type FindingResult =
  | {
      readonly kind: 'largest-contributor';
      readonly name: Category;
      readonly value: Amount;
      readonly total: Amount;
      readonly share: Amount;
      readonly names: number;
    }
  | {
      readonly kind: 'strongest-change';
      readonly name: Category | null;
      readonly value: Amount;
      readonly previous: Amount;
      readonly change: Change;
    }
  | {
      readonly kind: 'outliers';
      readonly rule: 'iqr' | 'z-score';
      readonly factor: string;
      readonly low: Amount;
      readonly high: Amount;
      readonly count: number;
      readonly of: number;
      readonly rows: readonly OutlierRow[];
    }
  | {
      readonly kind: 'trend';
      readonly slope: Amount;
      readonly bucket: Bucket;
      readonly buckets: number;
      readonly fit: Amount | null;
      readonly direction: 'up' | 'down' | 'flat';
    };

export interface OutlierRow {
  /** Counted from 1 in the source. */
  readonly row: number;
  readonly name: string | null;
  readonly value: string;
}

export interface SourceSummary {
  readonly id: string;
  readonly label: string;
  readonly rows: number;
  readonly rowsInPeriod: number;
  readonly rowsInPrevious: number;
  readonly dateColumn: string | null;
  readonly columns: readonly ColumnSummary[];
}

export interface ColumnSummary {
  readonly name: string;
  readonly type: 'number' | 'date' | 'text';
  readonly filled: number;
  readonly distinct: number;
  readonly min: string | null;
  readonly max: string | null;
}

export interface Facts {
  readonly figures: readonly Figure[];
  readonly charts: readonly Chart[];
  readonly tables: readonly ReportTable[];
  readonly findings: readonly Finding[];
  readonly sources: readonly SourceSummary[];
  readonly notes: readonly string[];
}
