/** Steps that compute columns or choose and order rows: filter, derive, deduplicate, sort. */

import type { Flow } from '../child/flow.ts';
import { type Column, identifier, ROW } from '../columns.ts';
import { compileExpression } from '../expression/compile.ts';
import type { StepOf } from '../input/steps.ts';
import { pointer } from '../rules/record-schema.ts';
import { columnNamed, compiled, computed, listOf, names, type StepContext, stepError, table } from './context.ts';

export async function filter(context: StepContext, flow: Flow, step: StepOf<'filter'>): Promise<Flow> {
  const path = `${context.path}/where`;
  const condition = compiled(path, () => compileExpression(step.where, flow.columns));
  if (condition.kind !== 'boolean')
    throw stepError('expression', path, `a filter needs true or false, but this is ${condition.kind}`);
  const rest = `FROM ${flow.relation} WHERE ${condition.sql}`;
  return computed(
    { ...context, path },
    flow,
    `SELECT ${listOf(flow, names(flow.columns))} ${rest}`,
    `SELECT count(*) AS n ${rest}`,
  );
}

/** All expressions see the columns as they were before the step. A name that exists is replaced in its place. */
export async function derive(context: StepContext, flow: Flow, step: StepOf<'derive'>): Promise<Flow> {
  const made = new Map(
    Object.entries(step.columns).map(([name, text]) => {
      const path = `${context.path}/columns/${pointer(name)}`;
      const value = compiled(path, () => compileExpression(text, flow.columns));
      return [name, value.kind === 'null' ? 'CAST(NULL AS VARCHAR)' : value.sql] as const;
    }),
  );
  const clash = flow.columns.find(
    (column) =>
      !made.has(column.name) && [...made.keys()].some((name) => name.toLowerCase() === column.name.toLowerCase()),
  );
  if (clash !== undefined)
    throw stepError(
      'column-exists',
      `${context.path}/columns`,
      `there is a column ${JSON.stringify(clash.name)} already; names may not differ only in case`,
    );
  const kept = flow.columns.map((column) =>
    made.has(column.name) ? `${made.get(column.name)} AS ${identifier(column.name)}` : identifier(column.name),
  );
  const added = [...made]
    .filter(([name]) => !flow.columns.some((column) => column.name === name))
    .map(([name, sql]) => `${sql} AS ${identifier(name)}`);
  const trial = [...made.values()].map((sql) => `bit_xor(hash(${sql}))`).join(', ');
  return computed(
    context,
    flow,
    `SELECT ${listOf(flow, [...kept, ...added])} FROM ${flow.relation}`,
    `SELECT count(*) AS n, ${trial} FROM ${flow.relation}`,
  );
}

/** Two values that are both absent count as the same. */
export async function deduplicate(context: StepContext, flow: Flow, step: StepOf<'deduplicate'>): Promise<Flow> {
  const by: readonly Column[] =
    step.by?.map((name, index) => columnNamed(flow, name, `${context.path}/by/${index}`)) ?? flow.columns;
  if (!flow.tracked)
    return table(
      context,
      flow,
      `SELECT DISTINCT ON (${names(by).join(', ')}) ${names(flow.columns).join(', ')} FROM ${flow.relation} ORDER BY ALL`,
    );
  if (flow.rowsRepeat === true) {
    const order = `${ROW} ${step.keep === 'first' ? 'ASC' : 'DESC'}, ${names(flow.columns).join(', ')}`;
    const chosen = `SELECT ${listOf(flow, names(flow.columns))} FROM ${flow.relation} QUALIFY row_number() OVER (PARTITION BY ${names(by).join(', ')} ORDER BY ${order}) = 1`;
    return table(context, flow, `SELECT * FROM (${chosen}) ORDER BY ${ROW} NULLS LAST`);
  }
  const kept = step.keep === 'first' ? 'min' : 'max';
  const name = context.job.newTable();
  await context.job.engine.run(
    `CREATE TABLE ${name} AS SELECT ${kept}(${ROW}) AS keep FROM ${flow.relation} GROUP BY ${names(by).join(', ')}`,
  );
  const result = await table(
    context,
    flow,
    `SELECT ${listOf(flow, names(flow.columns))} FROM ${flow.relation} WHERE ${ROW} IN (SELECT keep FROM ${name})`,
  );
  await context.job.engine.run(`DROP TABLE ${name}`);
  return result;
}

/** Rows that tie keep the order of the source; rows without a value come last. */
export async function sort(context: StepContext, flow: Flow, step: StepOf<'sort'>): Promise<Flow> {
  const order = step.by.map(
    ({ column, order: direction }, index) =>
      `${identifier(columnNamed(flow, column, `${context.path}/by/${index}/column`).name)} ${direction === 'ascending' ? 'ASC' : 'DESC'} NULLS LAST`,
  );
  const ties = flow.tracked ? [ROW] : names(flow.columns);
  return table(
    context,
    flow,
    `SELECT ${listOf(flow, names(flow.columns))} FROM ${flow.relation} ORDER BY ${[...order, ...ties].join(', ')}`,
  );
}
