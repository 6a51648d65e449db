/** Reads typed values from text, strictly: what does not fit gives NULL, so that the caller can tell it from an absent value. */
import { type Kind, literal } from '../columns.ts';

export interface TextReading {
  readonly kind: Kind;
  /** The engine type to read into, such as `DECIMAL(12,2)`. */
  readonly type: string;
  /** For dates and instants that are not ISO, in strptime's signs, such as `%d/%m/%Y`. */
  readonly format?: string | undefined;
  /** The sign between whole and fraction; default a point. */
  readonly decimalSign?: string | undefined;
  /** A sign between groups of thousands that is to be ignored. */
  readonly thousandsSign?: string | undefined;
  /** Reads ٠-٩ and ۰-۹ as 0-9, ٫ as the point and ٬ as the thousands sign. */
  readonly arabicDigits?: boolean | undefined;
  /** Digits allowed after the point: more are a misfit, because the engine would round them away. */
  readonly scale?: number | undefined;
}

export const PATTERNS = {
  integer: '\\s*[+-]?[0-9]+(\\.0*)?\\s*',
  decimal: '\\s*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)\\s*',
  number: '\\s*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?\\s*',
  date: '\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\\s*',
  timestamp:
    '\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?\\s*',
  time: '\\s*[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?\\s*',
} as const;

const YES = "'true', 't', 'yes', 'y', '1', 'نعم', 'صح'";
const NO = "'false', 'f', 'no', 'n', '0', 'لا', 'خطأ'";

/** SQL that gives the value, or NULL where the text does not fit. A fraction is never rounded away: give `type` a scale that holds it. */
export function readText(sql: string, reading: TextReading): string {
  const text = latin(sql, reading);
  switch (reading.kind) {
    case 'text':
      return sql;
    case 'integer':
      return matched(text, PATTERNS.integer, reading.type);
    case 'decimal':
      return matched(
        text,
        reading.scale === undefined ? PATTERNS.decimal : `\\s*[+-]?([0-9]+(\\.[0-9]{0,${reading.scale}}0*)?)\\s*`,
        reading.type,
      );
    case 'number':
      return matched(text, PATTERNS.number, reading.type);
    case 'boolean':
      return `CASE WHEN lower(trim(${text})) IN (${YES}) THEN true WHEN lower(trim(${text})) IN (${NO}) THEN false END`;
    case 'date':
      return reading.format === undefined
        ? matched(text, PATTERNS.date, 'DATE')
        : `CAST(try_strptime(trim(${text}), ${literal(reading.format)}) AS DATE)`;
    case 'timestamp':
      return reading.format === undefined
        ? matched(text, PATTERNS.timestamp, reading.type)
        : `try_strptime(trim(${text}), ${literal(reading.format)})`;
    case 'time':
      return matched(text, PATTERNS.time, 'TIME');
    case 'json':
      return `TRY_CAST(CASE WHEN json_valid(${text}) THEN ${text} END AS JSON)`;
    default:
      throw new Error(`no such kind ${JSON.stringify(reading.kind satisfies never)}`);
  }
}

/** The text with the digits and signs of its own country made plain. */
export function latin(
  sql: string,
  reading: Pick<TextReading, 'arabicDigits' | 'decimalSign' | 'thousandsSign'>,
): string {
  let text = sql;
  if (reading.thousandsSign !== undefined) text = `replace(${text}, ${literal(reading.thousandsSign)}, '')`;
  if (reading.decimalSign !== undefined && reading.decimalSign !== '.')
    text = `replace(${text}, ${literal(reading.decimalSign)}, '.')`;
  if (reading.arabicDigits === true)
    text = `CASE WHEN regexp_matches(${text}, '[٠-٩۰-۹٫٬]') THEN translate(${text}, '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬', '01234567890123456789.') ELSE ${text} END`;
  return text;
}

function matched(text: string, pattern: string, type: string): string {
  return `CASE WHEN regexp_full_match(${text}, ${literal(pattern)}) THEN TRY_CAST(${text} AS ${type}) END`;
}
