/** Steps that make new rows out of many: aggregate and pivot. The number of a row in its source ends here. */

import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier, isNumeric, literal, ROW } from '../columns.ts';
import type { Measure, StepOf } from '../input/steps.ts';
import { columnNamed, names, type StepContext, stepError, table } from './context.ts';

export async function aggregate(context: StepContext, flow: Flow, step: StepOf<'aggregate'>): Promise<Flow> {
  const by = step.by.map((name, index) => columnNamed(flow, name, `${context.path}/by/${index}`));
  const measures = Object.entries(step.columns).map(
    ([name, measure]) => `${measureSql(flow, measure, `${context.path}/columns/${name}`)} AS ${identifier(name)}`,
  );
  const group =
    by.length > 0
      ? ` GROUP BY ${names(by).join(', ')} ORDER BY ${names(by)
          .map((name) => `${name} NULLS LAST`)
          .join(', ')}`
      : '';
  return table(context, flow, `SELECT ${[...names(by), ...measures].join(', ')} FROM ${flow.relation}${group}`, false);
}

/** One column for each value of `column`, in the order of the values. */
export async function pivot(context: StepContext, flow: Flow, step: StepOf<'pivot'>): Promise<Flow> {
  const rows = step.rows.map((name, index) => columnNamed(flow, name, `${context.path}/rows/${index}`));
  const column = columnNamed(flow, step.column, `${context.path}/column`);
  if (rows.includes(column))
    throw stepError('type-clash', `${context.path}/column`, 'the column to turn cannot also be one of the rows');
  const name = identifier(column.name);
  const found = await context.job.engine.all(
    `SELECT DISTINCT ${asText(name, column)} AS v, ${name} AS o FROM ${flow.relation} ORDER BY o NULLS LAST LIMIT ${step.valuesMax + 1}`,
  );
  if (found.length > step.valuesMax)
    throw stepError(
      'too-many-values',
      `${context.path}/column`,
      `column ${JSON.stringify(column.name)} has more than ${step.valuesMax} values, and each would become a column`,
    );
  const taken = new Set(rows.map((row) => row.name.toLowerCase()));
  const measures = found.map(({ v }) => {
    const value = v === null ? undefined : String(v);
    const condition = value === undefined ? `${name} IS NULL` : `${asText(name, column)} = ${literal(value)}`;
    return `${measureSql(flow, step.values, `${context.path}/values`, condition)} AS ${identifier(unused(value ?? 'none', taken))}`;
  });
  return table(
    context,
    flow,
    `SELECT ${[...names(rows), ...measures].join(', ')} FROM ${flow.relation} GROUP BY ${names(rows).join(', ')} ORDER BY ${names(
      rows,
    )
      .map((row) => `${row} NULLS LAST`)
      .join(', ')}`,
    false,
  );
}

function unused(value: string, taken: Set<string>): string {
  const base = value.trim().replace(/^__/, '_').slice(0, 200) || 'empty';
  let name = base;
  for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${base}_${number}`;
  taken.add(name.toLowerCase());
  return name;
}

function measureSql(flow: Flow, measure: Measure, path: string, condition?: string): string {
  const where = condition === undefined ? '' : ` FILTER (${condition})`;
  if (measure.of === undefined) return `count(*)${where}`;
  const column = columnNamed(flow, measure.of, `${path}/of`);
  const name = identifier(column.name);
  const numeric = (sql: string): string => {
    if (!isNumeric(column.kind))
      throw stepError(
        'type-clash',
        `${path}/of`,
        `${measure.fn} needs numbers, but column ${JSON.stringify(column.name)} is ${column.kind}; cast it first`,
      );
    return `${sql}${where}`;
  };
  const ordered = (fn: string): string => `${fn}(${name}${flow.tracked ? ` ORDER BY ${ROW}` : ''})${where}`;
  switch (measure.fn) {
    case 'count':
      return `count(${name})${where}`;
    case 'count_distinct':
      return `count(DISTINCT ${name})${where}`;
    case 'sum':
      return numeric(`sum(${exactly(column, name)})`);
    case 'mean':
      return numeric(`avg(${exactly(column, name)})`);
    case 'median':
      return numeric(`median(${finer(column, name)})`);
    case 'stddev':
      return numeric(`stddev_samp(${exactly(column, name)})`);
    case 'min':
    case 'max':
      return `${measure.fn}(${name})${where}`;
    case 'first':
    case 'last':
      return ordered(measure.fn);
    default:
      throw new Error(`no such measure ${JSON.stringify(measure.fn satisfies never)}`);
  }
}

/** The middle of two decimals may need one digit more than they have. */
function finer(column: Column, name: string): string {
  const scale = /^DECIMAL\(\d+,(\d+)\)$/.exec(column.sql)?.[1];
  return scale === undefined || Number(scale) > 30 ? name : `CAST(${name} AS DECIMAL(38,${Number(scale) + 1}))`;
}

/** Floating-point sums depend on the order of the rows; in a list sorted by value they do not depend on threads. */
function exactly(column: Column, name: string): string {
  return column.kind === 'number' ? `${name} ORDER BY ${name}` : name;
}
