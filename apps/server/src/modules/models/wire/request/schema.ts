/** Whether a schema is one: the shape of JSON Schema's keywords, not their sense. */

import { isObject } from '../json.ts';
import type { Json, JsonObject } from '../types.ts';
import { pointer, refuse } from './refuse.ts';

const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);
const SCHEMA = ['not', 'if', 'then', 'else', 'additionalProperties', 'contains', 'propertyNames', 'additionalItems'];
const SCHEMAS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const SCHEMAS_BY_NAME = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
const NUMBERS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];
const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];
const TEXTS = ['$ref', '$id', '$anchor', 'title', 'description', 'pattern', 'format'];

const isType = (value: Json | undefined): boolean => typeof value === 'string' && TYPES.has(value);

function assertType(type: Json | undefined, path: string): void {
  if (type === undefined || isType(type)) return;
  if (Array.isArray(type) && type.length > 0 && type.every(isType)) return;
  refuse(`${path}/type`, `is no type of JSON Schema; the types are ${[...TYPES].join(', ')}`);
}

function assertScalars(schema: JsonObject, path: string): void {
  const check = (names: readonly string[], fits: (value: Json) => boolean, message: string): void => {
    for (const name of names) {
      const value = schema[name];
      // Many clients write null for a keyword that they leave out.
      if (value !== undefined && value !== null && !fits(value)) refuse(path + pointer(name), message);
    }
  };
  check(TEXTS, (value) => typeof value === 'string', 'must be text');
  check(COUNTS, (value) => Number.isInteger(value) && Number(value) >= 0, 'must be a whole number, 0 or more');
  // OpenAPI 3.0 writes exclusive bounds as true or false.
  check(NUMBERS, (value) => typeof value === 'number' || typeof value === 'boolean', 'must be a number');
  check(['enum', 'examples'], Array.isArray, 'must be a list');
  check(
    ['required'],
    // Draft 3 writes true or false beside the property, and so do many tools to this day.
    (value) => typeof value === 'boolean' || (Array.isArray(value) && value.every((name) => typeof name === 'string')),
    'must be a list of names',
  );
}

/** @throws GuildhallError pointing at the keyword that JSON Schema does not allow. The body's depth is checked before. */
export function assertSchema(schema: unknown, path: string): void {
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) refuse(path, 'is no JSON Schema: it must be an object, true or false');
  assertType(schema.type ?? undefined, path);
  assertScalars(schema, path);
  for (const name of SCHEMA) if (schema[name] !== undefined) assertSchema(schema[name], path + pointer(name));
  for (const name of SCHEMAS) {
    const list = schema[name];
    if (list === undefined) continue;
    if (!Array.isArray(list)) refuse(path + pointer(name), 'must be a list of schemas');
    list.forEach((item, index) => {
      assertSchema(item, path + pointer(name) + pointer(index));
    });
  }
  for (const name of SCHEMAS_BY_NAME) {
    const table = schema[name];
    if (table === undefined) continue;
    if (!isObject(table)) refuse(path + pointer(name), 'must be an object of schemas');
    for (const key of Object.keys(table)) assertSchema(table[key], path + pointer(name) + pointer(key));
  }
  assertItems(schema.items, `${path}/items`);
}

/** One schema for all, or in older drafts one for each place. */
function assertItems(items: Json | undefined, path: string): void {
  if (!Array.isArray(items)) {
    if (items !== undefined) assertSchema(items, path);
    return;
  }
  items.forEach((item, index) => {
    assertSchema(item, path + pointer(index));
  });
}

/** The schema of a tool or of an answer: an object, since its arguments have names. */
export function assertObjectSchema(schema: unknown, path: string): void {
  if (!isObject(schema)) refuse(path, 'is no JSON Schema: it must be an object');
  assertSchema(schema, path);
}
