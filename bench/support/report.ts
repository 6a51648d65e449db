/** Prints results beside their targets and decides how the program ends. */
import { parseArgs } from 'node:util';
import type { Outcome } from './load.ts';

export interface Options {
  /** Prints and never fails: for machines on which the targets do not hold. */
  readonly isInformative: boolean;
  /** Seconds instead of minutes, to see that everything works. Its figures mean little. */
  readonly isShort: boolean;
  /** Folder for a CPU profile of the platform. Profiled figures are slower. */
  readonly profile: string | undefined;
}

export function readOptions(): Options {
  const { values } = parseArgs({
    options: { informative: { type: 'boolean' }, short: { type: 'boolean' }, profile: { type: 'string' } },
  });
  return { isInformative: values.informative === true, isShort: values.short === true, profile: values.profile };
}

export interface Target {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** One table of loads. */
export function printOutcomes(title: string, rows: readonly (readonly [label: string, outcome: Outcome])[]): void {
  print('', title, '  per second      p50      p95      p99      max   succeeded');
  for (const [label, one] of rows) {
    const columns = [one.p50, one.p95, one.p99, one.max].map((ms) => `${figure(ms)} ms`.padStart(9)).join('');
    const share = one.sent === 0 ? 0 : (100 * one.ok) / one.sent;
    print(
      `  ${figure(one.perSecond).padStart(10)}${columns}   ${one.ok} of ${one.sent} (${figure(share)} %)  ${label}`,
    );
  }
}

export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The middle one by its rate: a round that met a checkpoint neither makes nor breaks the result. */
export function median(outcomes: readonly Outcome[]): Outcome {
  const middle = outcomes.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(outcomes.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return middle;
}

function holds({ value, atLeast, atMost }: Target): boolean {
  // A figure that was not measured (NaN) meets nothing.
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
}

/** Prints every target, met or missed, and sets the exit code: 1 when one is missed, unless the run is only informative. */
export function judge(targets: readonly Target[], options: Options): void {
  print('', 'targets');
  for (const target of targets) {
    const bound = target.atLeast === undefined ? `at most ${target.atMost}` : `at least ${target.atLeast}`;
    print(
      `  ${holds(target) ? 'met   ' : 'MISSED'}  ${target.what}: ${figure(target.value)} ${target.unit} (${bound} ${target.unit})`,
    );
  }
  if (!options.isInformative && !targets.every(holds)) process.exitCode = 1;
}
