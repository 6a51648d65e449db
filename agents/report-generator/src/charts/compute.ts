/** Turns a chart request into categories and exact values. */
import type { ChartRequest } from '../input/content.ts';
import { type Group, groupByName, groupByTime, largestFirst } from '../measures/groups.ts';
import { amountOf, columnOf, evaluate, formulaOf, isAdditive, type Rows } from '../measures/measure.ts';
import type { Span } from '../measures/period.ts';
import { rowsWhere } from '../measures/rows.ts';
import { shownFormat } from '../measures/shown-format.ts';
import type { Decimal } from '../numbers/decimal.ts';
import type { Chart, Series } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { computeScatter } from './scatter.ts';

/** More lines than the palette can tell apart. */
const SPLITS_MAX = 8;
type CategoryRequest = Exclude<ChartRequest, { kind: 'scatter' }>;

export function computeChart(
  request: ChartRequest,
  id: string,
  table: Table,
  scope: { readonly rows: Rows; readonly span: Span | undefined },
): Chart {
  const rows = rowsWhere(table, scope.rows, request.where);
  if (request.kind === 'scatter') return computeScatter(request, id, table, rows);
  const groups = groupsOf(request, table, rows, scope.span);
  const lines = linesOf(request, table, rows);
  const values = lines.map((line) => groups.map((group) => evaluate(line.measure, table, line.keep(group.rows))));
  const shown: Decimal[] = values.flat().flatMap((value) => (value === undefined ? [] : value.amount));
  const series: Series[] = lines.map((line, index) => ({
    label: line.label,
    formula: formulaOf(line.measure),
    values: (values[index] ?? []).map((value) => (value === undefined ? null : amountOf(value))),
  }));
  return {
    id,
    kind: request.kind,
    title: request.title,
    source: table.id,
    note: request.note ?? null,
    format: shownFormat(request.format, shown),
    xLabel: request.x,
    categories: groups.map((group) => group.category),
    series,
  };
}

interface Line {
  readonly label: string;
  readonly measure: CategoryRequest['y'][number]['measure'];
  keep(rows: Rows): Rows;
}

function linesOf(request: CategoryRequest, table: Table, rows: Rows): Line[] {
  const [first] = request.y;
  if (request.splitBy === undefined || first === undefined) {
    return request.y.map((entry) => ({
      label: entry.label ?? formulaOf(entry.measure),
      measure: entry.measure,
      keep: (chosen) => chosen,
    }));
  }
  const { cells } = columnOf(table, request.splitBy);
  const bySize = largestFirst(groupByName(table, rows, request.splitBy), (group) =>
    evaluate(first.measure, table, group.rows),
  );
  return bySize.slice(0, SPLITS_MAX).map((group) => {
    const name = group.category.kind === 'name' ? group.category.name : null;
    return {
      label: name ?? '–',
      measure: first.measure,
      keep: (chosen) => chosen.filter((row) => (cells[row] ?? null) === name),
    };
  });
}

function groupsOf(request: CategoryRequest, table: Table, rows: Rows, span: Span | undefined): Group[] {
  if (columnOf(table, request.x).type === 'date') {
    const isPlaced = request.x === table.dateColumn;
    return groupByTime(table, rows, request.x, { bucket: request.bucket, span: isPlaced ? span : undefined });
  }
  const [first] = request.y;
  const groups = groupByName(table, rows, request.x);
  if (first === undefined) return groups;
  const ordered = largestFirst(groups, (group) => evaluate(first.measure, table, group.rows));
  if (ordered.length <= request.top) return ordered;
  const kept = ordered.slice(0, request.top);
  const rest = ordered.slice(request.top);
  if (!request.y.every((entry) => isAdditive(entry.measure))) return kept;
  return [...kept, { category: { kind: 'other', count: rest.length }, rows: rest.flatMap((group) => group.rows) }];
}
