/** What a step gets, and the checks that all steps make. */
import { AgentError } from '@guildhall/agent-sdk';
import { columnsOf } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import type { Job } from '../child/job.ts';
import { type Column, identifier, ROW } from '../columns.ts';
import { listed } from '../expression/compile.ts';
import { ExpressionError } from '../expression/syntax.ts';
import { sentence } from '../sentence.ts';

export interface StepContext {
  readonly job: Job;
  /** JSON Pointer of the step in the request. */
  readonly path: string;
  /** The sources that can be joined. */
  readonly others: ReadonlyMap<string, Flow>;
  readonly source: string;
}

/** The column of that name. @throws AgentError that says which columns there are. */
export function columnNamed(flow: Flow, name: string, path: string): Column {
  const column = flow.columns.find((one) => one.name === name);
  if (column === undefined)
    throw stepError(
      'unknown-column',
      path,
      `there is no column ${JSON.stringify(name)}; there are ${listed(flow.columns.map((one) => one.name))}`,
    );
  return column;
}

/** Refuses a new column whose name is taken; names that differ only in case count as the same. */
export function assertNew(columns: readonly Pick<Column, 'name'>[], name: string, path: string): void {
  const taken = columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  if (taken !== undefined)
    throw stepError('column-exists', path, `there is a column ${JSON.stringify(taken.name)} already`);
}

export function stepError(reason: string, path: string, message: string): AgentError {
  return new AgentError(reason, sentence(`${path.replace('/steps/', 'Step ').split('/')[0]}: ${message}`), {
    advice: 'Correct this step and start a new run.',
    errors: [{ path, message }],
  });
}

/** Runs a compilation; a fault in the expression becomes an error that points at it. */
export function compiled<T>(path: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (error instanceof ExpressionError) throw stepError('expression', path, error.message);
    throw error;
  }
}

/** The list of a SELECT: our row number if there is one, then the columns. */
export function listOf(flow: Flow, columns: readonly string[]): string {
  return [...(flow.tracked ? [ROW] : []), ...columns].join(', ');
}

/** A flow over a SELECT that gives every row once: nothing is computed yet. */
export async function view(context: StepContext, flow: Flow, select: string): Promise<Flow> {
  const relation = `(${select})`;
  return { ...flow, relation, columns: await columnsOf(context.job.engine, relation) };
}

/** A flow over a new table: computed now, so that its rows can be counted and its faults have a place. */
export async function table(context: StepContext, flow: Flow, select: string, tracked = flow.tracked): Promise<Flow> {
  const { job } = context;
  const name = job.newTable();
  await job.engine.run(`CREATE TABLE ${name} AS ${select}`).catch((error: unknown) => {
    throw engineError(context.path, error);
  });
  await job.drop(flow);
  const rows = Number((await job.engine.one(`SELECT count(*) AS n FROM ${name}`)).n);
  return {
    ...flow,
    relation: name,
    table: name,
    columns: await columnsOf(job.engine, name),
    rows,
    tracked,
    pending: 0,
  };
}

/** Reading a flow does its pending work again, so that after a few it is cheaper to keep the rows. */
const PENDING_MAX = 3;

/**
 * A flow over a SELECT that computes: kept as a query, which needs no memory, and tried out now by `trial`, so that a fault in the data
 * is found in the step that causes it. `trial` gives the number of rows as `n`.
 */
export async function computed(context: StepContext, flow: Flow, select: string, trial: string): Promise<Flow> {
  if ((flow.pending ?? 0) >= PENDING_MAX) return table(context, flow, select);
  const { engine } = context.job;
  const { n } = await engine.one(trial).catch((error: unknown) => {
    throw engineError(context.path, error);
  });
  return { ...(await view(context, flow, select)), rows: Number(n), pending: (flow.pending ?? 0) + 1 };
}

/** Faults that only the data can show: a number out of range, a pattern that the engine refuses, memory. */
export function engineError(path: string, error: unknown): AgentError {
  const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
  if (/out of memory/i.test(text))
    return new AgentError('too-large', 'The data need more memory than a run may use.', {
      advice: 'Filter or split the data, then start a new run.',
      errors: [{ path, message: 'needs too much memory' }],
      cause: error,
    });
  if (/^(Conversion|Out of Range|Invalid Input) Error/.test(text))
    return stepError('step-failed', path, text.replace(/^[A-Za-z ]+ Error: /, '').slice(0, 300));
  throw error;
}

export function names(columns: readonly Column[]): readonly string[] {
  return columns.map((column) => identifier(column.name));
}
