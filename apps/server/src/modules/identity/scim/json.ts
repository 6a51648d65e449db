/** Bodies of directories: objects whose names are compared without their case (RFC 7643 §2.1), and whose values may be anything. */
import { GuildhallError } from '../../../platform/errors/index.ts';
import { scimErrors } from './errors.ts';

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** With every name in lower case, at every depth. The edge has bounded the depth; names stand in maps without a prototype. */
export function folded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(folded);
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, item] of Object.entries(value)) copy[name.toLowerCase()] = folded(item);
  return copy;
}

export const invalid = (detail: string): GuildhallError => new GuildhallError(scimErrors.invalidValue, { detail });

/** A text of that length at most; undefined for null, nothing and an empty one. @throws 400 `scim.invalid-value` */
export function textAt(object: Json, name: string, lengthMax: number): string | undefined {
  const value = object[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > lengthMax)
    throw invalid(`${name} is no text of at most ${lengthMax} characters.`);
  return value;
}

/** Some directories write their booleans as texts. @throws 400 `scim.invalid-value` */
export function booleanAt(object: Json, name: string): boolean | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (text === 'true' || text === 'false') return text === 'true';
  throw invalid(`${name} is neither true nor false.`);
}

/** The objects of a list; a single one is a list of one. @throws 400 `scim.invalid-value` */
export function objectsAt(object: Json, name: string, max: number): readonly Json[] {
  const value = object[name];
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length > max)
    throw new GuildhallError(scimErrors.tooMany, { detail: `${name} has more than ${max} values.` });
  if (!list.every(isObject)) throw invalid(`${name} is no list of objects.`);
  return list;
}
