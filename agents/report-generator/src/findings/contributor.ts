/** Who contributes most: `share = sum(column where by = name) ÷ sum(column)`. */
import type { FindingRequest } from '../input/content.ts';
import { groupByName, largestFirst } from '../measures/groups.ts';
import { amountOf, evaluate, type Rows } from '../measures/measure.ts';
import { shownFormat } from '../measures/shown-format.ts';
import { dividedBy, plain } from '../numbers/decimal.ts';
import type { Table } from '../sources/table.ts';
import { type Found, INPUTS_MAX, subjectOf } from './found.ts';

export function largestContributor(
  request: Extract<FindingRequest, { kind: 'largest-contributor' }>,
  table: Table,
  rows: Rows,
): Found {
  const measure = { aggregation: 'sum', column: request.column } as const;
  const sumOver = (chosen: Rows) => evaluate(measure, table, chosen);
  const groups = largestFirst(groupByName(table, rows, request.by), (group) => sumOver(group.rows));
  const [first] = groups;
  const value = first && sumOver(first.rows);
  const total = sumOver(rows);
  const share = value && total && dividedBy(value.amount, total.amount);
  return {
    subject: subjectOf(request.label, { column: request.column }),
    formula: `share = sum(${request.column} where ${request.by} = name) ÷ sum(${request.column})`,
    format: shownFormat(request.format, value === undefined ? [] : [value.amount]),
    inputs: groups.slice(0, INPUTS_MAX).flatMap((group) => {
      const part = sumOver(group.rows);
      return part === undefined ? [] : [{ name: group.category, value: plain(part.amount) }];
    }),
    result:
      first === undefined || value === undefined || total === undefined || share === undefined
        ? null
        : {
            kind: 'largest-contributor',
            name: first.category,
            value: amountOf(value),
            total: amountOf(total),
            share: amountOf(share),
            names: groups.length,
          },
  };
}
