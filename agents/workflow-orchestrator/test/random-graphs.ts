/** Random graphs from a seed, with the fate of each step decided beforehand. */
import type { GraphInput } from './run.ts';
import { mark } from './run.ts';

export type Step = GraphInput['steps'][number];

/** How often each agent step fails before it would succeed, and what each person decides. */
export interface RandomGraph {
  readonly input: GraphInput;
  readonly failures: ReadonlyMap<string, number>;
  readonly decisions: ReadonlyMap<string, 'approve' | 'reject'>;
}

export interface GraphOptions {
  readonly stepsMax: number;
  /** `skip`: what happens is a function of the fates alone. `stop`: failures may stop the workflow. */
  readonly policies: 'skip' | 'stop';
  readonly concurrencyMax: number;
  readonly hasWaits: boolean;
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function randomGraph(seed: number, options: GraphOptions): RandomGraph {
  const random = randomOf(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const failures = new Map<string, number>();
  const decisions = new Map<string, 'approve' | 'reject'>();
  const steps: Step[] = [];
  const count = 1 + below(options.stepsMax);
  for (let index = 0; index < count; index += 1) {
    const id = `s${index}`;
    const needs = needsOf(steps, below);
    const join =
      ([(['all', 'all', 'any'] as const)[below(3)] ?? 'all', { atLeast: 1 + below(needs.length) }] as const)[
        needs.length > 1 ? below(2) : 0
      ] ?? 'all';
    const onFailure =
      options.policies === 'skip'
        ? ('skip' as const)
        : ((['skip', 'abort', 'compensate', 'compensate'] as const)[below(4)] ?? 'skip');
    const common = { id, needs, join, onFailure };
    const kind = below(options.hasWaits ? 8 : 6);
    if (kind <= 2) {
      const attemptsMax = 1 + below(3);
      failures.set(id, below(3) === 0 ? below(4) : 0);
      const compensate = below(2) === 0 ? [{ kind: 'agent' as const, agent: 'undo', input: id }] : undefined;
      const retry = { attemptsMax, firstDelayMs: below(2) * 5 };
      steps.push({
        ...common,
        kind: 'agent',
        agent: 'work',
        input: id,
        retry,
        ...(compensate === undefined ? {} : { compensate }),
      });
    } else if (kind <= 4) {
      // With a join of "all" every need has ended, so its output is known whatever the timing.
      const value = join === 'all' ? needs.map((need) => mark(`steps.${need.split(':')[0]}.output`)) : id;
      steps.push({ ...common, kind: 'transform', value });
    } else if (kind === 5) {
      const when = below(2) === 0 ? 'true' : 'data.no';
      steps.push({ ...common, kind: 'condition', branches: [{ name: 'yes', when }], otherwise: 'no' });
    } else if (kind === 6) {
      decisions.set(id, below(2) === 0 ? 'approve' : 'reject');
      steps.push({ ...common, kind: 'approval', request: id, whenRejected: below(2) === 0 ? 'branch' : 'fail' });
    } else steps.push({ ...common, kind: 'wait', durationMs: 1 + below(50) });
  }
  return { input: { steps, data: { no: false }, concurrencyMax: options.concurrencyMax }, failures, decisions };
}

function needsOf(steps: readonly Step[], below: (bound: number) => number): string[] {
  const needs = new Set<string>();
  for (let tries = below(4); tries > 0 && steps.length > 0; tries -= 1) {
    // Near steps rather than far ones, so that chains and diamonds are common.
    const step = steps[Math.max(0, steps.length - 1 - below(4))];
    if (step === undefined) continue;
    const branches =
      step.kind === 'condition'
        ? ['yes', 'no']
        : step.kind === 'approval' && step.whenRejected === 'branch'
          ? ['approve', 'reject']
          : [];
    const branch = branches.length > 0 && below(3) > 0 ? `:${branches[below(2)]}` : '';
    needs.add(`${step.id}${branch}`);
  }
  return [...needs];
}
