/** Builds a table of checked values, and sets aside what failed with its row, column, value and rule. */
import { AgentError } from '@guildhall/agent-sdk';
import { columnsOf } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import type { Job } from '../child/job.ts';
import { asText, type Column, identifier, literal, PROBLEMS, ROW } from '../columns.ts';
import { VALUE_SHOWN_CHARS } from '../read/source.ts';

export interface Check {
  readonly rule: string;
  readonly message: string;
  /** SQL that is true for a bad value. `raw` is the value before it was cast. */
  bad(value: string, raw: string): string;
}

export interface CheckedColumn {
  readonly column: Column;
  /** SQL of the new value; left out: the column as it is. */
  readonly value?: string;
  readonly checks: readonly Check[];
  /** A row whose bad value cannot become null is rejected also when bad values are coerced. */
  readonly required: boolean;
}

/** A value that was there and could not be read as the type. */
export function typeCheck(message: string): Check {
  return { rule: 'type', message, bad: (value, raw) => `${raw} IS NOT NULL AND ${value} IS NULL` };
}

/**
 * Applies `columns` to every row. Rows with faults leave the flow, or lose the bad values, as the job's policy says; each fault is recorded.
 * @throws AgentError `bad-rows` when the policy is to fail and there is a fault.
 */
export async function checked(job: Job, flow: Flow, columns: readonly CheckedColumn[], source: string): Promise<Flow> {
  const tested = columns.filter((column) => column.checks.length > 0);
  if (tested.length === 0) {
    const relation = `(${selection(flow, columns)})`;
    return { ...flow, relation, columns: await columnsOf(job.engine, relation) };
  }
  const table = job.newTable();
  await job.engine.run(`CREATE TABLE ${table} AS ${outer(flow, columns, job.onError === 'coerce')}`);
  await job.drop(flow);
  const {
    bad = 0,
    rejected = 0,
    rows = 0,
  } = numbers(
    await job.engine.one(
      `SELECT count(*) AS rows, count(${PROBLEMS}) AS bad, count(*) FILTER (${fatal()}) AS rejected FROM ${table}`,
    ),
  );
  if (bad > 0) {
    await record(job, table, source, flow.tracked);
    if (job.onError === 'fail') throw await failure(job, table, bad, flow.tracked);
  }
  job.count(source, rejected, bad - rejected);
  if (rejected > 0) await job.engine.run(`DELETE FROM ${table} WHERE ${fatal()}`);
  return {
    ...flow,
    relation: table,
    table,
    columns: await columnsOf(job.engine, table),
    rows: rows - rejected,
    pending: 0,
  };
}

function selection(flow: Flow, columns: readonly CheckedColumn[]): string {
  const row = flow.tracked ? [ROW] : [];
  return `SELECT ${[...row, ...columns.map(({ column, value }) => `${value ?? identifier(column.name)} AS ${identifier(column.name)}`)].join(', ')} FROM ${flow.relation}`;
}

function outer(flow: Flow, columns: readonly CheckedColumn[], coerce: boolean): string {
  const place = new Map(columns.map((column, index) => [column, index]));
  const value = (column: CheckedColumn): string => `__v${place.get(column)}`;
  const raw = (column: CheckedColumn): string =>
    column.value === undefined ? value(column) : `__r${place.get(column)}`;
  const inner = [
    ...(flow.tracked ? [ROW] : []),
    ...columns.flatMap((column) => [
      `${column.value ?? identifier(column.column.name)} AS ${value(column)}`,
      ...(column.value !== undefined && column.checks.length > 0
        ? [`${identifier(column.column.name)} AS ${raw(column)}`]
        : []),
    ]),
  ].join(', ');
  const tested = columns.filter((column) => column.checks.length > 0);
  const faults = tested.flatMap((column) =>
    column.checks.map((check) => {
      const bad = `(${check.bad(value(column), raw(column))})`;
      const shown = `left(${asText(raw(column), column.column)}, ${VALUE_SHOWN_CHARS})`;
      return {
        bad,
        entry: `CASE WHEN ${bad} THEN {'c': ${literal(column.column.name)}, 'v': ${shown}, 'r': ${literal(check.rule)}, 'm': ${literal(check.message)}, 'f': ${!coerce || column.required}} END`,
      };
    }),
  );
  const kept = columns.map((column) => {
    const whole = value(column);
    const tests = column.checks.map((check) => `(${check.bad(value(column), raw(column))})`);
    return `${coerce && tests.length > 0 ? `CASE WHEN ${tests.join(' OR ')} THEN NULL ELSE ${whole} END` : whole} AS ${identifier(column.column.name)}`;
  });
  const problems = `CASE WHEN ${faults.map((fault) => fault.bad).join(' OR ')} THEN list_filter([${faults.map((fault) => fault.entry).join(', ')}], lambda p: p IS NOT NULL) END AS ${PROBLEMS}`;
  return `SELECT ${[...(flow.tracked ? [ROW] : []), ...kept, problems].join(', ')} FROM (SELECT ${inner} FROM ${flow.relation})`;
}

function fatal(): string {
  return `${PROBLEMS} IS NOT NULL AND len(list_filter(${PROBLEMS}, lambda p: p.f)) > 0`;
}

async function record(job: Job, table: string, source: string, tracked: boolean): Promise<void> {
  await job.engine.run(
    `INSERT INTO problems SELECT ${literal(source)}, ${tracked ? ROW : 'NULL'}, NULL, p.c, p.v, p.r, p.m, CASE WHEN fatal THEN 'rejected' ELSE 'coerced' END
     FROM (SELECT ${tracked ? `${ROW}, ` : ''}unnest(${PROBLEMS}) AS p, ${fatal()} AS fatal FROM ${table} WHERE ${PROBLEMS} IS NOT NULL)`,
  );
}

/** So many faults are enough to see what is wrong. */
const FAULTS_SHOWN = 20;

async function failure(job: Job, table: string, bad: number, tracked: boolean): Promise<AgentError> {
  const rows = await job.engine.all(
    `SELECT ${tracked ? ROW : 'NULL'} AS n, p.c AS c, p.v AS v, p.m AS m FROM (SELECT *, unnest(${PROBLEMS}) AS p FROM ${table} WHERE ${PROBLEMS} IS NOT NULL) ${tracked ? `ORDER BY ${ROW}` : ''} LIMIT ${FAULTS_SHOWN}`,
  );
  return new AgentError('bad-rows', `${bad} ${bad === 1 ? 'row does' : 'rows do'} not meet the rules.`, {
    advice: 'Correct these rows, or set onError to reject or coerce.',
    errors: rows.map((row) => ({
      path: row.n === null ? `/result/${row.c}` : `/rows/${row.n}/${row.c}`,
      message: `${row.m}: ${JSON.stringify(row.v)}`,
    })),
  });
}

function numbers(row: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
}
