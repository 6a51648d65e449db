/** Points of two columns of numbers. */
import type { ChartRequest } from '../input/content.ts';
import { columnOf, numericColumn, type Rows } from '../measures/measure.ts';
import { shownFormat } from '../measures/shown-format.ts';
import { decimalOf } from '../numbers/decimal.ts';
import type { ScatterChart } from '../report/model.ts';
import type { Table } from '../sources/table.ts';

const GROUPS_MAX = 8;
type ScatterRequest = Extract<ChartRequest, { kind: 'scatter' }>;

/** Past `pointsMax` every n-th row is drawn, and the chart says how many were left out. */
export function computeScatter(request: ScatterRequest, id: string, table: Table, rows: Rows): ScatterChart {
  const xs = numericColumn(table, request.x).cells;
  const ys = numericColumn(table, request.y).cells;
  const names = request.splitBy === undefined ? undefined : columnOf(table, request.splitBy).cells;
  const complete = rows.filter((row) => typeof xs[row] === 'string' && typeof ys[row] === 'string');
  const stride = Math.max(1, Math.ceil(complete.length / request.pointsMax));
  const drawn = complete.filter((_, index) => index % stride === 0);
  const groups = new Map<string, [string, string][]>();
  for (const row of drawn) {
    const name = names?.[row] ?? '';
    const label = groups.has(name) || groups.size < GROUPS_MAX ? name : '…';
    const points = groups.get(label) ?? [];
    points.push([xs[row] ?? '0', ys[row] ?? '0']);
    groups.set(label, points);
  }
  return {
    id,
    kind: 'scatter',
    title: request.title,
    source: table.id,
    note: request.note ?? null,
    format: shownFormat(
      request.format,
      drawn.map((row) => decimalOf(ys[row] ?? '0')),
    ),
    xLabel: request.x,
    yLabel: request.y,
    scatter: [...groups].map(([label, points]) => ({ label, points })),
    pointsLeftOut: complete.length - drawn.length,
  };
}
