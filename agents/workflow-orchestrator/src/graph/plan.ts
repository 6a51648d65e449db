/** A checked graph made ready to run: needs parsed, templates read. */
import type { Json, PlannedCall } from '@guildhall/agent-sdk';
import { readTemplate, type Template } from '../expression/index.ts';
import { joinCount, type Need, parseNeed } from './needs.ts';
import { asJson, type CompensationInput, type GraphInput, type StepInput } from './schema.ts';
import { readStep, type Templates, templatesOf } from './templates.ts';

export interface PlannedCompensation {
  readonly work: CompensationInput;
  readonly templates: Templates;
}

export interface PlannedStep {
  readonly step: StepInput;
  readonly needs: readonly Need[];
  /** How many needs must hold. */
  readonly joinCount: number;
  readonly templates: Templates;
  readonly compensations: readonly PlannedCompensation[];
}

export interface Plan {
  /** In the order the author wrote them. */
  readonly steps: readonly PlannedStep[];
  readonly data: Json;
  readonly output: Template | undefined;
  readonly concurrencyMax: number;
}

/** The plan of a graph in which `checkGraph` found no fault. Pure. */
export function planGraph(input: GraphInput): Plan {
  return {
    steps: input.steps.map((step) => ({
      step,
      needs: step.needs.map(parseNeed),
      joinCount: joinCount(step),
      templates: templatesOf(readStep(step, '')),
      compensations: (step.compensate ?? []).map((work) => ({ work, templates: templatesOf(readStep(work, '')) })),
    })),
    data: asJson(input.data ?? {}),
    output: input.output === undefined ? undefined : readTemplate(asJson(input.output), '/output').template,
    concurrencyMax: input.concurrencyMax,
  };
}

/**
 * Every agent run this graph may make, counted by agent and tier, compensations included. A repeated attempt is not counted: only a
 * failed run is repeated, and that one cost nothing.
 */
export function plannedCalls(input: GraphInput): readonly PlannedCall[] {
  const counts = new Map<string, PlannedCall>();
  for (const work of input.steps.flatMap((step) => [step, ...(step.compensate ?? [])])) {
    if (work.kind !== 'agent') continue;
    const key = `${work.agent} ${work.tier ?? ''}`;
    const timesMax = (counts.get(key)?.timesMax ?? 0) + 1;
    counts.set(key, { agent: work.agent, ...(work.tier === undefined ? {} : { tier: work.tier }), timesMax });
  }
  return [...counts.values()];
}
