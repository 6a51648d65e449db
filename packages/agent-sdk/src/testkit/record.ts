/** The in-memory record of a run: what the platform keeps in its database. */
import { NotDeterministicError, type TestArtifact, type TestStep, type TestStepKind } from './types.ts';

export type Outcome = { readonly ok: true; readonly json: string } | { readonly ok: false; readonly error: unknown };

export interface Finished {
  readonly outcome: Outcome;
  readonly attempts: number;
  readonly artifacts: readonly TestArtifact[];
}

/** What a run asked for: enough to tell whether a second run asks for the same. */
export interface Asked {
  readonly key: string;
  readonly name: string;
  readonly type: TestStepKind;
  /** What besides the name must be equal in a second run, for example the input of a call. */
  readonly fingerprint: string;
  readonly kind: string | undefined;
  readonly effect: TestStep['effect'];
  /** Keys that had finished when this one was asked for. */
  readonly after: readonly string[];
}

/** One passage through `run`. A second passage starts with the finished steps of the first. */
export interface Passage {
  readonly asked: Asked[];
  readonly finished: Map<string, Finished>;
  readonly replayed: Set<string>;
  readonly occurrences: Map<string, number>;
}

export function newPassage(): Passage {
  return { asked: [], finished: new Map(), replayed: new Set(), occurrences: new Map() };
}

/** The identity of the next step of that name. */
export function nextKey(passage: Passage, name: string): string {
  const occurrence = (passage.occurrences.get(name) ?? 0) + 1;
  passage.occurrences.set(name, occurrence);
  return `${name}#${occurrence}`;
}

/**
 * Holds a second passage against the first: every step asked for before the crash must be asked for again, with the same
 * fingerprint, and after the same finished steps. Steps that ran side by side may change places.
 */
export function compareToRecord(first: Passage, second: Passage): void {
  const places = new Map(second.asked.map((step, place) => [step.key, place]));
  const lost = first.asked.filter((step) => !places.has(step.key));
  if (lost.length > 0) {
    const keys = (steps: readonly Asked[]): string => steps.map((step) => step.key).join(', ');
    throw new NotDeterministicError(
      `after the crash the run did not ask for ${keys(lost)} again; before: ${keys(first.asked)}; after: ${keys(second.asked)}`,
    );
  }
  for (const step of first.asked) {
    const place = places.get(step.key) ?? 0;
    const early = step.after.find((key) => (places.get(key) ?? 0) > place);
    if (early !== undefined) throw new NotDeterministicError(`after the crash ${step.key} came before ${early}`);
    const again = second.asked[place];
    if (again?.type !== step.type || again.fingerprint !== step.fingerprint) {
      throw new NotDeterministicError(
        `after the crash ${step.key} was asked for with ${again?.fingerprint}, before with ${step.fingerprint}`,
      );
    }
  }
}
