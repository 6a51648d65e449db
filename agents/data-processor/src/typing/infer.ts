/** Finds the type of text columns from all of their values: a type is only chosen when every value fits and can be written back. */
import type { Engine } from '../child/engine.ts';
import { identifier, type Kind, literal } from '../columns.ts';
import { PATTERNS } from './read-text.ts';

export interface Typed {
  readonly kind: Kind;
  readonly type: string;
}

/** Inference never changes what a value says: leading zeros and plus signs (post codes, phone numbers) stay text. */
const STRICT: Readonly<Partial<Record<Kind, string>>> = {
  integer: '-?(0|[1-9][0-9]*)',
  decimal: '-?(0|[1-9][0-9]*)(\\.[0-9]+)?',
  number: '-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9][0-9]?)?',
  date: PATTERNS.date.replaceAll('\\s*', ''),
  timestamp: PATTERNS.timestamp.replaceAll('\\s*', ''),
};
const ORDER: readonly Kind[] = ['integer', 'decimal', 'number', 'boolean', 'date', 'timestamp'];
/** Enough to rule out nearly every wrong type before the whole column is read. */
const SAMPLE_ROWS = 200;
/** A longer text is none of the types. */
const SAMPLE_CHARS = 100;
const DECIMAL_DIGITS_MAX = 38;

export const ALL_KINDS: readonly Kind[] = ORDER;

/** The engine's planning grows faster than the number of expressions: so many columns are looked at by one query. */
const COLUMNS_AT_ONCE = 20;

/** `candidates` may leave out kinds that the source itself rules out. */
export async function inferTypes(
  engine: Engine,
  relation: string,
  candidates: ReadonlyMap<string, readonly Kind[]>,
): Promise<ReadonlyMap<string, Typed>> {
  const settled = new Map<string, Typed>();
  const all = [...candidates];
  for (let from = 0; from < all.length; from += COLUMNS_AT_ONCE) {
    const some = new Map(all.slice(from, from + COLUMNS_AT_ONCE));
    for (const [name, type] of await inferSome(engine, relation, some)) settled.set(name, type);
  }
  return settled;
}

async function inferSome(
  engine: Engine,
  relation: string,
  candidates: ReadonlyMap<string, readonly Kind[]>,
): Promise<ReadonlyMap<string, Typed>> {
  const open = new Map<string, Kind[]>();
  const settled = new Map<string, Typed>();
  for (const [name, kinds] of await sampled(engine, relation, candidates)) {
    if (kinds.length > 0) open.set(name, kinds);
    else settled.set(name, { kind: 'text', type: 'VARCHAR' });
  }
  while (open.size > 0) {
    const found = await engine.one(
      `SELECT ${[...open].flatMap(([name, [kind = 'text']], index) => measures(name, kind, index)).join(', ')} FROM ${relation}`,
    );
    for (const [index, [name, kinds]] of [...open].entries()) {
      const typed = settle(kinds[0] ?? 'text', (key) => Number(found[`${key}${index}`] ?? 0));
      if (typed === undefined) kinds.shift();
      else settled.set(name, typed);
      if (typed !== undefined) open.delete(name);
      else if (kinds.length === 0) {
        settled.set(name, { kind: 'text', type: 'VARCHAR' });
        open.delete(name);
      }
    }
  }
  return settled;
}

/** Rules out by the first rows what cannot be: cheaper here than as thousands of expressions in one query. */
async function sampled(
  engine: Engine,
  relation: string,
  candidates: ReadonlyMap<string, readonly Kind[]>,
): Promise<ReadonlyMap<string, Kind[]>> {
  const names = [...candidates.keys()].map((name, index) => `left(${identifier(name)}, ${SAMPLE_CHARS}) AS c${index}`);
  const rows = await engine.all(`SELECT ${names.join(', ')} FROM (SELECT * FROM ${relation} LIMIT ${SAMPLE_ROWS})`);
  return new Map(
    [...candidates].map(([name, kinds], index) => {
      const values = rows.map((row) => row[`c${index}`]).filter((value) => value !== null);
      return [
        name,
        ORDER.filter((kind) => kinds.includes(kind) && values.every((value) => shapes(kind).test(String(value)))),
      ];
    }),
  );
}

function shapes(kind: Kind): RegExp {
  return kind === 'boolean' ? /^(true|false)$/i : new RegExp(`^(?:${STRICT[kind] ?? ''})$`);
}

function misfit(column: string, kind: Kind): string {
  if (kind === 'boolean') return `lower(${column}) NOT IN ('true', 'false')`;
  const matches = `regexp_full_match(${column}, ${literal(STRICT[kind] ?? '')})`;
  if (kind === 'decimal') return `NOT (${matches} AND length(${column}) <= ${DECIMAL_DIGITS_MAX})`;
  if (kind === 'number') return `NOT (${matches} AND length(${column}) <= 21)`;
  if (kind === 'date') return `${column} IS NOT NULL AND NOT (${matches} AND TRY_CAST(${column} AS DATE) IS NOT NULL)`;
  if (kind === 'timestamp')
    return `${column} IS NOT NULL AND NOT (${matches} AND TRY_CAST(${column} AS TIMESTAMP WITH TIME ZONE) IS NOT NULL)`;
  return `NOT (${matches} AND length(ltrim(${column}, '-')) <= ${DECIMAL_DIGITS_MAX})`;
}

function measures(name: string, kind: Kind, index: number): readonly string[] {
  const column = identifier(name);
  const base = [`count(${column}) AS n${index}`, `count(*) FILTER (${misfit(column, kind)}) AS bad${index}`];
  if (kind === 'integer') return [...base, `max(length(${column})) AS whole${index}`];
  if (kind === 'decimal') return [...base, ...decimalMeasures(column, index)];
  if (kind === 'timestamp')
    return [
      ...base,
      `count(*) FILTER (regexp_matches(${column}, '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$') AND length(${column}) > 10) AS zoned${index}`,
    ];
  return base;
}

function decimalMeasures(column: string, index: number): readonly string[] {
  return [
    `max(CASE WHEN contains(${column}, '.') THEN strpos(${column}, '.') - 1 ELSE length(${column}) END) AS whole${index}`,
    `max(CASE WHEN contains(${column}, '.') THEN length(${column}) - strpos(${column}, '.') ELSE 0 END) AS scale${index}`,
  ];
}

/** `undefined`: not this kind, try the next. */
function settle(kind: Kind, get: (key: string) => number): Typed | undefined {
  if (get('bad') > 0 || get('n') === 0) return undefined;
  if (kind === 'integer') return { kind, type: integerType(get('whole')) };
  if (kind === 'decimal')
    return get('whole') + get('scale') > DECIMAL_DIGITS_MAX
      ? undefined
      : { kind, type: decimalType(get('whole'), get('scale')) };
  if (kind === 'timestamp') {
    if (get('zoned') !== 0 && get('zoned') !== get('n')) return undefined;
    return { kind, type: get('zoned') === 0 ? 'TIMESTAMP' : 'TIMESTAMP WITH TIME ZONE' };
  }
  return { kind, type: kind === 'number' ? 'DOUBLE' : kind === 'boolean' ? 'BOOLEAN' : 'DATE' };
}

export function integerType(digits: number): string {
  return digits <= 18 ? 'BIGINT' : 'HUGEINT';
}

export function decimalType(whole: number, scale: number): string {
  const kept = Math.min(scale, DECIMAL_DIGITS_MAX - 1);
  return `DECIMAL(${Math.min(DECIMAL_DIGITS_MAX, Math.max(whole, 1) + kept)},${kept})`;
}
