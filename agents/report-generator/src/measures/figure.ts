/** Key figures with their change to the period before. */
import type { FigureRequest } from '../input/content.ts';
import { dividedBy, magnitude, minus, type Rounded } from '../numbers/decimal.ts';
import type { Change, Figure } from '../report/model.ts';
import type { Table } from '../sources/table.ts';
import { amountOf, evaluate, formulaOf } from './measure.ts';
import { type PeriodRows, rowsWhere } from './rows.ts';
import { shownFormat } from './shown-format.ts';

export function computeFigure(request: FigureRequest, id: string, table: Table, rows: PeriodRows): Figure {
  const at = (chosen: readonly number[]): Rounded | undefined =>
    evaluate(request.measure, table, rowsWhere(table, chosen, request.where));
  const value = at(rows.current);
  const previous = rows.previous && at(rows.previous);
  return {
    id,
    label: request.label,
    source: table.id,
    formula: formulaOf(request.measure),
    format: shownFormat(request.format, value === undefined ? [] : [value.amount]),
    better: request.better,
    value: value === undefined ? null : amountOf(value),
    previous: previous === undefined ? null : amountOf(previous),
    change: value === undefined || previous === undefined ? null : changeOf(value, previous),
  };
}

/** `absolute = value − previous`, `relative = absolute ÷ |previous|`. */
export function changeOf(value: Rounded, previous: Rounded): Change {
  const isExact = value.exact && previous.exact;
  const absolute = minus(value.amount, previous.amount);
  const relative = dividedBy(absolute, magnitude(previous.amount));
  return {
    absolute: amountOf({ amount: absolute, exact: isExact }),
    relative: relative === undefined ? null : amountOf({ ...relative, exact: relative.exact && isExact }),
  };
}
