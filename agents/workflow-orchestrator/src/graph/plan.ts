/** A checked graph made ready to run: needs parsed, templates read. */
import type { Json, PlannedCall } from '@guildhall/agent-sdk';
import { literalOf, readTemplate, type Template } from '../expression/index.ts';
import { joinCount, type Need, parseNeed } from './needs.ts';
import { type AgentWork, asJson, type CompensationInput, type GraphInput, type StepInput } from './schema.ts';
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
 * Every agent run this graph may make, compensations included, each with its place, and with its input where that holds no expression.
 * A repeated attempt is not counted: only a failed run is repeated, and that one cost nothing.
 */
export function plannedCalls(input: GraphInput): readonly PlannedCall[] {
  return input.steps.flatMap((step, index) => [
    ...plannedCall(step, `/steps/${index}`),
    ...(step.compensate ?? []).flatMap((work, place) => plannedCall(work, `/steps/${index}/compensate/${place}`)),
  ]);
}

function plannedCall(work: StepInput | CompensationInput, at: string): readonly PlannedCall[] {
  if (work.kind !== 'agent') return [];
  const input = literalOf(asJson(work.input));
  const maxNanos = maxNanosOf(work);
  return [
    {
      agent: work.agent,
      timesMax: 1,
      at,
      ...(work.tier === undefined ? {} : { tier: work.tier }),
      ...(input === undefined ? {} : { input }),
      ...(maxNanos === undefined ? {} : { maxNanos }),
    },
  ];
}

/** What a call may cost at most, where its author said so. */
export function maxNanosOf(work: AgentWork): bigint | undefined {
  return work.maxCost === undefined ? undefined : BigInt(work.maxCost.nanos);
}
