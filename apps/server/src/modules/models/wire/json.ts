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

/** Undefined where the text is not one JSON object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Whether it parses is the question that is asked here.
    return undefined;
  }
}

/** The object without members that are undefined, so that it looks as it will on the wire. */
export function compact(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
