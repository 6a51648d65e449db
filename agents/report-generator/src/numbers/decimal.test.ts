import { describe, expect, test } from 'vitest';
import { compare, decimalOf, dividedBy, minus, parseDecimal, plain, plus, roundTo, sum, times } from './decimal.ts';

const of = decimalOf;

describe('exact decimals', () => {
  test.each([
    ['0.1', '0.2', '0.3'],
    ['1e3', '.5', '1000.5'],
    ['-0.05', '0.05', '0'],
    ['99999999999999999999.99', '0.01', '100000000000000000000'],
  ])('%s + %s is %s, not nearly', (a, b, expected) => expect(plain(plus(of(a), of(b)))).toBe(expected));

  test('a thousand times ten cents are one hundred', () => {
    expect(plain(sum(Array.from({ length: 1_000 }, () => of('0.1'))))).toBe('100');
  });

  test.each([
    ['2.5', 0, '3'],
    ['-2.5', 0, '-3'],
    ['1.005', 2, '1.01'],
    ['-1.004', 2, '-1'],
  ])('%s rounded to %i digits is %s: half away from zero', (value, digits, expected) =>
    expect(plain(roundTo(of(value), digits))).toBe(expected),
  );

  test('a quotient says whether it was cut', () => {
    expect(dividedBy(of(1), of(8))).toEqual({ amount: of('0.125'), exact: true });
    expect(dividedBy(of(-2), of(3))).toEqual({ amount: of('-0.666666666667'), exact: false });
    expect(dividedBy(of(1), of(0))).toBeUndefined();
  });

  test('equal numbers have one form', () => {
    expect(plain(minus(of('1.10'), of('0.10')))).toBe('1');
    expect(compare(of('1.10'), of('1.1'))).toBe(0);
    expect(plain(times(of('-1.5'), of('0.20')))).toBe('-0.3');
  });

  test.each(['', 'abc', '1.2.3', '1e99', '0x10', 'NaN', '1'.repeat(41)])('"%s" is no number', (text) =>
    expect(parseDecimal(text)).toBeUndefined(),
  );
});
