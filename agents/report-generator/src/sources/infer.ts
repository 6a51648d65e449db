/** Decides what each column holds, and writes its cells in one form. */
import { AgentError } from '@guildhall/agent-sdk';
import { parseDecimal, plain } from '../numbers/decimal.ts';
import { type DateOrder, momentReader } from './moment.ts';
import type { Column, ColumnType, RawTable, Table } from './table.ts';

export interface ColumnRule {
  readonly type: ColumnType;
  readonly order?: DateOrder | undefined;
  readonly decimal?: '.' | ',' | undefined;
}

export interface TypingRules {
  readonly id: string;
  readonly timeZone: string;
  readonly dateColumn: string | undefined;
  readonly columns: Readonly<Record<string, ColumnRule>>;
}

const GROUPED = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
const CODE_LIKE = /^[+-]?0\d/;
const EASTERN = /[٠-٩٫٬]/;

/**
 * A column is a number or a date only if every filled cell is one; a single exception makes it text. Numbers with leading zeros are
 * codes, hence text.
 * @throws AgentError `column-unknown`, `cell-mistyped`
 */
export function typeTable(raw: RawTable, rules: TypingRules): Table {
  for (const name of [...Object.keys(rules.columns), ...(rules.dateColumn === undefined ? [] : [rules.dateColumn])]) {
    if (!raw.names.includes(name)) throw unknownColumn(name, rules.id, raw.names);
  }
  const columns = new Map<string, Column>();
  raw.names.forEach((name, index) => {
    const cells = raw.rows.map((row) => blankToNull(row[index]));
    const rule = rules.columns[name] ?? (name === rules.dateColumn ? { type: 'date' as const } : undefined);
    columns.set(name, typed(name, cells, rule, rules));
  });
  const dateColumn = rules.dateColumn ?? [...columns.values()].find((column) => column.type === 'date')?.name;
  return { id: rules.id, columns, rowCount: raw.rows.length, dateColumn };
}

export function unknownColumn(name: string, source: string, known: readonly string[]): AgentError {
  const listed = known.slice(0, 30).join(', ');
  return new AgentError('column-unknown', `Source "${source}" has no column "${name}". It has: ${listed}.`, {
    advice: 'Use one of the listed columns, spelled as in the data.',
  });
}

const blankToNull = (cell: string | null | undefined): string | null => {
  const text = cell?.trim() ?? '';
  return text === '' ? null : text;
};

type Reader = (cell: string) => string | undefined;

function typed(
  name: string,
  cells: readonly (string | null)[],
  rule: ColumnRule | undefined,
  rules: TypingRules,
): Column {
  if (rule?.type === 'text') return { name, type: 'text', cells };
  if (rule !== undefined) {
    const reader: Reader =
      rule.type === 'number'
        ? (cell) => readNumber(cell, rule.decimal ?? '.')
        : momentReader(rule.order ?? 'ymd', rules.timeZone);
    return {
      name,
      type: rule.type,
      cells: readAll(cells, reader, (row) => mistyped({ name, type: rule.type, cells }, row, rules.id)),
    };
  }
  const numbers = tryAll(cells, (cell) => (CODE_LIKE.test(cell) ? undefined : readNumber(cell, '.')));
  if (numbers !== undefined) return { name, type: 'number', cells: numbers };
  const moments = tryAll(cells, momentReader('ymd', rules.timeZone));
  if (moments !== undefined) return { name, type: 'date', cells: moments };
  return { name, type: 'text', cells };
}

/** `1,234.50` and `١٬٢٣٤٫٥` are numbers; `1,5` is one only where the column is declared with a decimal comma. */
export function readNumber(cell: string, decimal: '.' | ','): string | undefined {
  const western = EASTERN.test(cell) ? toWestern(cell) : cell;
  const pointed = decimal === ',' ? western.replaceAll('.', '').replace(',', '.') : western;
  const ungrouped = GROUPED.test(pointed) ? pointed.replaceAll(',', '') : pointed;
  const value = parseDecimal(ungrouped);
  return value === undefined ? undefined : plain(value);
}

const toWestern = (text: string): string =>
  text
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replaceAll('٫', '.')
    .replaceAll('٬', ',');

function tryAll(cells: readonly (string | null)[], reader: Reader): readonly (string | null)[] | undefined {
  const read: (string | null)[] = [];
  let filled = 0;
  for (const cell of cells) {
    const value = cell === null ? null : reader(cell);
    if (value === undefined) return undefined;
    if (value !== null) filled += 1;
    read.push(value);
  }
  return filled === 0 ? undefined : read;
}

function readAll(
  cells: readonly (string | null)[],
  reader: Reader,
  fault: (row: number) => AgentError,
): readonly (string | null)[] {
  return cells.map((cell, index) => {
    const value = cell === null ? null : reader(cell);
    if (value === undefined) throw fault(index);
    return value;
  });
}

function mistyped({ name, type, cells }: Column, row: number, source: string): AgentError {
  const cell = String(cells[row]).slice(0, 60);
  return new AgentError(
    'cell-mistyped',
    `Row ${row + 1} of source "${source}": column "${name}" holds "${cell}", which is not a ${type}.`,
    {
      advice: 'Correct the cell, or declare the column with the type and notation it really has.',
    },
  );
}
