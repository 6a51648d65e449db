/** Square roots of exact numbers, for showing a standard deviation; no rule depends on them. */
import type { Decimal } from '../numbers/decimal.ts';
import { QUOTIENT_SCALE, roundTo } from '../numbers/decimal.ts';

/** Cut off after two digits more than a quotient keeps, then rounded. */
export function squareRoot(value: Decimal): Decimal {
  if (value.units <= 0n) return { units: 0n, scale: 0 };
  const scale = Math.max(QUOTIENT_SCALE + 2, value.scale);
  const widened = value.units * 10n ** BigInt(2 * scale - value.scale);
  return roundTo({ units: wholeRoot(widened), scale }, QUOTIENT_SCALE);
}

/** Newton's method from above: falls until it stands still. */
function wholeRoot(value: bigint): bigint {
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (guess + value / guess) / 2n;
    if (next >= guess) return guess;
    guess = next;
  }
}
