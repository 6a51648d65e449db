/** What was read: each source with its columns. */

import type { PeriodRows } from '../measures/rows.ts';
import { compare, decimalOf } from '../numbers/decimal.ts';
import type { Column, Table } from '../sources/table.ts';
import type { ColumnSummary, SourceSummary } from './model.ts';

export function summarise(table: Table, label: string, rows: PeriodRows): SourceSummary {
  return {
    id: table.id,
    label,
    rows: table.rowCount,
    rowsInPeriod: rows.current.length,
    rowsInPrevious: rows.previous?.length ?? 0,
    dateColumn: table.dateColumn ?? null,
    columns: [...table.columns.values()].map(columnSummary),
  };
}

export function columnSummary(column: Column): ColumnSummary {
  const filled = column.cells.filter((cell) => cell !== null);
  const order =
    column.type === 'number'
      ? (a: string, b: string) => compare(decimalOf(a), decimalOf(b))
      : (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const extreme = (side: -1 | 1): string | null =>
    filled.reduce<string | null>(
      (best, cell) => (best === null || Math.sign(order(cell, best)) === side ? cell : best),
      null,
    );
  return {
    name: column.name,
    type: column.type,
    filled: filled.length,
    distinct: new Set(filled).size,
    min: column.type === 'text' ? null : extreme(-1),
    max: column.type === 'text' ? null : extreme(1),
  };
}
