/** How the values of the language behave: their kinds, members, equality and text. */
import type { Json } from '@guildhall/agent-sdk';
import { assertBounded, type Budget, expressionFailed, VALUE_DEPTH_MAX } from './budget.ts';

export type ValueKind = 'null' | 'boolean' | 'number' | 'string' | 'list' | 'object';

/** The kind of a value in the words of the language. */
export function kindOf(value: Json): ValueKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'boolean':
      return 'boolean';
    case 'number':
      return 'number';
    case 'string':
      return 'string';
    default:
      return 'object';
  }
}

/**
 * The member of that name, or null where there is none: a missing part of an output reads as null, so `coalesce` can guard it. Only
 * own members count; nothing is ever read from a prototype.
 */
export function ownMember(value: Json, key: string): Json {
  if (value === null || typeof value !== 'object') return null;
  if (Array.isArray(value)) return /^\d{1,9}$/.test(key) ? (value[Number(key)] ?? null) : null;
  if (!Object.hasOwn(value, key)) return null;
  // An object's own key of that name was just seen; lists were handled above.
  return (value as Readonly<Record<string, Json | undefined>>)[key] ?? null;
}

/** Equality by value; objects are equal when their keys and values are. */
export function isSame(left: Json, right: Json, budget: Budget, depth = 0): boolean {
  budget.spend(1);
  if (left === right) return true;
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false;
  if (depth > VALUE_DEPTH_MAX)
    throw expressionFailed(`Values nested deeper than ${VALUE_DEPTH_MAX} cannot be compared.`);
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  budget.spend(keys.length);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every(
    (key) => Object.hasOwn(right, key) && isSame(ownMember(left, key), ownMember(right, key), budget, depth + 1),
  );
}

/** A string stays itself, null is empty, everything else is its JSON. */
export function toText(value: Json, budget: Budget): string {
  if (value === null) return '';
  if (typeof value === 'object') assertBounded(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  budget.spend(Math.ceil(text.length / 8) + 1);
  return text;
}
