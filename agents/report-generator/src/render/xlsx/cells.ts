/** Typed cells: numbers as numbers, days as days, everything else as text. */
import type { CellObject } from 'write-excel-file/node';
import { type Decimal, decimalOf, plain, roundTo } from '../../numbers/decimal.ts';
import type { ShownFormat } from '../../report/model.ts';

/** What a double carries exactly; a longer number would silently change in Excel, hence it is written as text. */
const SAFE_DIGITS = 15;
/** A cell of a worksheet ends here. */
const TEXT_MAX = 32_000;

export const textCell = (value: string): CellObject => ({ value: value.slice(0, TEXT_MAX), type: String });
export const emptyCell: null = null;

export function numberCell(value: string, format: ShownFormat): CellObject {
  const number = decimalOf(value);
  const shown = digitsOf(number) > SAFE_DIGITS ? roundTo(number, Math.max(format.decimals, 0)) : number;
  if (digitsOf(shown) > SAFE_DIGITS) return { ...textCell(value), align: 'right' };
  return { value: Number(plain(shown)), type: Number, format: excelFormat(format) };
}

const digitsOf = (value: Decimal): number => value.units.toString().replace(/^-/, '').length;

export function excelFormat(format: ShownFormat): string {
  const decimals = format.decimals === 0 ? '' : `.${'0'.repeat(format.decimals)}`;
  if (format.style === 'percent') return `0${decimals}%`;
  const number = `#,##0${decimals}`;
  return format.style === 'currency' && format.currency !== undefined ? `[$${format.currency}] ${number}` : number;
}

export function dateCell(moment: string): CellObject {
  const hasTime = moment.includes('T');
  const value = new Date(hasTime ? `${moment.slice(0, 16)}:${moment.slice(17, 19) || '00'}Z` : `${moment}T00:00:00Z`);
  return { value, type: Date, format: hasTime ? 'yyyy-mm-dd hh:mm' : 'yyyy-mm-dd' };
}

export const headCell = (value: string, colour: string): CellObject => ({
  ...textCell(value),
  fontWeight: 'bold',
  textColor: '#ffffff',
  backgroundColor: colour,
  wrap: true,
});
export const strongCell = (value: string): CellObject => ({ ...textCell(value), fontWeight: 'bold' });
