import type { RunAgentOptions } from '@guildhall/agent-sdk/testkit';
import { describe, expect, test } from 'vitest';
import { checkGraph, inputSchema } from '../src/graph/index.ts';
import { fateOf, holds, interpret, wanted } from './model.ts';
import { type GraphOptions, type RandomGraph, randomGraph } from './random-graphs.ts';
import { failed, type GraphRun, reportOf, runGraph, succeeded, timeless } from './run.ts';

/** Runs a random graph and counts how often each named call was really made. */
class Trial {
  readonly graph: RandomGraph;
  readonly made = new Map<string, number>();

  constructor(graph: RandomGraph) {
    this.graph = graph;
  }

  run(crashAfterStep?: number): Promise<GraphRun> {
    this.made.clear();
    const options: RunAgentOptions = {
      call: (_agent, input, { name = '' }) => {
        this.#count(name);
        if (name.startsWith('undo:')) return succeeded(null);
        const attempt = Number(name.split(':attempt-')[1] ?? 1);
        return attempt <= (this.graph.failures.get(String(input)) ?? 0) ? failed() : succeeded(input);
      },
      approve: (name) => {
        this.#count(name);
        return { decision: this.graph.decisions.get(name) ?? 'approve', comment: null };
      },
      ...(crashAfterStep === undefined ? {} : { crashAfterStep }),
    };
    return runGraph(this.graph.input, options);
  }

  #count(name: string): void {
    this.made.set(name, (this.made.get(name) ?? 0) + 1);
  }
}

/** Random graphs that the rules accept: a graph with a step that can never start is not one to run. */
function trials(
  count: number,
  firstSeed: number,
  options: (seed: number) => GraphOptions,
): readonly (readonly [number, Trial])[] {
  const found: (readonly [number, Trial])[] = [];
  for (let seed = firstSeed; found.length < count; seed += 1) {
    const graph = randomGraph(seed, options(seed));
    if (checkGraph(inputSchema.parse(graph.input)).length === 0) found.push([seed, new Trial(graph)]);
  }
  return found;
}

type Turn = { readonly moved: readonly string[] };

/** What must be true of every run, however its branches were timed. */
function expectLawful(trial: Trial, run: GraphRun): void {
  const report = reportOf(run);
  const known = new Map(report.steps.map((step) => [step.id, step]));
  const turns = run.steps.filter((step) => step.kind === 'schedule').map((step) => step.output as Turn);
  // A step moves once for each answer of the platform; its last move is its end.
  const moves = turns.flatMap((turn) => turn.moved);
  const ended = moves.filter((id, index) => moves.lastIndexOf(id) === index);
  // Each branch once, each join once, nothing asked for twice.
  expect(new Set(run.steps.map((step) => step.key)).size).toBe(run.steps.length);
  expect(run.steps.every((step) => step.key.endsWith('#1'))).toBe(true);
  for (const step of trial.graph.input.steps) {
    const result = known.get(step.id);
    const asked = run.steps.findIndex((one) => one.name === step.id);
    if (ended.includes(step.id)) {
      const fate = fateOf(step, trial.graph);
      expect(result).toMatchObject({ branch: fate.branch, attempts: fate.attempts });
      expect(result?.status === 'failed' ? 'failed' : 'succeeded').toBe(fate.status);
      // It began only after enough of what it needs had ended well, as a recorded turn knew.
      const turnsBefore = run.steps.slice(0, asked).filter((one) => one.kind === 'schedule');
      const endedBefore = new Set(turnsBefore.flatMap((one) => (one.output as Turn).moved));
      const holding = (step.needs ?? []).filter(
        (need) => endedBefore.has(need.split(':')[0] ?? '') && holds(need, known),
      ).length;
      expect(holding).toBeGreaterThanOrEqual(wanted(step));
    } else {
      expect(['skipped', 'not-reached']).toContain(result?.status);
      // A finished step is never forgotten: only a timer or a person may have been left waiting.
      if (step.kind !== 'wait' && step.kind !== 'approval') expect(asked).toBe(-1);
    }
  }
  expectUndone(trial, run, ended);
}

