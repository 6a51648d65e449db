/** The rules of a graph beyond its shape. Pure; every fault is listed with its place. */
import type { FieldError } from '@guildhall/agent-sdk';
import { readTemplate, type TemplateReading } from '../expression/index.ts';
import { branchesOf, joinCount, parseNeed } from './needs.ts';
import { ancestors, findCycle, type NeedsById } from './order.ts';
import { findUnreachable } from './reachability.ts';
import { STEP_FIELDS, stepReferences } from './references.ts';
import { asJson, effectOf, GRAPH_LIMITS, type GraphInput, type StepInput } from './schema.ts';
import { readStep } from './templates.ts';

/** Enough to correct a graph by; more would only bury the first. */
const FAULTS_MAX = 100;
/** Expressions of one graph: 200 steps with ten each. */
const EXPRESSIONS_MAX = 2_000;

/** All faults of a graph whose shape is right: ids, needs, cycles, joins, steps that can never start, expressions, effects. */
export function checkGraph(input: GraphInput): readonly FieldError[] {
  if (input.steps.length > GRAPH_LIMITS.stepsMax) {
    return [{ path: '/steps', message: `at most ${GRAPH_LIMITS.stepsMax} steps` }];
  }
  const byId = new Map(input.steps.map((step) => [step.id, step]));
  const faults = [
    ...duplicateIds(input),
    ...input.steps.flatMap((step, index) => stepFaults(step, `/steps/${index}`, byId)),
  ];
  const needs: NeedsById = new Map(
    input.steps.map((step) => [step.id, step.needs.map((need) => parseNeed(need).step)]),
  );
  const cycle = findCycle(needs);
  if (cycle !== undefined) faults.push(...cycleFault(cycle, input));
  if (faults.length === 0) {
    for (const [id, message] of findUnreachable(input.steps))
      faults.push({ path: `${pathOf(input, id)}/needs`, message });
  }
  faults.push(...recordFaults(input));
  faults.push(...expressionFaults(input, cycle === undefined ? ancestors(needs) : undefined));
  return faults.slice(0, FAULTS_MAX);
}

/** The most records a run of this graph can leave: for each attempt the attempt, the wait after it, and a turn for both. */
function recordFaults(input: GraphInput): readonly FieldError[] {
  const records = input.steps
    .flatMap((step) => [step, ...(step.compensate ?? [])])
    .reduce((sum, work) => sum + ('retry' in work ? 4 * (work.retry?.attemptsMax ?? 1) : 2), 2);
  if (records <= GRAPH_LIMITS.recordsMax) return [];
  return [
    {
      path: '/steps',
      message: `with all attempts the graph may need ${records} recorded steps, at most are ${GRAPH_LIMITS.recordsMax}; lower attemptsMax`,
    },
  ];
}

function duplicateIds(input: GraphInput): readonly FieldError[] {
  const first = new Map<string, number>();
  const faults: FieldError[] = [];
  for (const [index, step] of input.steps.entries()) {
    const earlier = first.get(step.id);
    if (earlier === undefined) first.set(step.id, index);
    else faults.push({ path: `/steps/${index}/id`, message: `"${step.id}" is already the id of step ${earlier + 1}` });
  }
  return faults;
}

function stepFaults(step: StepInput, path: string, byId: ReadonlyMap<string, StepInput>): readonly FieldError[] {
  const faults = step.needs.flatMap((text, index) => needFaults(step, text, `${path}/needs/${index}`, byId));
  if (new Set(step.needs).size < step.needs.length)
    faults.push({ path: `${path}/needs`, message: 'a need is listed twice' });
  if (joinCount(step) > step.needs.length) {
    faults.push({
      path: `${path}/join`,
      message: `at least ${joinCount(step)} needs must hold, but only ${step.needs.length} are listed`,
    });
  }
  const branches = branchesOf(step);
  if (new Set(branches).size < branches.length)
    faults.push({ path: `${path}/branches`, message: 'two branches have the same name' });
  if (step.kind === 'wait' && (step.durationMs === undefined) === (step.until === undefined)) {
    faults.push({ path, message: 'give either durationMs or until' });
  }
  const works = [
    { work: step, at: path },
    ...(step.compensate ?? []).map((work, index) => ({ work, at: `${path}/compensate/${index}` })),
  ];
  for (const { work, at } of works) {
    if (work.kind === 'http' && effectOf(work) === 'once' && (work.retry?.attemptsMax ?? 1) > 1) {
      faults.push({
        path: `${at}/retry`,
        message: `a ${work.method} with effect "once" is never sent again; declare effect "idempotent" if it may be`,
      });
    }
  }
  return faults;
}

