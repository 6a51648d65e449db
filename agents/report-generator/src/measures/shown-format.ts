/** Settles how many digits are shown when the input leaves it open. */
import type { NumberFormat } from '../input/common.ts';
import type { Decimal } from '../numbers/decimal.ts';
import type { ShownFormat } from '../report/model.ts';

const DECIMALS_MAX = 2;

/** Money and shares have their custom; other numbers show what they have, at most two digits after the point. */
export function shownFormat(wish: NumberFormat | undefined, values: readonly Decimal[]): ShownFormat {
  const style = wish?.style ?? 'number';
  const has = values.reduce((most, value) => Math.max(most, value.scale), 0);
  const customary = { currency: 2, percent: 1, number: Math.min(has, DECIMALS_MAX) }[style];
  return {
    style,
    decimals: wish?.decimals ?? customary,
    ...(wish?.currency === undefined ? {} : { currency: wish.currency }),
  };
}
