/** Computes one number from rows, exactly. */
import { AgentError } from '@guildhall/agent-sdk';
import type { Measure, SimpleMeasure } from '../input/common.ts';
import { compare, type Decimal, decimalOf, dividedBy, plain, type Rounded, sum } from '../numbers/decimal.ts';
import type { Amount } from '../report/model.ts';
import { unknownColumn } from '../sources/infer.ts';
import type { Column, Table } from '../sources/table.ts';

/** Rows of a table by index, in the order of the source. */
export type Rows = readonly number[];

/** Undefined when there is nothing to compute from: no filled cell for avg, min and max, or a zero to divide by. */
export function evaluate(measure: Measure, table: Table, rows: Rows): Rounded | undefined {
  if (measure.aggregation !== 'ratio') return simple(measure, table, rows);
  const numerator = simple(measure.numerator, table, rows);
  const denominator = simple(measure.denominator, table, rows);
  if (numerator === undefined || denominator === undefined) return undefined;
  const quotient = dividedBy(numerator.amount, denominator.amount);
  return quotient && { ...quotient, exact: quotient.exact && numerator.exact && denominator.exact };
}

function simple(measure: SimpleMeasure, table: Table, rows: Rows): Rounded | undefined {
  switch (measure.aggregation) {
    case 'count':
      return exact(
        decimalOf(measure.column === undefined ? rows.length : filled(columnOf(table, measure.column), rows).length),
      );
    case 'distinct':
      return exact(decimalOf(new Set(filled(columnOf(table, measure.column), rows)).size));
    default:
      return overNumbers(measure.aggregation, numbersOf(table, measure.column, rows));
  }
}

function overNumbers(aggregation: 'sum' | 'avg' | 'min' | 'max', numbers: readonly Decimal[]): Rounded | undefined {
  switch (aggregation) {
    case 'sum':
      return exact(sum(numbers));
    case 'avg':
      return dividedBy(sum(numbers), decimalOf(numbers.length));
    case 'min':
      return extreme(numbers, -1);
    case 'max':
      return extreme(numbers, 1);
    default:
      return aggregation satisfies never;
  }
}

const exact = (amount: Decimal): Rounded => ({ amount, exact: true });

function extreme(numbers: readonly Decimal[], side: -1 | 1): Rounded | undefined {
  const [first, ...rest] = numbers;
  if (first === undefined) return undefined;
  return exact(rest.reduce((best, number) => (compare(number, best) === side ? number : best), first));
}

const filled = (column: Column, rows: Rows): string[] => rows.flatMap((row) => column.cells[row] ?? []);

/** @throws AgentError `column-unknown` */
export function columnOf(table: Table, name: string): Column {
  const column = table.columns.get(name);
  if (column === undefined) throw unknownColumn(name, table.id, [...table.columns.keys()]);
  return column;
}

/** The filled cells of a column of numbers. @throws AgentError `column-unknown`, `column-not-numeric` */
export function numbersOf(table: Table, name: string, rows: Rows): Decimal[] {
  const column = numericColumn(table, name);
  return rows.flatMap((row) => {
    const cell = column.cells[row];
    return cell === null || cell === undefined ? [] : decimalOf(cell);
  });
}

/** @throws AgentError `column-unknown`, `column-not-numeric` naming the first cell that is no number */
export function numericColumn(table: Table, name: string): Column {
  const column = columnOf(table, name);
  if (column.type === 'number') return column;
  if (column.cells.every((cell) => cell === null)) return column;
  const row = column.cells.findIndex((cell) => cell !== null && !/^[+-]?\d+(\.\d+)?$/.test(cell));
  const example = row < 0 ? '' : ` Row ${row + 1} holds "${String(column.cells[row]).slice(0, 60)}".`;
  throw new AgentError(
    'column-not-numeric',
    `Column "${name}" of source "${table.id}" is not a column of numbers.${example}`,
    {
      advice:
        'Clean the column, or declare its type under data[].columns, for example { "type": "number", "decimal": "," }.',
    },
  );
}

/** The measure as people write it: `sum(amount) ÷ count(rows)`. */
export function formulaOf(measure: Measure): string {
  if (measure.aggregation === 'ratio') return `${formulaOf(measure.numerator)} ÷ ${formulaOf(measure.denominator)}`;
  return `${measure.aggregation}(${measure.column ?? 'rows'})`;
}

export const amountOf = (value: Rounded): Amount => ({ value: plain(value.amount), exact: value.exact });

/** True where parts add up to the whole, so that small parts may be put together. */
export const isAdditive = (measure: Measure): boolean =>
  measure.aggregation === 'sum' || measure.aggregation === 'count';
