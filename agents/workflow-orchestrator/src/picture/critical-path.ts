/** The chain of steps that decided how long a workflow took. */

export interface TimedStep {
  readonly id: string;
  /** Steps that ran and that it waited for. */
  readonly after: readonly string[];
  readonly durationMs: number;
}

export interface CriticalPath {
  readonly ids: string[];
  readonly ms: number;
}

/**
 * The chain of dependent steps with the greatest sum of durations: only making one of these faster makes the workflow faster. Among
 * equal sums the longer chain wins, then the one that comes first. Steps must come after all they waited for.
 */
export function criticalPath(steps: readonly TimedStep[]): CriticalPath {
  const best = new Map<string, CriticalPath>();
  for (const step of steps) {
    const before = longest(step.after.flatMap((id) => best.get(id) ?? []));
    best.set(step.id, { ids: [...before.ids, step.id], ms: before.ms + step.durationMs });
  }
  return longest([...best.values()]);
}

function longest(chains: readonly CriticalPath[]): CriticalPath {
  return chains.reduce<CriticalPath>(
    (found, chain) =>
      chain.ms > found.ms || (chain.ms === found.ms && chain.ids.length > found.ids.length) ? chain : found,
    { ids: [], ms: 0 },
  );
}
