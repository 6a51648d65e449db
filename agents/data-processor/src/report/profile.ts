/** What is in each column of the result. */
import type { Engine } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier, isNumeric, type Kind, literal } from '../columns.ts';

/** Tukey's fences: a value further than so many interquartile ranges from the middle half is an outlier. */
export const FENCE = 1.5;
/** Bounds the width of one query. */
const COLUMNS_AT_ONCE = 50;
const TEXT_SHOWN = 200;

// A type, not an interface: it must fit Json.
export type ColumnProfile = {
  readonly name: string;
  readonly type: Kind;
  readonly engineType: string;
  readonly nulls: number;
  readonly distinct: number;
  /** As texts, so that no digit is lost. */
  readonly min: string | null;
  readonly max: string | null;
  readonly mean: number | null;
  readonly q1: number | null;
  readonly median: number | null;
  readonly q3: number | null;
  readonly outliers: number | null;
  readonly lowerFence: number | null;
  readonly upperFence: number | null;
  readonly lengthMin: number | null;
  readonly lengthMax: number | null;
};

/** Exact figures for every column: nothing is sampled or estimated. */
export async function profileOf(
  engine: Engine,
  flow: Flow,
  progress: (done: number) => void,
): Promise<readonly ColumnProfile[]> {
  const profiles: ColumnProfile[] = [];
  for (let from = 0; from < flow.columns.length; from += COLUMNS_AT_ONCE) {
    const columns = flow.columns.slice(from, from + COLUMNS_AT_ONCE);
    const basics = await engine.one(`SELECT ${columns.flatMap(measures).join(', ')} FROM ${flow.relation}`);
    const outside = await outliers(engine, flow, columns, basics);
    const distinct = await distinctOf(engine, flow, columns);
    for (const [index, column] of columns.entries()) {
      profiles.push(
        profile(column, (key) => basics[`${key}${index}`] ?? null, distinct[index] ?? 0, outside.get(column)),
      );
    }
    progress(from + columns.length);
  }
  return profiles;
}

/** So many distinct values may be held at once. */
const DISTINCT_CELLS = 1_000_000;

/** A few columns at a time, one where the table is long: each needs a table of its distinct values. */
async function distinctOf(engine: Engine, flow: Flow, columns: readonly Column[]): Promise<readonly number[]> {
  const atOnce = Math.max(1, Math.floor(DISTINCT_CELLS / Math.max(flow.rows, 1)));
  const counts: number[] = [];
  for (let from = 0; from < columns.length; from += atOnce) {
    const some = columns.slice(from, from + atOnce);
    const found = await engine.one(
      `SELECT ${some.map((column, index) => `count(DISTINCT ${comparable(column)}) AS n${index}`).join(', ')} FROM ${flow.relation}`,
    );
    counts.push(...some.map((_, index) => Number(found[`n${index}`])));
  }
  return counts;
}

function measures(column: Column, index: number): readonly string[] {
  const name = identifier(column.name);
  const edge = (fn: string): string =>
    `left(${asText(`${fn}(${comparable(column)})`, column.kind === 'json' ? { kind: 'text', sql: 'VARCHAR' } : column)}, ${TEXT_SHOWN})`;
  const base = [
    `count(*) - count(${name}) AS nulls${index}`,
    `${edge('min')} AS min${index}`,
    `${edge('max')} AS max${index}`,
  ];
  if (isNumeric(column.kind)) {
    const value = `CAST(${name} AS DOUBLE)`;
    // Summed in the order of the values for floating point: the same rows give the same mean on any number of threads.
    const mean = column.kind === 'number' ? `avg(${name} ORDER BY ${name})` : `avg(${name})`;
    return [...base, `${mean} AS mean${index}`, `quantile_cont(${value}, [0.25, 0.5, 0.75]) AS quartiles${index}`];
  }
  if (column.kind === 'text')
    return [...base, `min(length(${name})) AS lmin${index}`, `max(length(${name})) AS lmax${index}`];
  return base;
}

function comparable(column: Column): string {
  return column.kind === 'json' ? `CAST(${identifier(column.name)} AS VARCHAR)` : identifier(column.name);
}

type Fences = { readonly low: number; readonly high: number; readonly count: number };

async function outliers(
  engine: Engine,
  flow: Flow,
  columns: readonly Column[],
  basics: Record<string, unknown>,
): Promise<ReadonlyMap<Column, Fences>> {
  const fenced = columns.flatMap((column, index) => {
    const [q1, , q3] = numbers(basics[`quartiles${index}`]);
    return q1 === undefined || q3 === undefined
      ? []
      : [{ column, low: q1 - FENCE * (q3 - q1), high: q3 + FENCE * (q3 - q1) }];
  });
  if (fenced.length === 0) return new Map();
  const tests = fenced.map(({ column, low, high }, index) => {
    const value = `CAST(${identifier(column.name)} AS DOUBLE)`;
    return `count(*) FILTER (${value} < CAST(${literal(String(low))} AS DOUBLE) OR ${value} > CAST(${literal(String(high))} AS DOUBLE)) AS n${index}`;
  });
  const found = await engine.one(`SELECT ${tests.join(', ')} FROM ${flow.relation}`);
  return new Map(
    fenced.map(({ column, low, high }, index) => [column, { low, high, count: Number(found[`n${index}`]) }]),
  );
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number).filter(Number.isFinite) : [];
}

function profile(
  column: Column,
  get: (key: string) => unknown,
  distinct: number,
  fences: Fences | undefined,
): ColumnProfile {
  const [q1 = null, median = null, q3 = null] = numbers(get('quartiles'));
  const number = (key: string): number | null => {
    const value = get(key);
    return value === null || !Number.isFinite(Number(value)) ? null : Number(value);
  };
  const text = (key: string): string | null => {
    const value = get(key);
    return value === null ? null : String(value);
  };
  return {
    name: column.name,
    type: column.kind,
    engineType: column.sql,
    nulls: Number(get('nulls')),
    distinct,
    min: text('min'),
    max: text('max'),
    mean: number('mean'),
    q1,
    median,
    q3,
    outliers: fences?.count ?? null,
    lowerFence: fences?.low ?? null,
    upperFence: fences?.high ?? null,
    lengthMin: number('lmin'),
    lengthMax: number('lmax'),
  };
}
