/** Numbers and days as the reader writes them. */
import type { Bucket } from '../numbers/calendar.ts';
import { addDays } from '../numbers/calendar.ts';
import type { ShownFormat } from '../report/model.ts';

export interface Locale {
  readonly language: 'en' | 'ar';
  readonly digits: 'western' | 'eastern';
}

export interface NumberWriter {
  /** Rounded half away from zero to the digits of the format. */
  number(value: string, format: ShownFormat): string;
  /** With a sign, for changes. */
  signed(value: string, format: ShownFormat): string;
  percent(value: string, decimals?: number): string;
  signedPercent(value: string): string;
  /** 1.2M: for axes only. */
  compact(value: number, format: ShownFormat): string;
  day(day: string): string;
  moment(moment: string): string;
  bucket(start: string, bucket: Bucket): string;
  /** For axes: a week is named by its first day. */
  bucketShort(start: string, bucket: Bucket): string;
  span(from: string, to: string): string;
}

const tagOf = (locale: Locale): string =>
  locale.language === 'en' ? 'en-GB' : `ar-u-ca-gregory-nu-${locale.digits === 'eastern' ? 'arab' : 'latn'}`;

// Intl rounds a number given as text digit by digit, without a double in between; the typed library knows only literal shapes.
const digitsOf = (value: string): Intl.StringNumericLiteral => value as Intl.StringNumericLiteral;
const utc = (moment: string): Date =>
  new Date(moment.includes('T') ? `${moment.slice(0, 16)}:00Z` : `${moment}T00:00:00Z`);

export function numberWriter(locale: Locale): NumberWriter {
  const tag = tagOf(locale);
  const cache = new Map<string, Intl.NumberFormat>();
  const writerOf = (options: Intl.NumberFormatOptions): Intl.NumberFormat => {
    const key = JSON.stringify(options);
    const known = cache.get(key) ?? new Intl.NumberFormat(tag, options);
    cache.set(key, known);
    return known;
  };
  const write = (value: string, options: Intl.NumberFormatOptions): string =>
    tidy(writerOf(options).format(digitsOf(value)));
  const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tag, { ...options, timeZone: 'UTC' });
  const long = dates({ day: 'numeric', month: 'long', year: 'numeric' });
  const short = dates({ day: 'numeric', month: 'short', year: 'numeric' });
  const timed = dates({
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const percent: ShownFormat = { style: 'percent', decimals: 1 };
  return {
    number: (value, format) => write(value, optionsOf(format)),
    signed: (value, format) => write(value, { ...optionsOf(format), signDisplay: 'exceptZero' }),
    percent: (value, decimals = 1) => write(value, optionsOf({ ...percent, decimals })),
    signedPercent: (value) => write(value, { ...optionsOf(percent), signDisplay: 'exceptZero' }),
    compact: (value, format) => tidy(writerOf(compactOptions(value, format)).format(value)),
    day: (day) => long.format(utc(day)),
    moment: (moment) => (moment.includes('T') ? timed : short).format(utc(moment)),
    bucket: (start, bucket) => bucketText(start, bucket, dates, short),
    bucketShort: (start, bucket) => bucketText(start, bucket === 'week' ? 'day' : bucket, dates, short),
    span: (from, to) =>
      from === to ? long.format(utc(from)) : `${short.format(utc(from))} – ${short.format(utc(to))}`,
  };
}

function optionsOf(format: ShownFormat): Intl.NumberFormatOptions {
  const digits = {
    minimumFractionDigits: format.decimals,
    maximumFractionDigits: format.decimals,
    roundingMode: 'halfExpand',
  } as const;
  if (format.style === 'percent') return { style: 'percent', ...digits };
  if (format.style === 'currency' && format.currency !== undefined)
    return { style: 'currency', currency: format.currency, ...digits };
  return digits;
}

function compactOptions(value: number, format: ShownFormat): Intl.NumberFormatOptions {
  if (format.style === 'percent') return { style: 'percent', maximumFractionDigits: 1 };
  const isLarge = Math.abs(value) >= 10_000;
  return isLarge ? { notation: 'compact', maximumFractionDigits: 1 } : { maximumFractionDigits: 2 };
}

/** Direction marks inside numbers confuse text search and measure as boxes in some fonts; the layout sets direction itself. A minus is a minus, not a hyphen. */
const tidy = (text: string): string =>
  text
    .replace(/[\u061c\u200e\u200f]/g, '')
    .replaceAll('\u00a0', ' ')
    .replace('-', '−')
    .trim();

type Dates = (options: Intl.DateTimeFormatOptions) => Intl.DateTimeFormat;

function bucketText(start: string, bucket: Bucket, dates: Dates, short: Intl.DateTimeFormat): string {
  const at = utc(start);
  switch (bucket) {
    case 'hour':
      return dates({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);
    case 'day':
      return dates({ day: 'numeric', month: 'short' }).format(at);
    case 'week':
      return `${dates({ day: 'numeric', month: 'short' }).format(at)} – ${dates({ day: 'numeric', month: 'short' }).format(utc(addDays(start, 6)))}`;
    case 'month':
      return dates({ month: 'short', year: 'numeric' }).format(at);
    case 'quarter':
      return `Q${Math.floor(at.getUTCMonth() / 3) + 1} ${dates({ year: 'numeric' }).format(at)}`;
    case 'year':
      return dates({ year: 'numeric' }).format(at);
    default:
      return short.format(at) + (bucket satisfies never);
  }
}
