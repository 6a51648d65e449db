/** Steps that keep every row: rename, select, trim, fill, split, cast. */

import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier, isNumeric, literal, ROW } from '../columns.ts';
import { castOf, type StepOf } from '../input/steps.ts';
import { checked } from '../typing/checked.ts';
import { casts } from '../typing/wanted.ts';
import { assertNew, columnNamed, listOf, names, type StepContext, stepError, table, view } from './context.ts';

export async function rename(context: StepContext, flow: Flow, step: StepOf<'rename'>): Promise<Flow> {
  for (const name of Object.keys(step.columns)) columnNamed(flow, name, `${context.path}/columns`);
  const kept = flow.columns.filter((column) => !Object.hasOwn(step.columns, column.name));
  for (const name of Object.values(step.columns)) assertNew(kept, name, `${context.path}/columns`);
  const columns = flow.columns.map(
    (column) => `${identifier(column.name)} AS ${identifier(step.columns[column.name] ?? column.name)}`,
  );
  return view(context, flow, `SELECT ${listOf(flow, columns)} FROM ${flow.relation}`);
}

export async function select(context: StepContext, flow: Flow, step: StepOf<'select'>): Promise<Flow> {
  const columns = step.columns.map((name, index) => columnNamed(flow, name, `${context.path}/columns/${index}`));
  return view(context, flow, `SELECT ${listOf(flow, names(columns))} FROM ${flow.relation}`);
}

/** Also the no-break space, the zero-width space and a stray byte order mark, which come with copied text. */
const SPACES = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160) || chr(8203) || chr(65279)";

export async function trim(context: StepContext, flow: Flow, step: StepOf<'trim'>): Promise<Flow> {
  const chosen =
    step.columns?.map((name, index) => columnNamed(flow, name, `${context.path}/columns/${index}`)) ?? flow.columns;
  const trimmed = new Set(chosen.filter((column) => column.kind === 'text').map((column) => column.name));
  return replaced(context, flow, (column) => {
    if (!trimmed.has(column.name)) return undefined;
    const name = identifier(column.name);
    // The test is many times faster than the trimming, and few texts need it.
    const bare = `CASE WHEN regexp_matches(${name}, '^[\\s\\x{a0}\\x{200b}\\x{feff}]|[\\s\\x{a0}\\x{200b}\\x{feff}]$') THEN trim(${name}, ${SPACES}) ELSE ${name} END`;
    return step.collapse ? `regexp_replace(${bare}, '[\\s\\x{00a0}]+', ' ', 'g')` : bare;
  });
}

export async function fill(context: StepContext, flow: Flow, step: StepOf<'fill'>): Promise<Flow> {
  const values = new Map(
    Object.entries(step.columns).map(([name, value]) => [
      name,
      constantFor(columnNamed(flow, name, `${context.path}/columns`), value, context.path),
    ]),
  );
  return replaced(context, flow, (column) => {
    const value = values.get(column.name);
    return value === undefined ? undefined : `coalesce(${identifier(column.name)}, ${value})`;
  });
}

function constantFor(column: Column, value: string | number | boolean, path: string): string {
  const refuse = (): Error =>
    stepError(
      'type-clash',
      `${path}/columns`,
      `column ${JSON.stringify(column.name)} is ${column.kind}, so it cannot be filled with ${JSON.stringify(value)}`,
    );
  if (column.kind === 'text') return literal(String(value));
  if (isNumeric(column.kind)) {
    const text = String(value);
    if (
      typeof value === 'boolean' ||
      !/^-?\d+(\.\d+)?$/.test(text) ||
      (column.kind === 'integer' && text.includes('.'))
    )
      throw refuse();
    return text;
  }
  if (column.kind === 'boolean') {
    if (typeof value !== 'boolean') throw refuse();
    return String(value);
  }
  if (typeof value !== 'string') throw refuse();
  if (
    (column.kind === 'date' || column.kind === 'timestamp') &&
    !(/^\d{4}-\d{2}-\d{2}/.test(value) && !Number.isNaN(Date.parse(value)))
  )
    throw refuse();
  return `CAST(${literal(value)} AS ${column.sql})`;
}

