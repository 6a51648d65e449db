import { formatNanos } from '@guildhall/contract';
import { expect, test } from 'vitest';
import { parseDollars } from './money.ts';

test.each([
  [0n, '$0.00'],
  [1n, '$0.000000001'],
  [47_500_000n, '$0.0475'],
  [5_000_000_000n, '$5.00'],
  [4_857_500_000n, '$4.8575'],
  [-1_500_000_000n, '-$1.50'],
  [9_223_372_036_854_775_807n, '$9223372036.854775807'],
])('%s nanos read %s, every digit of them', (nanos, text) => {
  expect(formatNanos(nanos)).toBe(text);
});

test.each([
  ['5', '5000000000'],
  ['0.05', '50000000'],
  ['$1.25', '1250000000'],
  ['0.000000001', '1'],
  ['9999999999.999999999', '9999999999999999999'],
])('%s dollars are %s nanos', (text, nanos) => {
  expect(parseDollars(text)).toEqual({ nanos, currency: 'USD' });
});

test.each(['', '-1', '1,50', '1.0000000001', '1e3', '.5', 'NaN', '12345678901'])('"%s" is no amount', (text) => {
  expect(() => parseDollars(text)).toThrow(/is not an amount/);
});
