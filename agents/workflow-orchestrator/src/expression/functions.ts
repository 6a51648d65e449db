/** The functions an expression may call: pure, each paying for what it touches. */
import type { Json } from '@guildhall/agent-sdk';
import { type Budget, expressionFailed } from './budget.ts';
import { arity, type Callable, type FunctionEntry, numberOf, textOf } from './functions-base.ts';
import { COLLECTION_FUNCTIONS } from './functions-collections.ts';
import { isSame, kindOf, toText } from './values.ts';

const coalesce: Callable = (args) => args.find((value) => value !== null) ?? null;

const choose: Callable = ([test, yes, no]) => {
  if (typeof test !== 'boolean')
    throw expressionFailed(`if() needs true or false first, and got ${kindOf(test ?? null)}.`);
  return (test ? yes : no) ?? null;
};

const toNumber: Callable = ([value]) => {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' && /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*$/.test(value))
    return finite(Number(value), 'number');
  throw expressionFailed(`number() cannot read ${kindOf(value ?? null)} as a number.`);
};

const contains: Callable = ([whole, part], budget) => {
  if (typeof whole === 'string') {
    const wanted = textOf('contains', part ?? null);
    budget.spend(whole.length);
    return whole.includes(wanted);
  }
  if (Array.isArray(whole)) return whole.some((item: Json) => isSame(item, part ?? null, budget));
  if (whole !== null && typeof whole === 'object') return Object.hasOwn(whole, textOf('contains', part ?? null));
  throw expressionFailed(`contains() needs a string, list or object first, and got ${kindOf(whole ?? null)}.`);
};

const round: Callable = ([value, digits]) => {
  const places = digits === undefined ? 0 : numberOf('round', digits);
  if (!Number.isInteger(places) || places < 0 || places > 12) throw expressionFailed('round() keeps 0 to 12 digits.');
  return roundHalfAwayFromZero(numberOf('round', value ?? null), places);
};

const split: Callable = ([value, separator], budget) => {
  const text = textOf('split', value ?? null);
  budget.spend(text.length);
  return text.split(textOf('split', separator ?? null));
};

const replace: Callable = ([value, search, replacement], budget) => {
  const text = textOf('replace', value ?? null);
  const wanted = textOf('replace', search ?? null);
  const inserted = textOf('replace', replacement ?? null);
  if (wanted === '') throw expressionFailed('replace() needs something to look for.');
  const parts = text.split(wanted);
  budget.spend(text.length + parts.length * inserted.length);
  return parts.join(inserted);
};

/** Every function by name. A `Map`, so that no name of an object's prototype is one of them. */
export const FUNCTIONS: ReadonlyMap<string, FunctionEntry> = new Map<string, FunctionEntry>([
  ['coalesce', arity(1, 20, 'one to 20 values', coalesce)],
  ['if', arity(3, 3, 'a test and two values', choose)],
  ['type', arity(1, 1, 'one value', ([value]) => kindOf(value ?? null))],
  ['number', arity(1, 1, 'one value', toNumber)],
  ['string', arity(1, 1, 'one value', ([value], budget) => toText(value ?? null, budget))],
  ['contains', arity(2, 2, 'a string, list or object, and what to look for', contains)],
  ['round', arity(1, 2, 'a number and the digits to keep', round)],
  ['floor', arity(1, 1, 'a number', ([value]) => Math.floor(numberOf('floor', value ?? null)))],
  ['ceil', arity(1, 1, 'a number', ([value]) => Math.ceil(numberOf('ceil', value ?? null)))],
  ['abs', arity(1, 1, 'a number', ([value]) => Math.abs(numberOf('abs', value ?? null)))],
  ['lower', textFunction('lower', (text) => text.toLowerCase())],
  ['upper', textFunction('upper', (text) => text.toUpperCase())],
  ['trim', textFunction('trim', (text) => text.trim())],
  ['startsWith', pairFunction('startsWith', (text, part) => text.startsWith(part))],
  ['endsWith', pairFunction('endsWith', (text, part) => text.endsWith(part))],
  ['split', arity(2, 2, 'a string and a separator', split)],
  ['replace', arity(3, 3, 'a string, what to look for and what to put there', replace)],
  ...COLLECTION_FUNCTIONS,
]);

/** Halves go away from zero, decided on the shortest decimal form of the number (so 1.005 to two digits is 1.01). */
function roundHalfAwayFromZero(value: number, digits: number): number {
  const [mantissa, exponent = '0'] = String(Math.abs(value)).split('e');
  const shifted = Math.round(Number(`${mantissa}e${Number(exponent) + digits}`));
  if (!Number.isFinite(shifted)) return value;
  const [whole, power = '0'] = String(shifted).split('e');
  const rounded = Number(`${whole}e${Number(power) - digits}`);
  return value < 0 && rounded !== 0 ? -rounded : rounded;
}

function finite(value: number, name: string): number {
  if (!Number.isFinite(value)) throw expressionFailed(`${name}() gives a number that is too large.`);
  return value;
}

function textFunction(name: string, apply: (text: string) => string): FunctionEntry {
  return arity(1, 1, 'a string', ([value], budget: Budget) => {
    const text = textOf(name, value ?? null);
    budget.spend(text.length);
    return apply(text);
  });
}

function pairFunction(name: string, apply: (text: string, part: string) => boolean): FunctionEntry {
  return arity(2, 2, 'two strings', ([value, part]) => apply(textOf(name, value ?? null), textOf(name, part ?? null)));
}
