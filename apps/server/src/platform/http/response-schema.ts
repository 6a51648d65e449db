/** Schemas of answers in the form that the serializer compiles ahead of time. */
import { z } from 'zod';
import type { RouteDefinition } from './types.ts';

interface JsonSchema {
  readonly [key: string]: unknown;
}

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNull = (schema: unknown): boolean => isObject(schema) && schema.type === 'null';

/**
 * "X or null" as a nullable X. For any other union the serializer compiles a validator when it meets the first answer, which would hold up
 * every other request of the process for some 60 ms.
 */
function flatten(schema: unknown, definitions: JsonSchema): unknown {
  if (Array.isArray(schema)) return schema.map((item) => flatten(item, definitions));
  if (!isObject(schema)) return schema;
  const { anyOf } = schema;
  if (Array.isArray(anyOf) && anyOf.length === 2 && anyOf.some(isNull)) {
    const { anyOf: _, ...rest } = schema;
    const other = resolve(
      anyOf.find((option) => !isNull(option)),
      definitions,
    );
    if (isObject(other) && typeof other.type === 'string')
      return { ...(flatten(other, definitions) as JsonSchema), ...rest, nullable: true };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, flatten(value, definitions)]));
}

function resolve(schema: unknown, definitions: JsonSchema): unknown {
  if (!isObject(schema) || typeof schema.$ref !== 'string') return schema;
  return definitions[schema.$ref.replace('#/$defs/', '')];
}

function outputSchema(schema: z.ZodType): unknown {
  const json = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema;
  return flatten(json, isObject(json.$defs) ? json.$defs : {});
}

/** Answers by status, compiled once, so that members nobody declared cannot leave. */
export function responseSchemas(route: RouteDefinition): Record<number, unknown> {
  const entries = Object.entries(route.responses).filter((entry): entry is [string, z.ZodType] => entry[1] !== null);
  return Object.fromEntries(entries.map(([status, schema]) => [status, outputSchema(schema)]));
}
