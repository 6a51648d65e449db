/** What a graph must do, told as plainly as possible: no promises, no turns, no record. */
import type { RandomGraph, Step } from './random-graphs.ts';

export interface Expected {
  readonly status: 'succeeded' | 'failed' | 'skipped';
  readonly branch: string | null;
  readonly attempts: number;
}

/** What becomes of a step that starts: it depends on its own fate alone. */
export function fateOf(step: Step, graph: RandomGraph): Expected {
  if (step.kind === 'agent') {
    const failures = graph.failures.get(step.id) ?? 0;
    const attemptsMax = step.retry?.attemptsMax ?? 1;
    return {
      status: failures < attemptsMax ? 'succeeded' : 'failed',
      branch: null,
      attempts: Math.min(failures + 1, attemptsMax),
    };
  }
  if (step.kind === 'condition')
    return { status: 'succeeded', branch: step.branches[0]?.when === 'true' ? 'yes' : 'no', attempts: 1 };
  if (step.kind === 'approval') {
    const decision = graph.decisions.get(step.id) ?? 'approve';
    if (decision === 'approve' || step.whenRejected === 'branch')
      return { status: 'succeeded', branch: decision, attempts: 1 };
    return { status: 'failed', branch: null, attempts: 1 };
  }
  return { status: 'succeeded', branch: null, attempts: 1 };
}

/** What becomes of every step when nothing stops the workflow: it starts exactly when enough of what it needs holds. */
export function interpret(graph: RandomGraph): ReadonlyMap<string, Expected> {
  const known = new Map<string, Expected>();
  for (const step of graph.input.steps) {
    const holding = (step.needs ?? []).filter((need) => holds(need, known)).length;
    known.set(
      step.id,
      holding >= wanted(step) ? fateOf(step, graph) : { status: 'skipped', branch: null, attempts: 0 },
    );
  }
  return known;
}

/** Whether a need ("step" or "step:branch") holds, given what became of the steps. */
export function holds(
  need: string,
  known: ReadonlyMap<string, { readonly status: string; readonly branch: string | null }>,
): boolean {
  const [id = '', branch] = need.split(':');
  const source = known.get(id);
  if (source?.status !== 'succeeded' && source?.status !== 'compensated') return false;
  return branch === undefined || branch === source.branch;
}

/** How many needs must hold. */
export function wanted(step: Step): number {
  const { join = 'all', needs = [] } = step;
  if (join === 'all') return needs.length;
  return join === 'any' ? Math.min(1, needs.length) : join.atLeast;
}
