/** Writes the result in one format. */
import { AgentError } from '@guildhall/agent-sdk';
import type { Engine } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier, literal } from '../columns.ts';
import type { Output } from '../input/request.ts';
import { prependMark } from './byte-order-mark.ts';
import { formulaSafe } from './text-cells.ts';
import { writeXlsx } from './xlsx.ts';
import { writeXml } from './xml.ts';

export const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  xml: 'application/xml',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  parquet: 'application/vnd.apache.parquet',
} as const;

/** @throws AgentError when the result does not fit into the format. */
export async function writeOutput(engine: Engine, flow: Flow, output: Output, path: string): Promise<void> {
  switch (output.format) {
    case 'csv':
    case 'tsv':
      await copy(engine, flow, {
        value: (column) => cell(column, output.escapeFormulas),
        path,
        options: `FORMAT csv, HEADER true${output.format === 'tsv' ? ", DELIMITER '\t'" : ''}`,
        escapeNames: output.escapeFormulas,
      });
      return output.bom ? prependMark(path) : undefined;
    case 'json':
    case 'ndjson':
      return copy(engine, flow, {
        value: jsonValue,
        path,
        options: `FORMAT json, ARRAY ${output.format === 'json'}`,
      });
    case 'parquet':
      return copy(engine, flow, {
        value: (column) => (column.sql === 'HUGEINT' ? hugeInParquet(column) : identifier(column.name)),
        path,
        options: 'FORMAT parquet, COMPRESSION zstd',
      });
    case 'xml':
      return writeXml(engine, flow, path);
    case 'xlsx':
      return writeXlsx(engine, flow, path, output.escapeFormulas);
    default:
      throw new Error(`no such format ${JSON.stringify(output.format satisfies never)}`);
  }
}

interface Copy {
  readonly value: (column: Column) => string;
  readonly path: string;
  /** As COPY takes them. */
  readonly options: string;
  readonly escapeNames?: boolean;
}

async function copy(engine: Engine, flow: Flow, { value, path, options, escapeNames = false }: Copy): Promise<void> {
  const columns = flow.columns.map(
    (column) =>
      `${value(column)} AS ${identifier(escapeNames && /^[=+\-@\t\r]/.test(column.name) ? `'${column.name}` : column.name)}`,
  );
  await engine
    .run(`COPY (SELECT ${columns.join(', ')} FROM ${flow.relation}) TO ${literal(path)} (${options})`)
    .catch((error: unknown) => {
      const text = error instanceof Error ? error.message : '';
      if (/out of memory/i.test(text))
        throw new AgentError('too-large', 'The result needs more memory than a run may use.', {
          advice: 'Filter or split the data, then start a new run.',
          cause: error,
        });
      throw error;
    });
}

function cell(column: Column, safe: boolean): string {
  const name = identifier(column.name);
  if (column.kind === 'timestamp') return asText(name, column);
  return safe && column.kind === 'text' ? formulaSafe(name) : name;
}

function jsonValue(column: Column): string {
  return column.kind === 'timestamp' ? asText(identifier(column.name), column) : identifier(column.name);
}

/** Parquet has no integers of 128 bits, and the engine would write doubles: a decimal of 38 digits keeps them all. */
function hugeInParquet(column: Column): string {
  return `CAST(${identifier(column.name)} AS DECIMAL(38,0))`;
}
