/** Runs graphs in the test kit. */
import type { CallResult, Json } from '@guildhall/agent-sdk';
import { type AgentRun, type RunAgentOptions, runAgent } from '@guildhall/agent-sdk/testkit';
import type { z } from 'zod';
import { workflowOrchestrator as agent } from '../src/index.ts';

export type GraphInput = z.input<typeof agent.input>;
export type GraphReport = z.output<typeof agent.output>;
export type GraphRun = AgentRun<GraphReport>;

/** Runs the graph; with `echo` answering calls unless the test answers itself. */
export function runGraph(input: GraphInput, options: RunAgentOptions = {}): Promise<GraphRun> {
  return runAgent(agent, input, { call: (_agent, given) => succeeded(given), ...options });
}

/** The report of a run that must have one. */
export function reportOf(run: GraphRun): GraphReport {
  if (run.output === undefined) throw run.error;
  return run.output;
}

/** Step statuses by id. */
export function statuses(run: GraphRun): Readonly<Record<string, string>> {
  return Object.fromEntries(reportOf(run).steps.map((step) => [step.id, step.status]));
}

/** One step of the report. */
export function stepOf(run: GraphRun, id: string): GraphReport['steps'][number] {
  const found = reportOf(run).steps.find((step) => step.id === id);
  if (found === undefined) throw new Error(`no step ${id}`);
  return found;
}

export function succeeded(output: Json, costNanos = '1000'): CallResult {
  return { runId: 'run_child', status: 'succeeded', output, error: null, costNanos };
}

export function failed(code = 'agent.broken'): CallResult {
  return { runId: 'run_child', status: 'failed', output: null, error: { code, detail: 'It broke.' }, costNanos: '0' };
}

/** An expression in its marks. */
export const mark = (expression: string): string => `\${{ ${expression} }}`;

/** The report without its instants, which differ between two runs on a real clock. */
export function timeless(report: GraphReport): Json {
  const steps = report.steps.map(({ startedAt: _s, finishedAt: _f, durationMs: _d, ...rest }) => rest);
  const { startedAt: _s, finishedAt: _f, durationMs: _d, criticalPath: _c, ...rest } = report;
  return JSON.parse(JSON.stringify({ ...rest, steps }));
}
