/** The behaviours that wait for requests. */
import type { Behaviour, ScriptedBehaviour, Wire } from './types.ts';

export interface Script {
  add(behaviours: readonly ScriptedBehaviour[]): void;
  /** The first behaviour that fits, used up by one; an empty one where none does. */
  take(request: { readonly wire: Wire; readonly model: string; readonly key: string }): Behaviour;
  clear(): void;
}

interface Waiting {
  readonly behaviour: ScriptedBehaviour;
  left: number;
}

const NOTHING: Behaviour = {};

export function createScript(): Script {
  const waiting: Waiting[] = [];
  return {
    add(behaviours) {
      for (const behaviour of behaviours) {
        const { times = 1 } = behaviour;
        waiting.push({ behaviour, left: times === 'always' ? Number.POSITIVE_INFINITY : times });
      }
    },
    take({ wire, model, key }) {
      const at = waiting.findIndex(
        ({ behaviour: { onWire, onModel, onKey } }) =>
          (onWire === undefined || onWire === wire) &&
          (onModel === undefined || onModel === model) &&
          (onKey === undefined || onKey === key),
      );
      const found = waiting[at];
      if (!found) return NOTHING;
      found.left -= 1;
      if (found.left <= 0) waiting.splice(at, 1);
      return found.behaviour;
    },
    clear() {
      waiting.length = 0;
    },
  };
}
