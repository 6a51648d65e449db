/** Writes the result as an XLSX sheet. */
import { AgentError } from '@guildhall/agent-sdk';
import writeWorkbook, { type SheetData } from 'write-excel-file/node';
import type { Engine } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier } from '../columns.ts';
import { formulaSafe } from './text-cells.ts';

/** The writer holds the sheet: measured 361 MB for 600,000 cells. */
export const XLSX_CELLS_MAX = 600_000;
const XLSX_ROWS_MAX = 1_048_575;
const XLSX_COLUMNS_MAX = 16_384;
const CELL_CHARS_MAX = 32_767;
/** Excel keeps so many digits; longer numbers are written as text. */
const DIGITS_MAX = 15;

/** @throws AgentError `xlsx-limit` when there are more rows or cells than a sheet or the writer can hold. */
export async function writeXlsx(engine: Engine, flow: Flow, path: string, escapeFormulas: boolean): Promise<void> {
  const cells = flow.rows * flow.columns.length;
  if (flow.rows > XLSX_ROWS_MAX || flow.columns.length > XLSX_COLUMNS_MAX || cells > XLSX_CELLS_MAX) {
    throw new AgentError(
      'xlsx-limit',
      `The result has ${flow.rows} rows and ${cells} cells; an XLSX output may have ${XLSX_CELLS_MAX} cells.`,
      {
        advice: 'Ask for csv or parquet, or filter the rows.',
        errors: [{ path: '/outputs', message: 'too large for xlsx' }],
      },
    );
  }
  const kinds = await Promise.all(flow.columns.map((column) => cellKind(engine, flow, column)));
  const select = flow.columns.map(
    (column, index) => `${cellSql(column, kinds[index] ?? 'text', escapeFormulas)} AS c${index}`,
  );
  const header = flow.columns.map((column) => ({
    type: String,
    value: escapeFormulas && /^[=+\-@\t\r]/.test(column.name) ? `'${column.name}` : column.name,
    fontWeight: 'bold' as const,
  }));
  const rows: SheetData = [header];
  for await (const chunk of engine.rowsOf(`SELECT ${select.join(', ')} FROM ${flow.relation}`)) {
    for (const row of chunk) rows.push(row.map((value, index) => toCell(value, kinds[index] ?? 'text')));
  }
  await writeWorkbook(rows).toFile(path);
}

type CellKind = 'text' | 'number' | 'boolean' | 'date' | 'timestamp';

async function cellKind(engine: Engine, flow: Flow, column: Column): Promise<CellKind> {
  if (column.kind === 'boolean' || column.kind === 'date') return column.kind;
  if (column.kind === 'timestamp') return column.sql.includes('TIME ZONE') ? 'text' : 'timestamp';
  if (column.kind === 'number') return 'number';
  const name = identifier(column.name);
  if (column.kind !== 'integer' && column.kind !== 'decimal') {
    const { n } = await engine.one(`SELECT max(length(CAST(${name} AS VARCHAR))) AS n FROM ${flow.relation}`);
    if (Number(n) > CELL_CHARS_MAX)
      throw new AgentError(
        'xlsx-limit',
        `Column ${JSON.stringify(column.name)} has a text of ${n} characters; a cell of XLSX holds ${CELL_CHARS_MAX}.`,
        { advice: 'Ask for csv or parquet.' },
      );
    return 'text';
  }
  const { n } = await engine.one(
    `SELECT max(length(replace(replace(CAST(${name} AS VARCHAR), '-', ''), '.', ''))) AS n FROM ${flow.relation}`,
  );
  return Number(n) <= DIGITS_MAX ? 'number' : 'text';
}

function cellSql(column: Column, kind: CellKind, safe: boolean): string {
  const name = identifier(column.name);
  if (kind === 'number') return `CAST(${name} AS DOUBLE)`;
  if (kind === 'boolean') return name;
  if (kind === 'date' || kind === 'timestamp') return `epoch_ms(CAST(${name} AS TIMESTAMP))`;
  const text = asText(name, column);
  return safe && column.kind === 'text' ? formulaSafe(text) : text;
}

function toCell(
  value: unknown,
  kind: CellKind,
): {
  type?: typeof Number | typeof Boolean | typeof Date | typeof String;
  value: number | boolean | Date | string;
  format?: string;
} | null {
  if (value === null) return null;
  if (kind === 'number')
    return Number.isFinite(value) ? { type: Number, value: Number(value) } : { type: String, value: String(value) };
  if (kind === 'boolean') return { type: Boolean, value: value === true };
  if (kind === 'date') return { type: Date, value: new Date(Number(value)), format: 'yyyy-mm-dd' };
  if (kind === 'timestamp') return { type: Date, value: new Date(Number(value)), format: 'yyyy-mm-dd hh:mm:ss' };
  return { type: String, value: String(value) };
}