export async function fillBy(context: StepContext, flow: Flow, step: StepOf<'fill-by'>): Promise<Flow> {
  const chosen = new Set(
    step.columns.map((name, index) => columnNamed(flow, name, `${context.path}/columns/${index}`)),
  );
  if (step.method === 'previous' || step.method === 'next') {
    if (!flow.tracked)
      throw stepError(
        'no-order',
        context.path,
        `${step.method} needs the order of the source, which is gone after aggregate and pivot`,
      );
    const [fn, order] = step.method === 'previous' ? ['last_value', 'ASC'] : ['last_value', 'DESC'];
    const columns = flow.columns.map((column) => {
      const name = identifier(column.name);
      return chosen.has(column)
        ? `coalesce(${name}, ${fn}(${name} IGNORE NULLS) OVER (ORDER BY ${ROW} ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) AS ${name}`
        : name;
    });
    return table(context, flow, `SELECT ${listOf(flow, columns)} FROM ${flow.relation} ORDER BY ${ROW}`);
  }
  const centre = new Map<Column, string>();
  for (const column of chosen) centre.set(column, await centreOf(context, flow, column, step.method));
  return replaced(context, flow, (column) => {
    const value = centre.get(column);
    return value === undefined ? undefined : `coalesce(${identifier(column.name)}, ${value})`;
  });
}

/** The middle of a column as a constant of its own type. The most frequent value is the smallest of those that tie. */
async function centreOf(
  context: StepContext,
  flow: Flow,
  column: Column,
  method: 'mean' | 'median' | 'mode',
): Promise<string> {
  if (method !== 'mode' && !isNumeric(column.kind))
    throw stepError(
      'type-clash',
      context.path,
      `${method} needs numbers, but column ${JSON.stringify(column.name)} is ${column.kind}`,
    );
  const name = identifier(column.name);
  const query =
    method === 'mode'
      ? `SELECT ${asText('v', column)} AS c FROM (SELECT ${name} AS v, count(*) AS n FROM ${flow.relation} WHERE ${name} IS NOT NULL GROUP BY 1 ORDER BY n DESC, v LIMIT 1)`
      : `SELECT CAST(CAST(${method === 'mean' ? 'avg' : 'median'}(CAST(${name} AS DOUBLE)) AS ${column.sql}) AS VARCHAR) AS c FROM ${flow.relation}`;
  const { c } = await context.job.engine.one(query);
  return c === null || c === undefined ? 'NULL' : `CAST(${literal(String(c))} AS ${column.sql})`;
}

export async function split(context: StepContext, flow: Flow, step: StepOf<'split'>): Promise<Flow> {
  const column = columnNamed(flow, step.column, `${context.path}/column`);
  if (column.kind !== 'text')
    throw stepError(
      'type-clash',
      `${context.path}/column`,
      `only text can be split, but column ${JSON.stringify(column.name)} is ${column.kind}; cast it to text first`,
    );
  const kept = step.keep ? flow.columns : flow.columns.filter((one) => one !== column);
  for (const name of step.into) assertNew(kept, name, `${context.path}/into`);
  const parts = step.into.map((name, index) => {
    const all = `string_split(${identifier(column.name)}, ${literal(step.by)})`;
    const part =
      index === step.into.length - 1
        ? `array_to_string(${all}[${index + 1}:], ${literal(step.by)})`
        : `${all}[${index + 1}]`;
    return `nullif(${part}, '') AS ${identifier(name)}`;
  });
  const columns = flow.columns.flatMap((one) =>
    one === column ? [...(step.keep ? [identifier(one.name)] : []), ...parts] : [identifier(one.name)],
  );
  return view(context, flow, `SELECT ${listOf(flow, columns)} FROM ${flow.relation}`);
}

export async function cast(context: StepContext, flow: Flow, step: StepOf<'cast'>): Promise<Flow> {
  const wanted = Object.entries(step.columns).map(([name, given]) => {
    const { to, ...options } = castOf(given);
    return { name: columnNamed(flow, name, `${context.path}/columns`).name, kind: to, ...options };
  });
  const changed = new Map(
    (await casts(context.job.engine, flow.relation, flow.columns, wanted)).map((one) => [one.column.name, one]),
  );
  return checked(
    context.job,
    flow,
    flow.columns.map((column) => changed.get(column.name) ?? { column, checks: [], required: false }),
    context.source,
  );
}

async function replaced(
  context: StepContext,
  flow: Flow,
  value: (column: Column) => string | undefined,
): Promise<Flow> {
  const columns = flow.columns.map((column) => {
    const sql = value(column);
    return sql === undefined ? identifier(column.name) : `${sql} AS ${identifier(column.name)}`;
  });
  return view(context, flow, `SELECT ${listOf(flow, columns)} FROM ${flow.relation}`);
}
