/** Chooses rows: by period and by conditions. */
import { AgentError } from '@guildhall/agent-sdk';
import type { Condition } from '../input/common.ts';
import { compare, decimalOf, parseDecimal, plain } from '../numbers/decimal.ts';
import type { Table } from '../sources/table.ts';
import { columnOf, type Rows } from './measure.ts';
import { isWithin, type Period, type Span } from './period.ts';

export interface PeriodRows {
  readonly current: Rows;
  /** Undefined when nothing is compared: no period, no comparison wanted, or rows without dates. */
  readonly previous: Rows | undefined;
}

export function rowsOfPeriod(table: Table, period: Period | undefined): PeriodRows {
  const all = Array.from({ length: table.rowCount }, (_, index) => index);
  if (period === undefined || table.dateColumn === undefined) return { current: all, previous: undefined };
  const dates = columnOf(table, table.dateColumn).cells;
  const inside = (span: Span): Rows =>
    all.filter((row) => {
      const moment = dates[row];
      return typeof moment === 'string' && isWithin(moment, span);
    });
  const previous = period.previous && inside(period.previous);
  // A fall from nothing known is no rise: without a single row before, nothing is compared.
  return { current: inside(period.current), previous: previous?.length === 0 ? undefined : previous };
}

export function rowsWhere(table: Table, rows: Rows, conditions: readonly Condition[]): Rows {
  const tests = conditions.map((condition) => testOf(table, condition));
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function testOf(table: Table, condition: Condition): (row: number) => boolean {
  const { cells, type } = columnOf(table, condition.column);
  const wanted = [condition.value ?? []]
    .flat()
    .map((value) => (type === 'number' ? canonical(String(value)) : String(value)));
  const [first] = wanted;
  const is = condition.is;
  if (is === 'empty') return (row) => cells[row] === null;
  if (is === 'filled') return (row) => cells[row] !== null;
  if (first === undefined) throw valueMissing(condition.column);
  const set = new Set(wanted);
  if (is === 'equal' || is === 'one-of') return (row) => set.has(cells[row] ?? '');
  if (is === 'not-equal') return (row) => !set.has(cells[row] ?? '');
  const order = type === 'number' ? compareNumbers : compareTexts;
  const accepts = { greater: [1], 'at-least': [0, 1], less: [-1], 'at-most': [-1, 0] }[is];
  return (row) => {
    const cell = cells[row];
    return typeof cell === 'string' && accepts.includes(order(cell, first));
  };
}

function canonical(text: string): string {
  const value = parseDecimal(text);
  return value === undefined ? text : plain(value);
}

const compareNumbers = (a: string, b: string): number => {
  const limit = parseDecimal(b);
  return limit === undefined ? Number.NaN : compare(decimalOf(a), limit);
};
/** Dates in one form sort as texts do. */
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const valueMissing = (column: string): AgentError =>
  new AgentError('condition-incomplete', `The condition on column "${column}" has no value to compare with.`, {
    advice: 'Add "value", or use "is": "empty" or "filled".',
  });
