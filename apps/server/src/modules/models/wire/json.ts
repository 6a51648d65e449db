/** Looking into JSON that others wrote: nothing is believed, nothing throws. */
import type { Json, JsonObject } from './types.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object; an empty one where it is none. */
export const objectAt = (value: unknown): JsonObject => (isObject(value) ? value : {});
/** The value as a list; an empty one where it is none. */
export const listAt = (value: unknown): readonly Json[] => (Array.isArray(value) ? value : []);
/** The value where it is text. */
export const textAt = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** The value where it is a whole number, 0 or more. */
export const countAt = (value: unknown): number | undefined => (isCount(value) ? value : undefined);

/** Nothing that a model reads or writes nests deeper; later walks may recurse as deep as this. */
export const DEPTH_MAX = 100;

export function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === DEPTH_MAX) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && !isShallow(member, depth + 1)) return false;
  }
  return true;
}

/** Nearly every event of a stream is shorter, and each saves the walk over its members. */
const SHORT_CHARS = 2048;

/** Undefined where the text is not one JSON object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Short text cannot nest so deeply that a walk would run out of stack.
    return isObject(value) && (text.length < SHORT_CHARS || isShallow(value)) ? value : undefined;
  } catch {
    // Whether it parses is the question that is asked here.
    return undefined;
  }
}

/** The object without members that are undefined, so that it looks as it will on the wire. */
export function compact(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Any value in a message to a reader; `String` would call what a hostile object names `toString`. */
export const wordOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');

/** The table's own entry; names like `constructor` are none. */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined =>
  typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
