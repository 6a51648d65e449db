/** Dates as people and machines write them, read into one form. */
import { isDay } from '../numbers/calendar.ts';

export type DateOrder = 'ymd' | 'dmy' | 'mdy';

const YMD =
  /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?\s?(Z|[+-]\d{2}:?\d{2})?$/;
const OTHER = /^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/;
const MONTH = /^(\d{4})-(\d{2})$/;

/**
 * Reads `YYYY-MM-DD`, or `YYYY-MM-DDTHH:mm:ss` when a time is given; an instant with an offset is moved into `timeZone`, a time
 * without one is taken as local. The reader answers undefined for what is not a date of the given order.
 */
export function momentReader(order: DateOrder, timeZone: string): (text: string) => string | undefined {
  // `sv-SE` writes `YYYY-MM-DD HH:mm:ss`.
  const zone = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const toZone = (time: number): string =>
    timeZone === 'UTC' ? new Date(time).toISOString().slice(0, 19) : zone.format(time).replace(' ', 'T');
  return (text) => {
    const month = MONTH.exec(text);
    if (month !== null) return existing(`${month[1]}-${month[2]}-01`);
    return order === 'ymd' ? yearFirst(text, toZone) : yearLast(text, order);
  };
}

const two = (text: string): string => text.padStart(2, '0');
const existing = (day: string): string | undefined => (isDay(day) ? day : undefined);
const colon = (offset: string): string =>
  /^[+-]\d{4}$/.test(offset) ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset;

function yearFirst(text: string, toZone: (time: number) => string): string | undefined {
  const match = YMD.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', date = '', hour, minute = '00', second = '00', offset] = match;
  const day = existing(`${year}-${two(month)}-${two(date)}`);
  if (day === undefined || hour === undefined) return day;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const local = `${day}T${hour}:${minute}:${second}`;
  if (offset === undefined) return local;
  const time = Date.parse(`${local}${colon(offset)}`);
  return Number.isNaN(time) ? undefined : toZone(time);
}

function yearLast(text: string, order: 'dmy' | 'mdy'): string | undefined {
  const match = OTHER.exec(text);
  if (match === null) return undefined;
  const [, first = '', second = '', year = '', hour, minute = '00', seconds = '00'] = match;
  const [date, month] = order === 'dmy' ? [first, second] : [second, first];
  const day = existing(`${year}-${two(month)}-${two(date)}`);
  return day === undefined || hour === undefined ? day : `${day}T${hour}:${minute}:${seconds}`;
}
