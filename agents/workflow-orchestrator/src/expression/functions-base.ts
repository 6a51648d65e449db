/** What every function of the expression language is made of. */
import type { Json } from '@guildhall/agent-sdk';
import { type Budget, expressionFailed } from './budget.ts';
import { kindOf } from './values.ts';

export type Callable = (args: readonly Json[], budget: Budget) => Json;

export interface FunctionEntry {
  readonly argsMin: number;
  readonly argsMax: number;
  /** What it takes, for the refusal of a wrong call: "a list and a separator". */
  readonly usage: string;
  readonly apply: Callable;
}

/** One entry of the function table. */
export function arity(argsMin: number, argsMax: number, usage: string, apply: Callable): FunctionEntry {
  return { argsMin, argsMax, usage, apply };
}

/** The string, or a failure that names the function. */
export function textOf(name: string, value: Json): string {
  if (typeof value !== 'string') throw expressionFailed(`${name}() needs a string, and got ${kindOf(value)}.`);
  return value;
}

/** The number, or a failure that names the function. */
export function numberOf(name: string, value: Json): number {
  if (typeof value !== 'number') throw expressionFailed(`${name}() needs a number, and got ${kindOf(value)}.`);
  return value;
}

/** The list, or a failure that names the function; its length is paid for. */
export function listOf(name: string, value: Json, budget: Budget): readonly Json[] {
  if (!Array.isArray(value)) throw expressionFailed(`${name}() needs a list, and got ${kindOf(value)}.`);
  budget.spend(value.length);
  return value;
}

/** The object, or a failure that names the function; its keys are paid for. */
export function objectOf(name: string, value: Json, budget: Budget): Readonly<Record<string, Json | undefined>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw expressionFailed(`${name}() needs an object, and got ${kindOf(value)}.`);
  }
  budget.spend(Object.keys(value).length);
  // Not null, not a list, not a scalar: of the JSON shapes only the object is left.
  return value as Readonly<Record<string, Json | undefined>>;
}
