/** The agent: runs a graph of steps as one durable run. */
import { defineAgent } from '@guildhall/agent-sdk';
import { EXAMPLES } from './examples.ts';
import { runGraph } from './execute/run-graph.ts';
import { checkGraph, GRAPH_LIMITS, inputSchema, planGraph, plannedCalls } from './graph/index.ts';
import { report } from './report/report.ts';
import { outputSchema } from './report/schema.ts';

const DESCRIPTION = `
Runs a graph of steps as one durable run: other agents, HTTP requests, conditions, waits, approvals and transforms. Steps that need nothing
of each other run side by side; a step starts when its join (all, any, or at least n of what it needs) holds.

Inputs are mapped from earlier outputs with small, safe expressions in \`\${{ … }}\`. A failed attempt is tried again as \`retry\` says; then
\`onFailure\` decides: \`skip\` the step and what needs it, \`abort\`, or \`compensate\`, which undoes finished steps in reverse order.

After a crash the run goes on where it was: no finished step is repeated. The result tells for every step its state, attempts, times, cost
and output, the critical path, and nodes and edges for a drawing. The graph is checked as a whole before anything is held or started.
`.trim();

/** The workflow-orchestrator as the platform loads it. */
export const workflowOrchestrator = defineAgent({
  id: 'workflow-orchestrator',
  version: '1.0.0',
  title: 'Workflow orchestrator',
  summary: 'Runs a graph of agents, requests, conditions, waits and approvals as one durable run.',
  description: DESCRIPTION,
  category: 'automation',
  needsModel: false,
  input: inputSchema,
  output: outputSchema,
  examples: EXAMPLES,
  // Working time alone: waits, approvals and called runs do not count.
  limits: { timeoutMs: 3_600_000, stepsMax: GRAPH_LIMITS.recordsMax + 1 },
  validate: checkGraph,
  plannedCalls,
  async run(ctx, input) {
    const plan = planGraph(input);
    return report(plan, await runGraph(ctx, plan));
  },
});