function expectUndone(trial: Trial, run: GraphRun, ended: readonly string[]): void {
  const report = reportOf(run);
  const byId = new Map(trial.graph.input.steps.map((step) => [step.id, step]));
  const policies = report.failedSteps.map((id) => byId.get(id)?.onFailure);
  const stopped = policies.some((policy) => policy !== 'skip');
  const undoes = policies.includes('compensate');
  const order = ended
    .toReversed()
    .filter((id) => byId.get(id)?.compensate !== undefined && !report.failedSteps.includes(id));
  const undone = run.steps.filter((step) => step.name.startsWith('undo:')).map((step) => step.name);
  expect(undone).toEqual(undoes ? order.map((id) => `undo:${id}:1`) : []);
  expect(
    report.steps
      .filter((step) => step.status === 'compensated')
      .map((step) => step.id)
      .toSorted(),
  ).toEqual(undoes ? order.toSorted() : []);
  if (!stopped) {
    const expected = interpret(trial.graph);
    for (const { id, status, branch, attempts } of report.steps)
      expect({ id, status, branch, attempts }).toEqual({ id, ...expected.get(id) });
  }
  const status = undoes ? 'compensated' : stopped ? 'failed' : policies.length > 0 ? 'partial' : 'succeeded';
  expect(report.status).toBe(status);
}

/** What the record held at the crash is answered from it; only what was under way may be done twice. */
function expectNothingRepeated(trial: Trial, run: GraphRun): void {
  for (const step of run.steps) {
    if (step.type === 'timer' || step.type === 'step') continue;
    expect(trial.made.get(step.name)).toBeLessThanOrEqual(step.replayed ? 1 : 2);
  }
}

const policiesOf =
  (policies: 'skip' | 'stop') =>
  (seed: number): GraphOptions => ({
    stepsMax: 14,
    policies,
    concurrencyMax: 1 + (seed % 4),
    hasWaits: seed % 3 === 0,
  });

describe('random graphs', () => {
  test.each(trials(40, 1, policiesOf('skip')))('seed %d: does what the model says', async (_seed, trial) => {
    const run = await trial.run();
    expectLawful(trial, run);
    for (const count of trial.made.values()) expect(count).toBe(1);
  });

  test.each(trials(40, 10_000, policiesOf('stop')))(
    'seed %d: stops and undoes as its policies say',
    async (_seed, trial) => {
      expectLawful(trial, await trial.run());
    },
  );
});

describe('random graphs, crashed after each step', () => {
  test.each(trials(8, 20_000, (seed) => ({ ...policiesOf('skip')(seed), stepsMax: 10 })))(
    'seed %d: the same result, and nothing repeated',
    async (_seed, trial) => {
      const whole = await trial.run();
      for (let crash = 1; crash <= whole.steps.length; crash += 1) {
        const resumed = await trial.run(crash);
        expectLawful(trial, resumed);
        expectNothingRepeated(trial, resumed);
        expect(timeless(reportOf(resumed))).toEqual(timeless(reportOf(whole)));
      }
    },
  );

  test.each(
    trials(8, 30_000, (seed) => ({ ...policiesOf('stop')(seed), stepsMax: 10, concurrencyMax: 1 + (seed % 2) * 3 })),
  )('seed %d: stops lawfully, and forgets nothing', async (_seed, trial) => {
    const whole = await trial.run();
    const isSequential =
      trial.graph.input.concurrencyMax === 1 &&
      trial.graph.input.steps.every((step) => step.kind !== 'wait' && step.kind !== 'approval');
    for (let crash = 1; crash <= whole.steps.length; crash += 1) {
      const resumed = await trial.run(crash);
      expectLawful(trial, resumed);
      expectNothingRepeated(trial, resumed);
      // With several at work, what had started when the failure came may differ; one at a time, nothing may.
      if (isSequential) expect(timeless(reportOf(resumed))).toEqual(timeless(reportOf(whole)));
    }
  });
});
