/** Makes a value that fits a JSON Schema, for answers whose shape the request demands. */
import { asArray, asNumber, asObject, asString, isObject } from './json.ts';
import type { Json } from './types.ts';

/** Deeper than any schema of a test; beyond it recursive ones end. */
const DEPTH_MAX = 8;

function sampleObject(schema: Json, root: Json, depth: number): Json {
  const { properties, required } = asObject(schema);
  const named = asObject(properties);
  const wanted = required === undefined ? Object.keys(named) : asArray(required).map(String);
  return Object.fromEntries(wanted.map((name) => [name, sample(named[name] ?? {}, root, depth + 1)]));
}

function resolved(reference: string, root: Json): Json {
  return reference
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .reduce<Json>((at, part) => asObject(at)[part] ?? {}, root);
}

function sample(schema: Json, root: Json, depth: number): Json {
  if (!isObject(schema) || depth > DEPTH_MAX) return null;
  if (schema.const !== undefined) return schema.const;
  const [chosen] = asArray(schema.enum);
  if (chosen !== undefined) return chosen;
  const reference = asString(schema.$ref);
  if (reference !== undefined) return sample(resolved(reference, root), root, depth + 1);
  const [alternative] = [...asArray(schema.anyOf), ...asArray(schema.oneOf)];
  if (alternative !== undefined) return sample(alternative, root, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type ?? (schema.properties === undefined ? undefined : 'object')) {
    case 'object':
      return sampleObject(schema, root, depth);
    case 'array':
      return Array.from({ length: asNumber(schema.minItems) ?? 1 }, () => sample(schema.items ?? {}, root, depth + 1));
    case 'integer':
    case 'number':
      return asNumber(schema.minimum) ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'mock';
  }
}

/** The smallest obvious value: first alternatives, required fields (all, where none are named), `mock` for strings. */
export function sampleOf(schema: Json): Json {
  return sample(schema, schema, 0);
}
