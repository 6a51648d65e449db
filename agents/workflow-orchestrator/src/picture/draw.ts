/** The drawing of a graph: its steps with their places, and the lines between them. */
import { type Plan, sequence } from '../graph/index.ts';
import { type CriticalPath, criticalPath } from './critical-path.ts';
import { layOut } from './layout.ts';

/** What the drawing shows of a step. */
export interface DrawnStep<Status extends string> {
  readonly id: string;
  readonly status: Status;
  readonly durationMs: number | null;
}

export interface Picture<Status extends string> {
  readonly nodes: {
    readonly id: string;
    readonly label: string;
    readonly kind: Plan['steps'][number]['step']['kind'];
    readonly status: Status;
    readonly layer: number;
    readonly x: number;
    readonly y: number;
  }[];
  readonly edges: {
    readonly from: string;
    readonly to: string;
    readonly branch: string | null;
    readonly isTaken: boolean;
  }[];
}

/** Says whether a need held in this run. */
export type HeldNeed = (need: Plan['steps'][number]['needs'][number]) => boolean;

/** Nodes and edges, ready to be drawn. */
export function draw<Status extends string>(
  plan: Plan,
  steps: readonly DrawnStep<Status>[],
  held: HeldNeed,
): Picture<Status> {
  const places = layOut(inOrder(plan));
  const planned = new Map(plan.steps.map((one) => [one.step.id, one.step]));
  return {
    nodes: steps.flatMap(({ id, status }) => {
      const place = places.get(id);
      const step = planned.get(id);
      if (place === undefined || step === undefined) return [];
      return [{ id, label: step.title ?? id, kind: step.kind, status, ...place }];
    }),
    edges: plan.steps.flatMap(({ step, needs }) =>
      needs.map((need) => ({ from: need.step, to: step.id, branch: need.branch ?? null, isTaken: held(need) })),
    ),
  };
}

/** The critical path through the steps that ran (those with a duration). */
export function pathThrough(plan: Plan, steps: readonly DrawnStep<string>[], held: HeldNeed): CriticalPath {
  const durations = new Map(steps.map((step) => [step.id, step.durationMs]));
  const needs = new Map(plan.steps.map((one) => [one.step.id, one.needs]));
  const timed = inOrder(plan).flatMap(({ id }) => {
    const durationMs = durations.get(id) ?? null;
    if (durationMs === null) return [];
    return [{ id, durationMs, after: (needs.get(id) ?? []).filter(held).map((need) => need.step) }];
  });
  return criticalPath(timed);
}

/** Every step after all it needs. */
function inOrder(plan: Plan): readonly { readonly id: string; readonly needs: readonly string[] }[] {
  const needs = new Map(plan.steps.map((planned) => [planned.step.id, planned.needs.map((need) => need.step)]));
  return sequence(needs).map((id) => ({ id, needs: needs.get(id) ?? [] }));
}
