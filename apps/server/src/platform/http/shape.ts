/** What holds for every value that comes in, whatever its schema: it can be walked without end of stack, and stored. */
import { type FieldError, GuildhallError } from '../errors/index.ts';
import { httpErrors } from './errors.ts';
import { pointer } from './parse.ts';

/** Deeper than any input of ours; far above it JSON cannot be written again without running out of stack. */
export const DEPTH_MAX = 100;
// A body full of faults is answered with the first ones.
const FAULTS_MAX = 100;
const TOO_DEEP = `is nested deeper than ${DEPTH_MAX} levels`;
const NOT_STORABLE = 'holds a character that cannot be stored: NUL, or half of a surrogate pair';

const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** An object or array of the value, with the way to it. Linked, because copying paths would cost more than the walk. */
interface Place {
  readonly value: object;
  readonly name: string | number;
  readonly parent: Place | undefined;
  readonly depth: number;
}

function pathOf(place: Place | undefined, name: string | number): string {
  const parts = place ? [name] : [];
  for (let at = place; at?.parent; at = at.parent) parts.push(at.name);
  return pointer(parts.toReversed().map((part) => String(part).toWellFormed()));
}

/** @throws 422 `http.invalid-request` for text that no database column can hold, and for nesting without measure. */
export function assertSound(value: unknown, where: 'body' | 'query' | 'path'): void {
  const errors: FieldError[] = [];
  const open: Place[] = [];
  const look = (item: unknown, name: string | number, parent: Place | undefined): void => {
    if (typeof item === 'string') {
      if (!isStorable(item)) errors.push({ path: pathOf(parent, name), message: NOT_STORABLE });
    } else if (typeof item === 'object' && item !== null) {
      const depth = (parent?.depth ?? 0) + 1;
      if (depth > DEPTH_MAX) errors.push({ path: pathOf(parent, name), message: TOO_DEEP });
      else open.push({ value: item, name, parent, depth });
    }
  };
  look(value, '', undefined);
  for (let place = open.pop(); place && errors.length < FAULTS_MAX; place = open.pop()) {
    if (Array.isArray(place.value)) {
      // Not by iterator: lists are what large bodies are made of.
      for (let index = 0; index < place.value.length; index += 1) look(place.value[index], index, place);
    } else
      for (const [name, item] of Object.entries(place.value)) {
        if (!isStorable(name)) errors.push({ path: pathOf(place, name), message: NOT_STORABLE });
        look(item, name, place);
      }
  }
  const [first] = errors;
  if (!first) return;
  throw new GuildhallError(httpErrors.invalidRequest, {
    detail: `The ${where} cannot be taken as it is: something in it ${first.message}.`,
    errors: errors.slice(0, FAULTS_MAX),
  });
}
