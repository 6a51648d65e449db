/** The lines between steps, as written in `needs`. */
import type { StepInput } from './schema.ts';

/** One need: a step, and the branch of it that counts when one is named. */
export interface Need {
  readonly step: string;
  readonly branch: string | undefined;
}

/** Reads "step" or "step:branch". */
export function parseNeed(text: string): Need {
  const colon = text.indexOf(':');
  return colon < 0 ? { step: text, branch: undefined } : { step: text.slice(0, colon), branch: text.slice(colon + 1) };
}

/** The branches a step can take; empty for a step that has none. */
export function branchesOf(step: StepInput): readonly string[] {
  if (step.kind === 'condition') return [...step.branches.map((branch) => branch.name), step.otherwise];
  if (step.kind === 'approval' && step.whenRejected === 'branch') return ['approve', 'reject', 'expired'];
  return [];
}

/** How many of `needs` must hold before the step may start. */
export function joinCount(step: StepInput): number {
  if (step.join === 'all') return step.needs.length;
  if (step.join === 'any') return Math.min(1, step.needs.length);
  return step.join.atLeast;
}
