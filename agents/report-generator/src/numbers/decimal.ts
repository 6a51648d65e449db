/** Exact decimal numbers: a whole number of 10⁻ˢᶜᵃˡᵉ. Sums and products never round; a quotient says where it does. */

export interface Decimal {
  readonly units: bigint;
  /** Digits after the point, never negative. */
  readonly scale: number;
}

/** Digits kept after the point by a division. Shown figures are rounded from here, half away from zero. */
export const QUOTIENT_SCALE = 12;

/** More digits than any ledger or instrument writes; a longer number is treated as text. */
const DIGITS_MAX = 40;
const PLAIN = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const LEADING_POINT = /^([+-]?)\.(\d+)$/;

export const ZERO: Decimal = { units: 0n, scale: 0 };
export const ONE: Decimal = { units: 1n, scale: 0 };

const power = (exponent: number): bigint => 10n ** BigInt(exponent);

/** Reads `-12.50`, `.5` or `1e3`; undefined for anything else and for numbers of more than 40 digits. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = PLAIN.exec(text) ?? PLAIN.exec(text.replace(LEADING_POINT, '$10.$2'));
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (whole.length + fraction.length + Math.abs(exponent) > DIGITS_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  const units = sign === '-' ? -digits : digits;
  const scale = fraction.length - exponent;
  return scale >= 0 ? trim({ units, scale }) : { units: units * power(-scale), scale: 0 };
}

/** Like {@link parseDecimal}, for text that is known to be a number. */
export function decimalOf(value: string | number | bigint): Decimal {
  const parsed = parseDecimal(String(value));
  if (parsed === undefined) throw new Error(`not a decimal: ${String(value)}`);
  return parsed;
}

/** Drops zeros at the end, so that equal numbers have one form. */
function trim(value: Decimal): Decimal {
  let { units, scale } = value;
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n;
    scale -= 1;
  }
  return { units, scale };
}

const unitsAt = (value: Decimal, scale: number): bigint => value.units * power(scale - value.scale);

export function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return trim({ units: unitsAt(a, scale) + unitsAt(b, scale), scale });
}

export const negative = (value: Decimal): Decimal => ({ units: -value.units, scale: value.scale });
export const minus = (a: Decimal, b: Decimal): Decimal => plus(a, negative(b));
export const magnitude = (value: Decimal): Decimal => (value.units < 0n ? negative(value) : value);
export const times = (a: Decimal, b: Decimal): Decimal => trim({ units: a.units * b.units, scale: a.scale + b.scale });

export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  const scale = Math.max(a.scale, b.scale);
  const left = unitsAt(a, scale);
  const right = unitsAt(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

export const isZero = (value: Decimal): boolean => value.units === 0n;

/** A number and whether it is the exact result or was rounded to {@link QUOTIENT_SCALE} digits. */
export interface Rounded {
  readonly amount: Decimal;
  readonly exact: boolean;
}

/** `a ÷ b`, half away from zero; undefined when `b` is zero. */
export function dividedBy(a: Decimal, b: Decimal, scale = QUOTIENT_SCALE): Rounded | undefined {
  if (isZero(b)) return undefined;
  const common = Math.max(a.scale, b.scale);
  const numerator = unitsAt(a, common) * power(scale);
  const denominator = unitsAt(b, common);
  return {
    amount: trim({ units: halfAway(numerator, denominator), scale }),
    exact: numerator % denominator === 0n,
  };
}

/** Rounds half away from zero, as people round money. */
export function roundTo(value: Decimal, scale: number): Decimal {
  if (value.scale <= scale) return value;
  return trim({ units: halfAway(value.units, power(value.scale - scale)), scale });
}

function halfAway(numerator: bigint, denominator: bigint): bigint {
  const isNegative = numerator < 0n !== denominator < 0n;
  const top = numerator < 0n ? -numerator : numerator;
  const bottom = denominator < 0n ? -denominator : denominator;
  const rounded = (2n * top + bottom) / (2n * bottom);
  return isNegative ? -rounded : rounded;
}

/** The number written out in full, without an exponent and without zeros at the end. */
export function plain(value: Decimal): string {
  const { units, scale } = trim(value);
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const sign = units < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** For drawing only: a position on a chart needs no more than a double. */
export const approximate = (value: Decimal): number => Number(plain(value));

export function sum(values: Iterable<Decimal>): Decimal {
  let units = 0n;
  let scale = 0;
  for (const value of values) {
    if (value.scale > scale) {
      units *= power(value.scale - scale);
      scale = value.scale;
    }
    units += value.scale === scale ? value.units : unitsAt(value, scale);
  }
  return trim({ units, scale });
}
