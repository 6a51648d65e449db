/** Findings: statements with the formula and the numbers by which anyone can compute them again. */
import type { FindingRequest } from '../input/content.ts';
import type { Span } from '../measures/period.ts';
import { type PeriodRows, rowsWhere } from '../measures/rows.ts';
import type { Finding } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { strongestChange } from './change.ts';
import { largestContributor } from './contributor.ts';
import type { Found } from './found.ts';
import { outliers } from './outliers.ts';
import { trend } from './trend.ts';

export interface FindingScope {
  readonly rows: PeriodRows;
  readonly span: Span | undefined;
}

export function computeFinding(request: FindingRequest, id: string, table: Table, scope: FindingScope): Finding {
  const rows: PeriodRows = {
    current: rowsWhere(table, scope.rows.current, request.where),
    previous: scope.rows.previous && rowsWhere(table, scope.rows.previous, request.where),
  };
  const found = foundBy(request, table, { rows, span: scope.span });
  return { id, kind: request.kind, source: table.id, ...found };
}

function foundBy(request: FindingRequest, table: Table, scope: FindingScope): Found {
  switch (request.kind) {
    case 'largest-contributor':
      return largestContributor(request, table, scope.rows.current);
    case 'strongest-change':
      return strongestChange(request, table, scope.rows);
    case 'outliers':
      return outliers(request, table, scope.rows.current);
    case 'trend':
      return trend(request, table, scope.rows.current, scope.span);
    default:
      return request satisfies never;
  }
}
