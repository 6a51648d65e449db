/** Reads text columns as the types that a schema or a cast wants; the engine type is made just wide enough that no digit is lost. */
import type { Engine } from '../child/engine.ts';
import { type Column, identifier, type Kind, literal } from '../columns.ts';
import type { Cast } from '../input/steps.ts';
import { type Check, type CheckedColumn, typeCheck } from './checked.ts';
import { decimalType, integerType } from './infer.ts';
import { latin, PATTERNS, readText } from './read-text.ts';

export interface Wanted extends Partial<Omit<Cast, 'to'>> {
  readonly name: string;
  readonly kind: Kind;
}

/** The checked columns that turn `wanted` columns of a relation into their kinds; other columns stay out. */
export async function casts(
  engine: Engine,
  relation: string,
  columns: readonly Column[],
  wanted: readonly Wanted[],
): Promise<readonly CheckedColumn[]> {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const texts = wanted.filter((want) => byName.get(want.name)?.kind === 'text' && want.kind !== 'text');
  const types = await textTypes(engine, relation, texts);
  return wanted.flatMap((want) => {
    const column = byName.get(want.name);
    if (column === undefined) return [];
    return [
      column.kind === 'text' ? fromText(column, want, types.get(want.name) ?? 'VARCHAR') : fromTyped(column, want),
    ];
  });
}

function fromText(column: Column, want: Wanted, type: string): CheckedColumn {
  if (want.kind === 'text') return { column, checks: [], required: false };
  const kind = want.kind === 'number' && type.startsWith('DECIMAL') ? 'decimal' : want.kind;
  return {
    column,
    value: readText(identifier(column.name), { ...want, kind, type }),
    checks: [typeCheck(`is not ${spoken(want)}`)],
    required: false,
  };
}

function fromTyped(column: Column, want: Wanted): CheckedColumn {
  const name = identifier(column.name);
  const checks: readonly Check[] = [typeCheck(`cannot become ${spoken(want)}`)];
  if (column.kind === want.kind && want.scale === undefined) return { column, checks: [], required: false };
  const made = (value: string): CheckedColumn => ({ column, value, checks, required: false });
  switch (want.kind) {
    case 'text':
      return { column, value: textOf(name, column), checks: [], required: false };
    case 'integer':
      return made(
        column.kind === 'decimal' || column.kind === 'number'
          ? `CASE WHEN ${name} = trunc(${name}) THEN TRY_CAST(${name} AS HUGEINT) END`
          : `TRY_CAST(${name} AS BIGINT)`,
      );
    case 'decimal':
      return made(
        want.scale === undefined
          ? `TRY_CAST(${name} AS DECIMAL(38,10))`
          : `CASE WHEN TRY_CAST(${name} AS DECIMAL(38,${want.scale})) = ${name} THEN TRY_CAST(${name} AS DECIMAL(38,${want.scale})) END`,
      );
    case 'number':
      return column.kind === 'integer' || column.kind === 'decimal'
        ? { column, checks: [], required: false }
        : made(`TRY_CAST(${name} AS DOUBLE)`);
    default:
      return made(`TRY_CAST(${name} AS ${SQL_TYPES[want.kind]})`);
  }
}

function textOf(name: string, column: Column): string {
  if (column.kind !== 'timestamp') return `CAST(${name} AS VARCHAR)`;
  return `replace(CAST(CAST(${name} AS TIMESTAMP) AS VARCHAR), ' ', 'T')${column.sql.includes('TIME ZONE') ? " || 'Z'" : ''}`;
}

const SQL_TYPES = { boolean: 'BOOLEAN', date: 'DATE', timestamp: 'TIMESTAMP', time: 'TIME', json: 'JSON' } as const;

/** How wide numbers must be, and whether instants carry a zone, from all values that can be read at all. */
async function textTypes(
  engine: Engine,
  relation: string,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<string, string>> {
  const measured = wanted.flatMap((want, index) => measures(want, index));
  const found = measured.length === 0 ? {} : await engine.one(`SELECT ${measured.join(', ')} FROM ${relation}`);
  const get = (key: string): number => Number(found[key] ?? 0);
  return new Map(wanted.map((want, index) => [want.name, typeOf(want, (key) => get(`${key}${index}`))]));
}

function measures(want: Wanted, index: number): readonly string[] {
  const text = `trim(${latin(identifier(want.name), want)})`;
  const matching = (pattern: string): string => `FILTER (regexp_full_match(${text}, ${literal(pattern)}))`;
  if (want.kind === 'integer') return [`max(length(${text})) ${matching(PATTERNS.integer)} AS whole${index}`];
  if (want.kind === 'decimal' || want.kind === 'number') {
    const exact = matching(PATTERNS.decimal);
    return [
      `max(CASE WHEN contains(${text}, '.') THEN strpos(${text}, '.') - 1 ELSE length(${text}) END) ${exact} AS whole${index}`,
      `max(CASE WHEN contains(${text}, '.') THEN length(${text}) - strpos(${text}, '.') ELSE 0 END) ${exact} AS scale${index}`,
      `count(*) FILTER (NOT regexp_full_match(${text}, ${literal(PATTERNS.decimal)}) AND regexp_full_match(${text}, ${literal(PATTERNS.number)})) AS powers${index}`,
    ];
  }
  if (want.kind === 'timestamp' && want.format === undefined)
    return [`count(*) FILTER (regexp_matches(${text}, ':[0-9.]+(Z|[+-][0-9]{2}(:?[0-9]{2})?)$')) AS zoned${index}`];
  return [];
}

function typeOf(want: Wanted, get: (key: string) => number): string {
  switch (want.kind) {
    case 'text':
      return 'VARCHAR';
    case 'integer':
      return integerType(get('whole'));
    case 'decimal':
      return want.scale === undefined ? decimalType(get('whole'), get('scale')) : `DECIMAL(38,${want.scale})`;
    case 'number':
      return get('powers') > 0 || get('scale') > 37 ? 'DOUBLE' : decimalType(get('whole'), get('scale'));
    case 'timestamp':
      return get('zoned') > 0 ? 'TIMESTAMP WITH TIME ZONE' : 'TIMESTAMP';
    default:
      return SQL_TYPES[want.kind];
  }
}

function spoken(want: Wanted): string {
  const articles: Readonly<Record<Kind, string>> = {
    text: 'a text',
    integer: 'a whole number',
    decimal: 'a decimal number',
    number: 'a number',
    boolean: 'true or false',
    date: 'a date',
    timestamp: 'a date and time',
    time: 'a time of day',
    json: 'JSON',
  };
  return `${articles[want.kind]}${want.format === undefined ? '' : ` in the form ${want.format}`}${want.scale === undefined ? '' : ` with at most ${want.scale} digits after the point`}`;
}
