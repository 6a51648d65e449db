/** Counting in this process alone, for the time in which the shared store does not answer. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/index.ts';
import type { SubjectRule } from './subject.ts';
import type { RateVerdict } from './types.ts';

interface Window {
  used: number;
  readonly endsAtMs: number;
}

export interface LocalWindows {
  take(name: string, rule: SubjectRule, weight: number): RateVerdict;
}

/** Holds `max` subjects; one that is pushed out starts anew. */
export function createLocalWindows(clock: Clock, max: number): LocalWindows {
  const windows = new LRUCache<string, Window>({ max });
  return {
    take(name, rule, wanted) {
      const nowMs = clock.monotonicMs();
      const found = windows.get(name);
      const window = found && nowMs < found.endsAtMs ? found : { used: 0, endsAtMs: nowMs + rule.windowSeconds * 1000 };
      if (window !== found) windows.set(name, window);
      const weight = Math.min(wanted, rule.limit);
      const allowed = window.used + weight <= rule.limit;
      if (allowed) window.used += weight;
      return {
        allowed,
        ...rule,
        remaining: Math.max(0, rule.limit - window.used),
        resetSeconds: Math.max(1, Math.ceil((window.endsAtMs - nowMs) / 1000)),
        correct: (weighed) => {
          if (allowed) window.used += weighed - weight;
        },
      };
    },
  };
}
