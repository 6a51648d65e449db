/** Turns a table request into rows: those of the source, or one for each group. */
import { AgentError } from '@guildhall/agent-sdk';
import type { Measure } from '../input/common.ts';
import type { TableRequest } from '../input/content.ts';
import { groupByName, groupByTime } from '../measures/groups.ts';
import { columnOf, evaluate, numbersOf, type Rows } from '../measures/measure.ts';
import type { Span } from '../measures/period.ts';
import { rowsWhere } from '../measures/rows.ts';
import { shownFormat } from '../measures/shown-format.ts';
import { compare, decimalOf, plain, sum } from '../numbers/decimal.ts';
import type { ReportTable, TableCell, TableColumn } from '../report/model.ts';
import type { Table } from '../sources/table.ts';

/** A page is only so wide. */
const COLUMNS_SHOWN = 8;

export interface TableScope {
  readonly rows: Rows;
  readonly span: Span | undefined;
}

export function computeTable(request: TableRequest, id: string, table: Table, scope: TableScope): ReportTable {
  const rows = rowsWhere(table, scope.rows, request.where);
  const full =
    request.groupBy === undefined
      ? rowTable(request, table, rows)
      : groupTable(request, request.groupBy, table, { ...scope, rows });
  const sorted = sortRows(full, request.sort, table.id);
  return {
    id,
    title: request.title,
    source: table.id,
    columns: full.columns,
    rows: sorted.slice(0, request.limit),
    totals: request.totals ? full.totals : null,
    rowsInAll: sorted.length,
  };
}

interface FullTable {
  readonly columns: readonly TableColumn[];
  /** What `sort.by` may name, beside the labels. */
  readonly names: readonly string[];
  readonly rows: readonly (readonly TableCell[])[];
  readonly totals: readonly (string | null)[] | null;
}

function rowTable(request: TableRequest, table: Table, rows: Rows): FullTable {
  const wanted =
    request.columns ??
    [...table.columns.keys()]
      .slice(0, COLUMNS_SHOWN)
      .map((column) => ({ column, label: undefined, format: undefined }));
  const sources = wanted.map((entry) => columnOf(table, entry.column));
  const columns: TableColumn[] = wanted.map((entry, index) => {
    const kind = sources[index]?.type ?? 'text';
    const format = kind === 'number' ? shownFormat(entry.format, numbersOf(table, entry.column, rows)) : null;
    return { label: entry.label ?? entry.column, kind, format };
  });
  // An average of averages or a sum of years means nothing: only columns the request named with a format are added up.
  const totals = wanted.map((entry, index) =>
    columns[index]?.kind === 'number' && entry.format !== undefined && entry.format.style !== 'percent'
      ? plain(sum(numbersOf(table, entry.column, rows)))
      : null,
  );
  return {
    columns,
    names: wanted.map((entry) => entry.column),
    rows: rows.map((row) => sources.map((column) => column.cells[row] ?? null)),
    totals: totals.some((total) => total !== null) ? totals : null,
  };
}

function groupTable(request: TableRequest, by: string, table: Table, scope: TableScope): FullTable {
  const measures = request.measures ?? [
    { label: 'count', measure: { aggregation: 'count' } satisfies Measure, format: undefined },
  ];
  const groups =
    columnOf(table, by).type === 'date'
      ? groupByTime(table, scope.rows, by, {
          bucket: request.bucket,
          span: by === table.dateColumn ? scope.span : undefined,
        })
      : groupByName(table, scope.rows, by);
  const values = groups.map((group) => measures.map((entry) => evaluate(entry.measure, table, group.rows)?.amount));
  const formats = measures.map((entry, index) =>
    shownFormat(
      entry.format,
      values.flatMap((row) => row[index] ?? []),
    ),
  );
  const columns: TableColumn[] = [
    { label: by, kind: 'category', format: null },
    ...measures.map(
      (entry, index): TableColumn => ({ label: entry.label, kind: 'number', format: formats[index] ?? null }),
    ),
  ];
  const whole = measures.map((entry) => evaluate(entry.measure, table, scope.rows)?.amount);
  return {
    columns,
    names: [by, ...measures.map((entry) => entry.label)],
    rows: groups.map((group, index) => [
      group.category,
      ...(values[index] ?? []).map((value) => (value === undefined ? null : plain(value))),
    ]),
    totals: [null, ...whole.map((value) => (value === undefined ? null : plain(value)))],
  };
}

function sortRows(table: FullTable, sort: TableRequest['sort'], source: string): readonly (readonly TableCell[])[] {
  if (sort === undefined) return table.rows;
  const index = table.columns.findIndex((column, at) => column.label === sort.by || table.names[at] === sort.by);
  const column = table.columns[index];
  if (column === undefined) throw sortUnknown(sort.by, source, table.names);
  const sign = sort.direction === 'ascending' ? 1 : -1;
  return [...table.rows].sort((a, b) =>
    compareCells(a[index] ?? null, b[index] ?? null, column.kind === 'number', sign),
  );
}

/** Empty cells come last in both directions. */
function compareCells(a: TableCell, b: TableCell, isNumber: boolean, sign: 1 | -1): number {
  const left = sortText(a);
  const right = sortText(b);
  if (left === null || right === null) return (left === null ? 1 : 0) - (right === null ? 1 : 0);
  if (isNumber) return sign * compare(decimalOf(left), decimalOf(right));
  return sign * (left < right ? -1 : left > right ? 1 : 0);
}

function sortText(cell: TableCell): string | null {
  if (cell === null || typeof cell === 'string') return cell;
  return cell.kind === 'name' ? cell.name : cell.kind === 'time' ? cell.start : null;
}

const sortUnknown = (by: string, source: string, known: readonly string[]): AgentError =>
  new AgentError(
    'sort-unknown',
    `A table of source "${source}" is sorted by "${by}", which it does not show. It shows: ${known.join(', ')}.`,
  );
