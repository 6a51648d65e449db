/** Dollars as people write them, exact to the nano-dollar: digits are moved, never computed with floats. */
import { formatNanos, fromMoney, type Money, toMoney } from '@guildhall/contract';
import { usageError } from './exit-codes.ts';

const DOLLAR_NANOS = 1_000_000_000n;
const NANO_DIGITS = 9;
const AMOUNT = /^\$?(\d{1,10})(?:\.(\d{1,9}))?$/;

export const formatMoney = (money: Money): string => formatNanos(fromMoney(money));

/** `5`, `0.05` or `$1.25` as money. @throws a usage error for anything else, more than nine decimals included. */
export function parseDollars(text: string): Money {
  const match = AMOUNT.exec(text.trim());
  if (!match)
    throw usageError(`"${text}" is not an amount. Write dollars with at most nine decimals, for example 0.05 or 5.`);
  const [, whole = '0', fraction = ''] = match;
  return toMoney(BigInt(whole) * DOLLAR_NANOS + BigInt(fraction.padEnd(NANO_DIGITS, '0')));
}
