/** Functions over lists and objects. */
import type { Json } from '@guildhall/agent-sdk';
import { type Budget, expressionFailed } from './budget.ts';
import { arity, type Callable, type FunctionEntry, listOf, numberOf, objectOf, textOf } from './functions-base.ts';
import { isSame, kindOf, ownMember, toText } from './values.ts';

const length: Callable = ([value], budget) => {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value !== null && typeof value === 'object') return Object.keys(objectOf('length', value, budget)).length;
  throw expressionFailed(`length() needs a string, list or object, and got ${kindOf(value ?? null)}.`);
};

/** Lists are joined to one list, otherwise every value is turned to text. */
const concat: Callable = (args, budget) => {
  if (args.every((value) => Array.isArray(value))) return args.flatMap((value) => listOf('concat', value, budget));
  return args.map((value) => toText(value, budget)).join('');
};

const join: Callable = ([value, separator], budget) => {
  const list = listOf('join', value ?? null, budget);
  const between = separator === undefined ? ',' : textOf('join', separator);
  budget.spend(list.length * between.length);
  return list.map((item) => toText(item, budget)).join(between);
};

/** `pick(list, 'a.b')`: that part of every element; `pick(object, 'a', 'b')`: an object of those keys alone. */
const pick: Callable = ([value, ...names], budget) => {
  const keys = names.map((name) => textOf('pick', name));
  if (Array.isArray(value)) {
    if (keys.length !== 1) throw expressionFailed('pick() from a list takes one path.');
    return listOf('pick', value, budget).map((item) => atPath(item, keys[0] ?? '', budget));
  }
  const from = objectOf('pick', value ?? null, budget);
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(from, key)).map((key) => [key, from[key] ?? null]));
};

const where: Callable = ([value, path, wanted], budget) => {
  const key = textOf('where', path ?? null);
  return listOf('where', value ?? null, budget).filter((item) =>
    isSame(atPath(item, key, budget), wanted ?? null, budget),
  );
};

const unique: Callable = ([value], budget) => {
  const kept: Json[] = [];
  for (const item of listOf('unique', value ?? null, budget)) {
    if (!kept.some((other) => isSame(other, item, budget))) kept.push(item);
  }
  return kept;
};

const slice: Callable = ([value, from, to], budget) => {
  const start = numberOf('slice', from ?? null);
  const end = to === undefined ? undefined : numberOf('slice', to);
  if (typeof value === 'string') return value.slice(start, end);
  return listOf('slice', value ?? null, budget).slice(start, end);
};

const merge: Callable = (args, budget) =>
  Object.fromEntries(args.flatMap((value) => Object.entries(objectOf('merge', value, budget))));

const sum: Callable = ([value], budget) => {
  const total = numbers('sum', value ?? null, budget).reduce((left, right) => left + right, 0);
  if (!Number.isFinite(total)) throw expressionFailed('sum() gives a number that is too large.');
  return total;
};

/** `min(3, 4)` or `min(list)`; null of an empty list. */
function extreme(name: string, isBetter: (one: number, other: number) => boolean): FunctionEntry {
  return arity(1, 20, 'numbers or a list of numbers', (args, budget) => {
    const [first] = args;
    const all =
      args.length === 1 && Array.isArray(first) ? numbers(name, first, budget) : args.map((one) => numberOf(name, one));
    return all.reduce<number | null>((best, one) => (best === null || isBetter(one, best) ? one : best), null);
  });
}

export const COLLECTION_FUNCTIONS: readonly (readonly [string, FunctionEntry])[] = [
  ['length', arity(1, 1, 'a string, list or object', length)],
  ['concat', arity(1, 20, 'one to 20 lists, or values to be joined as text', concat)],
  ['join', arity(1, 2, 'a list and a separator', join)],
  ['pick', arity(2, 20, 'a list and a path, or an object and its keys', pick)],
  ['where', arity(3, 3, 'a list, a path and the value wanted there', where)],
  ['unique', arity(1, 1, 'a list', unique)],
  ['slice', arity(2, 3, 'a list or string, where to begin and where to stop', slice)],
  ['first', arity(1, 1, 'a list', ([value], budget) => listOf('first', value ?? null, budget).at(0) ?? null)],
  ['last', arity(1, 1, 'a list', ([value], budget) => listOf('last', value ?? null, budget).at(-1) ?? null)],
  ['keys', arity(1, 1, 'an object', ([value], budget) => Object.keys(objectOf('keys', value ?? null, budget)))],
  [
    'values',
    arity(1, 1, 'an object', ([value], budget) =>
      Object.values(objectOf('values', value ?? null, budget)).map((one) => one ?? null),
    ),
  ],
  ['merge', arity(1, 20, 'one to 20 objects', merge)],
  ['sum', arity(1, 1, 'a list of numbers', sum)],
  ['min', extreme('min', (one, other) => one < other)],
  ['max', extreme('max', (one, other) => one > other)],
];

function numbers(name: string, value: Json, budget: Budget): readonly number[] {
  return listOf(name, value, budget).map((item) => numberOf(name, item));
}

function atPath(value: Json, path: string, budget: Budget): Json {
  let current = value;
  for (const key of path.split('.')) {
    budget.spend(1);
    current = ownMember(current, key);
  }
  return current;
}
