/** The door of the graph: its shape, its rules, its plan. */
export type { Need } from './needs.ts';
export { sequence } from './order.ts';
export { maxNanosOf, type Plan, type PlannedCompensation, type PlannedStep, planGraph, plannedCalls } from './plan.ts';
export { checkGraph } from './rules.ts';
export {
  type AgentWork,
  effectOf,
  GRAPH_LIMITS,
  type GraphInput,
  type HttpWork,
  inputSchema,
  type RetryInput,
  type StepInput,
  type StepKind,
} from './schema.ts';
export type { Templates } from './templates.ts';
