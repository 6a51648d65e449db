/** Columns that do not exist, where the data is in the input itself and can be looked at. */
import type { FieldError } from '@guildhall/agent-sdk';
import type { ReportInput } from '../input/schema.ts';
import type { Source } from '../input/source.ts';
import { readNumber } from '../sources/infer.ts';
import { type Named, requestsOf } from './requests.ts';

const USAGE_COLUMNS = ['key', 'runs', 'inputTokens', 'outputTokens', 'costUsd'];
const USAGE_NUMBERS = new Set(USAGE_COLUMNS.slice(1));

interface Known {
  readonly columns: ReadonlySet<string>;
  isNumeric(column: string): boolean;
}

export function columnFaults(input: ReportInput): FieldError[] {
  const known = new Map(input.data.map((source): [string, Known | undefined] => [source.id, knownOf(source)]));
  const main = input.data[0]?.id;
  const inContent = requestsOf(input).flatMap((request) => {
    const source = request.source ?? main;
    const columns = source === undefined ? undefined : known.get(source);
    if (columns === undefined) return [];
    const inConditions = request.where.map(
      (condition, index): Named => ({
        path: `${request.path}/where/${index}/column`,
        column: condition.column,
        needs: 'any',
      }),
    );
    return [...request.columns, ...inConditions].flatMap((named) => faultOf(named, columns));
  });
  const inSources = input.data.flatMap((source, index) => {
    const columns = known.get(source.id);
    if (columns === undefined) return [];
    const declared = Object.keys(source.columns).map(
      (column): Named => ({ path: `/data/${index}/columns/${escapePointer(column)}`, column, needs: 'any' }),
    );
    const dated: Named[] =
      source.dateColumn === undefined
        ? []
        : [{ path: `/data/${index}/dateColumn`, column: source.dateColumn, needs: 'any' }];
    return [...declared, ...dated].flatMap((named) => faultOf(named, columns));
  });
  return [...inSources, ...inContent];
}

const escapePointer = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');

function faultOf({ path, column, needs }: Named, known: Known): FieldError[] {
  if (!known.columns.has(column))
    return [
      { path, message: `There is no column "${column}". There are: ${[...known.columns].slice(0, 30).join(', ')}.` },
    ];
  if (needs === 'number' && !known.isNumeric(column))
    return [{ path, message: `Column "${column}" does not hold numbers in every row.` }];
  return [];
}

/** Undefined where the columns stand in a file, which is read only in the run. */
function knownOf(source: Source): Known | undefined {
  if ('file' in source) return undefined;
  if ('usage' in source) return { columns: new Set(USAGE_COLUMNS), isNumeric: (column) => USAGE_NUMBERS.has(column) };
  const columns = new Set(source.records.flatMap((record) => Object.keys(record)));
  return {
    columns,
    isNumeric: (column) =>
      source.columns[column]?.type === 'number' || source.records.every((record) => isNumber(record[column])),
  };
}

function isNumber(cell: string | number | boolean | null | undefined): boolean {
  if (cell === null || cell === undefined || typeof cell === 'number') return true;
  return typeof cell === 'string' && (cell.trim() === '' || readNumber(cell.trim(), '.') !== undefined);
}
