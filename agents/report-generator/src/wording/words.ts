/** The words of a report, in one shape for every language. */
import type { HouseTemplate } from '../input/template.ts';
import type { Aggregation } from './aggregation.ts';

export interface Words {
  readonly titles: Readonly<Record<HouseTemplate, string>>;
  readonly kinds: Readonly<Record<HouseTemplate, string>>;
  readonly period: string;
  readonly comparedWith: string;
  readonly allRows: string;
  readonly preparedBy: string;
  readonly created: string;
  readonly keyFigures: string;
  readonly charts: string;
  readonly tables: string;
  readonly findings: string;
  readonly data: string;
  readonly method: string;
  readonly previous: string;
  readonly noValue: string;
  readonly noChange: string;
  readonly isNew: string;
  readonly total: string;
  readonly empty: string;
  readonly formula: string;
  readonly inputs: string;
  readonly notes: string;
  readonly contents: string;
  readonly name: string;
  readonly value: string;
  readonly change: string;
  readonly row: string;
  readonly figure: string;
  readonly finding: string;
  readonly rounding: string;
  readonly profile: {
    readonly title: string;
    readonly source: string;
    readonly column: string;
    readonly type: string;
    readonly filled: string;
    readonly distinct: string;
    readonly min: string;
    readonly max: string;
  };
  readonly types: { readonly number: string; readonly date: string; readonly text: string };
  readonly aggregation: Readonly<Record<Aggregation, (column: string) => string>>;
  other(count: string): string;
  rowsShown(shown: string, all: string): string;
  pointsLeftOut(count: string): string;
  sourceLine(label: string, rows: string): string;
  sourceInPeriod(label: string, rows: string, all: string): string;
  overTime(what: string): string;
  by(what: string, column: string): string;
  per(bucket: Bucket): string;
  readonly finds: FindingWords;
}

type Bucket = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

export interface FindingWords {
  readonly titles: {
    readonly 'largest-contributor': string;
    readonly 'strongest-change': string;
    readonly outliers: string;
    readonly trend: string;
  };
  readonly nothing: string;
  largest(f: { name: string; subject: string; value: string; share: string; total: string; names: string }): string;
  changed(f: {
    name: string;
    subject: string;
    value: string;
    previous: string;
    absolute: string;
    relative: string | null;
    direction: 'up' | 'down' | 'flat';
  }): string;
  outliers(f: { subject: string; count: string; of: string; low: string; high: string; none: boolean }): string;
  trend(f: {
    subject: string;
    slope: string;
    per: string;
    fit: string | null;
    direction: 'up' | 'down' | 'flat';
    buckets: string;
  }): string;
}