function needFaults(step: StepInput, text: string, path: string, byId: ReadonlyMap<string, StepInput>): FieldError[] {
  const need = parseNeed(text);
  const source = byId.get(need.step);
  if (need.step === step.id) return [{ path, message: `step "${step.id}" needs itself` }];
  if (source === undefined) return [{ path, message: `there is no step "${need.step}"` }];
  if (need.branch === undefined || branchesOf(source).includes(need.branch)) return [];
  const branches = branchesOf(source);
  if (branches.length > 0)
    return [{ path, message: `"${need.step}" has no branch "${need.branch}"; it has ${branches.join(', ')}` }];
  const advice = source.kind === 'approval' ? ' (set its whenRejected to "branch")' : '';
  return [{ path, message: `"${need.step}" has no branches${advice}` }];
}

function cycleFault(cycle: readonly string[], input: GraphInput): readonly FieldError[] {
  const [first] = cycle;
  // A step that needs itself has been named already.
  if (first === undefined || cycle.length === 1) return [];
  return [
    {
      path: `${pathOf(input, first)}/needs`,
      message: `the steps need each other in a cycle: ${[...cycle, first].join(' → ')}`,
    },
  ];
}

function expressionFaults(
  input: GraphInput,
  before: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): readonly FieldError[] {
  const ids = new Set(input.steps.map((step) => step.id));
  const faults: FieldError[] = [];
  let count = 0;
  const check = (reading: TemplateReading, readable: ReadonlySet<string> | undefined, reader: string): void => {
    count += reading.expressions.length + reading.faults.length;
    faults.push(...reading.faults, ...referenceFaults(reading, ids, readable, reader));
  };
  for (const [index, step] of input.steps.entries()) {
    if (count > EXPRESSIONS_MAX)
      return [{ path: '/steps', message: `the graph has more than ${EXPRESSIONS_MAX} expressions` }];
    const readable = before?.get(step.id);
    for (const { reading } of readStep(step, `/steps/${index}`)) check(reading, readable, `step "${step.id}"`);
    const undoable = readable === undefined ? undefined : new Set([...readable, step.id]);
    for (const [place, work] of (step.compensate ?? []).entries()) {
      for (const { reading } of readStep(work, `/steps/${index}/compensate/${place}`))
        check(reading, undoable, `the compensation of "${step.id}"`);
    }
  }
  check(readTemplate(asJson(input.output), '/output'), ids, 'the output');
  return faults;
}

/** `readable` undefined: the order is unknown (there is a cycle), so only unknown names are faults. */
function referenceFaults(
  reading: TemplateReading,
  ids: ReadonlySet<string>,
  readable: ReadonlySet<string> | undefined,
  reader: string,
): readonly FieldError[] {
  return reading.expressions.flatMap(({ path, expression }) =>
    stepReferences(expression).flatMap(({ step, field, at }) => {
      if (step === undefined) return [{ path, message: `name the step: steps.<id> (column ${at})` }];
      if (!ids.has(step)) return [{ path, message: `there is no step "${step}" (column ${at})` }];
      if (readable !== undefined && !readable.has(step)) {
        return [
          { path, message: `${reader} reads "${step}" but does not come after it; add it to needs (column ${at})` },
        ];
      }
      if (field !== undefined && !STEP_FIELDS.includes(field)) {
        return [{ path, message: `a step has no "${field}"; it has ${STEP_FIELDS.join(', ')} (column ${at})` }];
      }
      return [];
    }),
  );
}

function pathOf(input: GraphInput, id: string): string {
  return `/steps/${input.steps.findIndex((step) => step.id === id)}`;
}
