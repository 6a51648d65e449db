/** What becomes of each member of a body in another wire. */
import { type FieldError, GuildhallError } from '../../../../platform/errors/index.ts';
import { wireErrors } from '../errors.ts';
import type { Json, JsonObject } from '../types.ts';

/**
 * `carried`: said in the other wire's words. `harmless`: left out, and the answer is none the worse for it.
 * A function looks at the value and says why it cannot be carried, or nothing where it can.
 * Members that a table does not name have no equivalent.
 */
export type Fate = 'carried' | 'harmless' | ((value: Json) => string | undefined);
export type Members = Readonly<Record<string, Fate>>;

const NO_EQUIVALENT = 'has no equivalent at the provider of this model';

/** Never carried. */
export const never: Fate = () => NO_EQUIVALENT;
/** Carried or harmless for these values alone. */
export const only =
  (...values: readonly Json[]): Fate =>
  (value) =>
    values.includes(value) ? undefined : `can only be ${values.map((each) => JSON.stringify(each)).join(' or ')} here`;

/** Every member that the other wire has no equivalent for. What is null was not said. */
export function refusalsOf(members: Members, body: JsonObject): readonly FieldError[] {
  const refusals: FieldError[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null) continue;
    const fate = Object.hasOwn(members, name) ? members[name] : never;
    const message = typeof fate === 'function' ? fate(value) : undefined;
    if (message !== undefined) refusals.push({ path: `/${name}`, message });
  }
  return refusals;
}

function refuseAll(errors: readonly FieldError[]): never {
  throw new GuildhallError(wireErrors.notTranslatable, {
    detail: `${errors.map(({ path, message }) => `${path} ${message}`).join('; ')}.`,
    errors,
  });
}

/** @throws GuildhallError `models.not-translatable` naming every member at once. */
export function assertTranslatable(members: Members, body: JsonObject): void {
  const refusals = refusalsOf(members, body);
  if (refusals.length > 0) refuseAll(refusals);
}

/** One thing deep inside a body that the other wire cannot say. */
export const refusePart = (path: string, message = NO_EQUIVALENT): never => refuseAll([{ path, message }]);
