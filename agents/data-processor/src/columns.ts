/** The one small set of types that a column can have while it is worked on, and how each is spelt in SQL. */

export const KINDS = ['text', 'integer', 'decimal', 'number', 'boolean', 'date', 'timestamp', 'time', 'json'] as const;

/** `decimal` is exact; `number` is a binary floating-point number; `integer` holds up to 38 digits. */
export type Kind = (typeof KINDS)[number];

export interface Column {
  readonly name: string;
  readonly kind: Kind;
  /** The engine's own type, such as `DECIMAL(12,2)`. */
  readonly sql: string;
}

/** Carries the record number in the source through the steps; gone after `aggregate` and `pivot`. */
export const ROW = '__row';
export const PROBLEMS = '__problems';
/** Names that begin so are ours. */
export const RESERVED_PREFIX = '__';

/** A name as an SQL identifier: nothing in it can end the quoting. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as an SQL literal: nothing in it can end the quoting. NUL cannot be written in SQL and is left out. */
export function literal(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`;
}

/** The kind of an engine type; `undefined` for nested and binary types, which are turned into JSON or text when read. */
export function kindOf(sqlType: string): Kind | undefined {
  if (sqlType === 'VARCHAR') return 'text';
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(sqlType)) return 'integer';
  if (sqlType.startsWith('DECIMAL')) return sqlType.endsWith(',0)') ? 'integer' : 'decimal';
  if (sqlType === 'DOUBLE' || sqlType === 'FLOAT') return 'number';
  if (sqlType === 'BOOLEAN') return 'boolean';
  if (sqlType === 'DATE') return 'date';
  if (sqlType.startsWith('TIMESTAMP')) return 'timestamp';
  if (sqlType === 'TIME') return 'time';
  if (sqlType === 'JSON') return 'json';
  return undefined;
}

export function isNumeric(kind: Kind | 'null'): boolean {
  return kind === 'integer' || kind === 'decimal' || kind === 'number';
}

/** How a value of any column is shown to people and compared in reports: ISO dates, exact digits. */
export function asText(sqlExpression: string, column: Pick<Column, 'kind' | 'sql'>): string {
  if (column.kind === 'text') return sqlExpression;
  if (column.kind !== 'timestamp') return `CAST(${sqlExpression} AS VARCHAR)`;
  const naive = `replace(CAST(CAST(${sqlExpression} AS TIMESTAMP) AS VARCHAR), ' ', 'T')`;
  return column.sql.includes('TIME ZONE') ? `${naive} || 'Z'` : naive;
}
