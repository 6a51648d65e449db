/** Reads JSON whose shape is not known. */
import type { Json, JsonObject } from './types.ts';

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export function asObject(json: Json | undefined): JsonObject {
  return isObject(json) ? json : {};
}

export function asArray(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}

export function asString(json: Json | undefined): string | undefined {
  return typeof json === 'string' ? json : undefined;
}

export function asNumber(json: Json | undefined): number | undefined {
  return typeof json === 'number' ? json : undefined;
}

/** The text as JSON; undefined where it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    // JSON.parse yields JSON and nothing else.
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
