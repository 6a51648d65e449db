/** The part of JSON Schema that describes a record of a table, and nothing that would be accepted without being checked. */
import type { FieldError } from '@guildhall/agent-sdk';

export interface ColumnRule {
  readonly name: string;
  readonly types: readonly SchemaType[];
  readonly nullable: boolean;
  readonly required: boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly options?: readonly (string | number | boolean | null)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface RecordSchema {
  readonly columns: readonly ColumnRule[];
  readonly additional: boolean;
}

export type SchemaType = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';

const TYPES = new Set(['string', 'integer', 'number', 'boolean', 'object', 'array', 'null']);
export const SCHEMA_FORMATS = ['date', 'date-time', 'time', 'email', 'uri', 'uuid', 'ipv4', 'hostname'] as const;
const NOTES = ['title', 'description', 'default', 'examples', '$schema', '$id', '$comment', 'deprecated'];
const TOP = new Set(['type', 'properties', 'required', 'additionalProperties', ...NOTES]);
const NUMBERS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'] as const;
const LENGTHS = ['minLength', 'maxLength'] as const;
const KNOWN = new Set<string>(['type', 'format', 'pattern', 'enum', 'const', ...NUMBERS, ...LENGTHS, ...NOTES]);
const PATTERN_CHARS_MAX = 500;

type Faults = FieldError[];
type Fields = Readonly<Record<string, unknown>>;

/** Reads a schema; every fault is listed, none is passed over. */
export function readSchema(
  schema: Fields,
  path = '/schema',
): { readonly schema: RecordSchema; readonly faults: readonly FieldError[] } {
  const faults: Faults = [];
  for (const key of Object.keys(schema))
    if (!TOP.has(key))
      faults.push({
        path: `${path}/${pointer(key)}`,
        message: `${key} is not supported here; a record schema has type, properties, required and additionalProperties`,
      });
  if (schema.type !== undefined && schema.type !== 'object')
    faults.push({ path: `${path}/type`, message: 'the schema of a record has the type "object"' });
  const additional = schema.additionalProperties ?? true;
  if (typeof additional !== 'boolean')
    faults.push({ path: `${path}/additionalProperties`, message: 'must be true or false' });
  const required = strings(schema.required ?? [], `${path}/required`, faults);
  const properties = schema.properties;
  if (!isFields(properties) || Object.keys(properties).length === 0) {
    faults.push({ path: `${path}/properties`, message: 'name at least one column' });
    return { schema: { columns: [], additional: true }, faults };
  }
  for (const name of required)
    if (!Object.hasOwn(properties, name))
      faults.push({
        path: `${path}/required`,
        message: `${JSON.stringify(name)} is required but not among the properties`,
      });
  const columns = Object.entries(properties).map(([name, value]) =>
    columnRule(
      { name, isRequired: required.includes(name), path: `${path}/properties/${pointer(name)}` },
      value,
      faults,
    ),
  );
  return { schema: { columns, additional: additional !== false }, faults };
}

function columnRule(
  place: { readonly name: string; readonly isRequired: boolean; readonly path: string },
  value: unknown,
  faults: Faults,
): ColumnRule {
  const { name, isRequired: needed, path } = place;
  if (!isFields(value)) {
    faults.push({ path, message: 'must be an object' });
    return { name, types: [], nullable: true, required: false };
  }
  for (const key of Object.keys(value)) {
    if (!KNOWN.has(key))
      faults.push({
        path: `${path}/${pointer(key)}`,
        message: `${key} is not supported for a column; use ${[...KNOWN].slice(0, 12).join(', ')}`,
      });
  }
  const named =
    value.type === undefined
      ? []
      : strings(Array.isArray(value.type) ? value.type : [value.type], `${path}/type`, faults);
  for (const type of named)
    if (!TYPES.has(type))
      faults.push({
        path: `${path}/type`,
        message: `${JSON.stringify(type)} is no type; there are ${[...TYPES].join(', ')}`,
      });
  const options = value.const !== undefined ? [value.const] : value.enum;
  const types = named.filter((type): type is SchemaType => type !== 'null' && TYPES.has(type));
  if (types.length > 1 && !(types.length === 2 && types.includes('integer') && types.includes('number'))) {
    faults.push({ path: `${path}/type`, message: 'a column has one type, besides "null"' });
  }
  return {
    name,
    types: types.length === 2 ? ['number'] : types,
    nullable: named.includes('null') || (!needed && value.const === undefined),
    required: needed,
    ...formatOf(value.format, path, faults),
    ...patternOf(value.pattern, path, faults),
    ...optionsOf(options, path, faults),
    ...boundsOf(value, path, faults),
  };
}

function formatOf(format: unknown, path: string, faults: Faults): { format?: string } {
  if (format === undefined) return {};
  if (typeof format === 'string' && (SCHEMA_FORMATS as readonly string[]).includes(format)) return { format };
  faults.push({
    path: `${path}/format`,
    message: `${JSON.stringify(format)} is not checked here; there are ${SCHEMA_FORMATS.join(', ')}`,
  });
  return {};
}

/** Patterns run in RE2, in time linear in the text; what RE2 lacks is refused by name. The syntax is only compiled here, never run. */
function patternOf(pattern: unknown, path: string, faults: Faults): { pattern?: string } {
  if (pattern === undefined) return {};
  const refuse = (message: string): { pattern?: string } => {
    faults.push({ path: `${path}/pattern`, message });
    return {};
  };
  if (typeof pattern !== 'string') return refuse('must be a text');
  if (pattern.length > PATTERN_CHARS_MAX) return refuse(`a pattern may have ${PATTERN_CHARS_MAX} characters`);
  if (/\(\?<?[=!]/.test(pattern)) return refuse('lookahead and lookbehind are not supported');
  if (/(?<!\\)(?:\\\\)*\\[1-9k]/.test(pattern)) return refuse('references back to a group are not supported');
  try {
    new RegExp(pattern);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'not a pattern');
  }
  return { pattern };
}

function optionsOf(
  options: unknown,
  path: string,
  faults: Faults,
): { options?: readonly (string | number | boolean | null)[] } {
  if (options === undefined) return {};
  const plain = (value: unknown): value is string | number | boolean | null =>
    value === null || ['string', 'number', 'boolean'].includes(typeof value);
  if (Array.isArray(options) && options.length > 0 && options.length <= 1000 && options.every(plain))
    return { options };
  faults.push({ path: `${path}/enum`, message: 'must be a list of 1 to 1000 plain values' });
  return {};
}

function boundsOf(value: Fields, path: string, faults: Faults): Partial<ColumnRule> {
  const bounds: Record<string, number> = {};
  for (const key of [...NUMBERS, ...LENGTHS]) {
    const bound = value[key];
    if (bound === undefined) continue;
    const whole = key.endsWith('Length');
    if (
      typeof bound !== 'number' ||
      !Number.isFinite(bound) ||
      (whole && (!Number.isInteger(bound) || bound < 0)) ||
      (key === 'multipleOf' && bound <= 0)
    ) {
      faults.push({
        path: `${path}/${key}`,
        message: whole
          ? 'must be a whole number from 0'
          : key === 'multipleOf'
            ? 'must be a number above 0'
            : 'must be a number',
      });
    } else bounds[key] = bound;
  }
  return bounds;
}

function strings(value: unknown, path: string, faults: Faults): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  faults.push({ path, message: 'must be a text or a list of texts' });
  return [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name as a part of a JSON Pointer. */
export function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
