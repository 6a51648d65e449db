/** Days without a clock: `YYYY-MM-DD` in, `YYYY-MM-DD` out. */

export const BUCKETS = ['hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
export type Bucket = (typeof BUCKETS)[number];

const DAY_MS = 86_400_000;
const epochDay = (day: string): number => Date.parse(`${day.slice(0, 10)}T00:00:00Z`) / DAY_MS;
const fromEpochDay = (days: number): string => new Date(days * DAY_MS).toISOString().slice(0, 10);

/** True for a day that exists: 2026-02-30 does not. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

export const addDays = (day: string, days: number): string => fromEpochDay(epochDay(day) + days);
export const daysBetween = (from: string, to: string): number => epochDay(to) - epochDay(from);

/** Moves by whole months; a day past the end of the month becomes its last day. */
export function addMonths(day: string, months: number): string {
  const index = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + months;
  const year = Math.floor(index / 12);
  const month = (index % 12) + 1;
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const date = Math.min(Number(day.slice(8, 10)), last);
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
}

export const isMonthStart = (day: string): boolean => day.endsWith('-01');
export const isMonthEnd = (day: string): boolean => isMonthStart(addDays(day, 1));

/** The first instant of the bucket that holds `moment` (`YYYY-MM-DD` or `YYYY-MM-DDTHH:mm:ss`); weeks begin on Monday. */
export function bucketOf(moment: string, bucket: Bucket): string {
  const day = moment.slice(0, 10);
  switch (bucket) {
    case 'hour':
      return `${moment.slice(0, 13).padEnd(11, 'T').padEnd(13, '0')}:00`;
    case 'day':
      return day;
    case 'week':
      return addDays(day, -((((epochDay(day) + 3) % 7) + 7) % 7));
    case 'month':
      return `${day.slice(0, 7)}-01`;
    case 'quarter':
      return `${day.slice(0, 5)}${String(Math.floor((Number(day.slice(5, 7)) - 1) / 3) * 3 + 1).padStart(2, '0')}-01`;
    case 'year':
      return `${day.slice(0, 4)}-01-01`;
    default:
      return bucket satisfies never;
  }
}

/** The bucket after `start`, which must itself be the start of a bucket. */
export function nextBucket(start: string, bucket: Bucket): string {
  switch (bucket) {
    case 'hour': {
      const hour = Number(start.slice(11, 13)) + 1;
      const day = start.slice(0, 10);
      return hour === 24 ? `${addDays(day, 1)}T00:00` : `${day}T${String(hour).padStart(2, '0')}:00`;
    }
    case 'day':
      return addDays(start, 1);
    case 'week':
      return addDays(start, 7);
    case 'month':
      return addMonths(start, 1);
    case 'quarter':
      return addMonths(start, 3);
    case 'year':
      return addMonths(start, 12);
    default:
      return bucket satisfies never;
  }
}

/** Every bucket from the one of `first` to the one of `last`, without holes; undefined when there are more than `countMax`. */
export function bucketRange(
  first: string,
  last: string,
  bucket: Bucket,
  countMax: number,
): readonly string[] | undefined {
  const starts: string[] = [];
  const end = bucketOf(last, bucket);
  for (let start = bucketOf(first, bucket); start <= end; start = nextBucket(start, bucket)) {
    if (starts.length >= countMax) return undefined;
    starts.push(start);
  }
  return starts;
}
