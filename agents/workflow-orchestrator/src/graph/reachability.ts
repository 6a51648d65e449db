/** Steps that no outcome can ever start. */
import { branchesOf, joinCount, parseNeed } from './needs.ts';
import { sequence } from './order.ts';
import type { StepInput } from './schema.ts';

/** The branches that must have been taken, by the step that takes them. */
type Choices = ReadonlyMap<string, string>;

/**
 * Why a step can never start, by its id: it needs two branches of one decision, or too few of its needs can hold. Only steps where that
 * begins are named, not those behind them. Steps must be free of cycles and of unknown needs.
 */
export function findUnreachable(steps: readonly StepInput[]): ReadonlyMap<string, string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const order = sequence(new Map(steps.map((step) => [step.id, step.needs.map((need) => parseNeed(need).step)])));
  const choices = new Map<string, Choices | undefined>();
  const reasons = new Map<string, string>();
  for (const id of order) {
    const step = byId.get(id);
    if (step === undefined) continue;
    const found = choicesBefore(step, choices, byId);
    choices.set(id, typeof found === 'string' ? undefined : found);
    if (typeof found === 'string' && found !== '') reasons.set(id, found);
  }
  return reasons;
}

/** What must have been chosen when the step starts, or why it cannot (empty when the reason lies with a step before it). */
function choicesBefore(
  step: StepInput,
  known: ReadonlyMap<string, Choices | undefined>,
  byId: ReadonlyMap<string, StepInput>,
): Choices | string {
  const possible = step.needs.map((text) => choicesOfNeed(text, known, byId)).filter((one) => one !== undefined);
  if (possible.length < joinCount(step)) return '';
  if (step.join !== 'all') return common(possible);
  const all = new Map<string, string>();
  for (const choices of possible) {
    for (const [decision, branch] of choices) {
      const other = all.get(decision);
      if (other !== undefined && other !== branch) {
        return `it can never start: it needs both "${decision}:${other}" and "${decision}:${branch}"; use join "any"`;
      }
      all.set(decision, branch);
    }
  }
  return all;
}

function choicesOfNeed(
  text: string,
  known: ReadonlyMap<string, Choices | undefined>,
  byId: ReadonlyMap<string, StepInput>,
): Choices | undefined {
  const need = parseNeed(text);
  const before = known.get(need.step);
  const source = byId.get(need.step);
  if (before === undefined || source === undefined) return undefined;
  if (need.branch === undefined || branchesOf(source).length === 0) return before;
  return new Map([...before, [need.step, need.branch]]);
}

/** The choices on which all agree: what holds however many of the needs it was that started the step. */
function common(possible: readonly Choices[]): Choices {
  const [first, ...others] = possible;
  if (first === undefined) return new Map();
  return new Map([...first].filter(([decision, branch]) => others.every((one) => one.get(decision) === branch)));
}
