/** Joins another source to the rows being worked on. */

import type { Flow } from '../child/flow.ts';
import { type Column, identifier, isNumeric, ROW } from '../columns.ts';
import type { StepOf } from '../input/steps.ts';
import { assertNew, columnNamed, type StepContext, stepError, table } from './context.ts';

const SQL_JOIN = {
  inner: 'JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  semi: 'SEMI JOIN',
  anti: 'ANTI JOIN',
} as const;

/** Rows come in the order of the left source, then of the right. Absent keys match nothing. */
export async function join(context: StepContext, flow: Flow, step: StepOf<'join'>): Promise<Flow> {
  const other = context.others.get(step.with);
  if (other === undefined)
    throw stepError('unknown-source', `${context.path}/with`, `there is no other source ${JSON.stringify(step.with)}`);
  const pairs = step.on.map((on, index) => pairOf(flow, other, on, `${context.path}/on/${index}`));
  const condition = pairs
    .map(([left, right]) => `l.${identifier(left.name)} = r.${identifier(right.name)}`)
    .join(' AND ');
  if (step.type !== 'semi' && step.type !== 'anti') await assertSize(context, flow, other, pairs);
  const columns = [
    ...leftColumns(flow, pairs, step.type),
    ...rightColumns(flow, other, pairs, { step, path: context.path }),
  ];
  const rowOfLeft = flow.tracked ? [`l.${ROW} AS ${ROW}`] : [];
  const only = step.type === 'semi' || step.type === 'anti';
  const order = [
    ...(flow.tracked ? [`l.${ROW} NULLS LAST`] : pairs.map(([left]) => `l.${identifier(left.name)} NULLS LAST`)),
    ...(only || !other.tracked ? [] : [`r.${ROW} NULLS LAST`]),
  ];
  const joined = await table(
    context,
    flow,
    `SELECT ${[...rowOfLeft, ...columns].join(', ')} FROM ${flow.relation} AS l ${SQL_JOIN[step.type]} ${other.relation} AS r ON ${condition} ORDER BY ${order.join(', ')}`,
  );
  return only ? joined : { ...joined, rowsRepeat: true };
}

/** Two lists that repeat a key multiply: more rows than this are a mistake rather than a wish. */
const ROWS_MAX = 20_000_000;

/** Counts the pairs of a join from the counts of its keys, before any row is made. */
async function assertSize(context: StepContext, flow: Flow, other: Flow, pairs: readonly Pair[]): Promise<void> {
  const keys = (side: 0 | 1): string =>
    pairs.map((pair, index) => `${identifier(pair[side].name)} AS k${index}`).join(', ');
  const counted = (relation: string, side: 0 | 1): string =>
    `(SELECT ${keys(side)}, count(*) AS n FROM ${relation} GROUP BY ALL)`;
  const on = pairs.map((_, index) => `l.k${index} = r.k${index}`).join(' AND ');
  const { n } = await context.job.engine.one(
    `SELECT sum(CAST(l.n AS DOUBLE) * r.n) AS n FROM ${counted(flow.relation, 0)} AS l JOIN ${counted(other.relation, 1)} AS r ON ${on}`,
  );
  if (Number(n ?? 0) > ROWS_MAX)
    throw stepError(
      'too-many-rows',
      `${context.path}/on`,
      `the join would make ${n} rows, where ${ROWS_MAX} are allowed; the keys repeat on both sides`,
    );
}

type Pair = readonly [left: Column, right: Column];

function pairOf(flow: Flow, other: Flow, on: StepOf<'join'>['on'][number], path: string): Pair {
  const { left, right } = typeof on === 'string' ? { left: on, right: on } : on;
  const pair: Pair = [columnNamed(flow, left, path), columnNamed(other, right, path)];
  const [one, two] = pair;
  if (one.kind !== two.kind && !(isNumeric(one.kind) && isNumeric(two.kind))) {
    throw stepError(
      'type-clash',
      path,
      `column ${JSON.stringify(one.name)} is ${one.kind} but ${JSON.stringify(two.name)} is ${two.kind} in the other source; cast one of them`,
    );
  }
  return pair;
}

/** Where the left side may be missing, its keys are taken from the right. */
function leftColumns(flow: Flow, pairs: readonly Pair[], type: StepOf<'join'>['type']): readonly string[] {
  const partner = new Map(pairs);
  return flow.columns.map((column) => {
    const name = identifier(column.name);
    const right = type === 'right' || type === 'full' ? partner.get(column) : undefined;
    return right === undefined ? `l.${name} AS ${name}` : `coalesce(l.${name}, r.${identifier(right.name)}) AS ${name}`;
  });
}

function rightColumns(
  flow: Flow,
  other: Flow,
  pairs: readonly Pair[],
  { step, path }: { readonly step: StepOf<'join'>; readonly path: string },
): readonly string[] {
  if (step.type === 'semi' || step.type === 'anti') return [];
  const keys = new Set(pairs.map(([, right]) => right));
  const taken = flow.columns.map(({ name }) => ({ name }));
  return other.columns
    .filter((column) => !keys.has(column))
    .map((column) => {
      const clash = taken.some(({ name }) => name.toLowerCase() === column.name.toLowerCase());
      const name = clash ? `${column.name}${step.suffix}` : column.name;
      assertNew(taken, name, `${path}/suffix`);
      taken.push({ name });
      return `r.${identifier(column.name)} AS ${identifier(name)}`;
    });
}
