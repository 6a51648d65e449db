/** Arithmetic in templates, exact: `0.1 | plus: 0.2` is 0.3. */
import type { Liquid } from 'liquidjs';
import {
  compare,
  type Decimal,
  decimalOf,
  dividedBy,
  magnitude,
  minus,
  parseDecimal,
  plain,
  plus,
  roundTo,
  sum,
  times,
  ZERO,
} from '../numbers/decimal.ts';

const ROUND_MAX = 12;

const read = (value: unknown): Decimal =>
  typeof value === 'number' || typeof value === 'string' ? (parseDecimal(String(value)) ?? ZERO) : ZERO;

/** A number where a double carries all its digits, so that templates can compare it; else its digits as text. */
export function templateNumber(text: string): number | string {
  const number = Number(text);
  return String(number) === text ? number : text;
}
const write = (value: Decimal): number | string => templateNumber(plain(value));

function wholeTowards(value: Decimal, side: 1 | -1): Decimal {
  const nearest = roundTo(value, 0);
  const isBeyond = side === 1 ? compare(nearest, value) < 0 : compare(nearest, value) > 0;
  return isBeyond ? plus(nearest, decimalOf(side)) : nearest;
}

function quotient(a: unknown, b: unknown): number | string {
  const result = dividedBy(read(a), read(b));
  if (result === undefined) throw new Error('division by zero');
  return write(result.amount);
}

export function addDecimalFilters(engine: Liquid): void {
  const binary = (name: string, work: (a: Decimal, b: Decimal) => Decimal): void =>
    engine.registerFilter(name, (a: unknown, b: unknown) => write(work(read(a), read(b))));
  binary('plus', plus);
  binary('minus', minus);
  binary('times', times);
  binary('at_least', (a, b) => (compare(a, b) < 0 ? b : a));
  binary('at_most', (a, b) => (compare(a, b) > 0 ? b : a));
  binary('modulo', modulo);
  engine.registerFilter('divided_by', quotient);
  engine.registerFilter('abs', (a: unknown) => write(magnitude(read(a))));
  engine.registerFilter('ceil', (a: unknown) => write(wholeTowards(read(a), 1)));
  engine.registerFilter('floor', (a: unknown) => write(wholeTowards(read(a), -1)));
  engine.registerFilter('round', (a: unknown, digits: unknown = 0) =>
    write(roundTo(read(a), Math.min(ROUND_MAX, Math.max(0, Math.trunc(Number(digits)) || 0)))),
  );
  engine.registerFilter('sum', (list: unknown, key: unknown) =>
    write(sum(listOf(list).map((item) => read(typeof key === 'string' ? own(item, key) : item)))),
  );
}

function modulo(a: Decimal, b: Decimal): Decimal {
  const ratio = dividedBy(a, b, 0);
  if (ratio === undefined) throw new Error('division by zero');
  const rest = minus(a, times(ratio.amount, b));
  const isBelow = compare(rest, ZERO) * compare(b, ZERO) < 0;
  return isBelow ? plus(rest, b) : rest;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const own = (item: unknown, key: string): unknown =>
  typeof item === 'object' && item !== null && Object.hasOwn(item, key) ? Reflect.get(item, key) : undefined;
