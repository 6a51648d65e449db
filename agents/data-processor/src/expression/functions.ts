/** The functions an expression may call. What is not here cannot be called. */
import type { Kind } from '../columns.ts';
import { asText, isNumeric, literal } from '../columns.ts';
import { readText } from '../typing/read-text.ts';
import { ExpressionError } from './syntax.ts';

export interface Compiled {
  readonly sql: string;
  readonly kind: Kind | 'null';
  /** The engine's type where it matters (timestamps with a zone). */
  readonly type: string;
  readonly at: number;
  /** Set when the value is written in the expression itself. */
  readonly constant?: string;
}

type Wanted = 'text' | 'numeric' | 'integer' | 'moment' | 'boolean' | 'any' | 'constant-text' | 'constant-integer';

export interface FunctionRule {
  readonly args: readonly Wanted[];
  /** How many of the last `args` may be left out. */
  readonly optional?: number;
  /** The last wanted argument may come again and again. */
  readonly many?: boolean;
  readonly result: Kind | 'first' | 'widest';
  sql(args: readonly Compiled[]): string;
}

/** Padding can otherwise build texts of any size. */
const PAD_MAX = 1000;
const UNITS = new Set(['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second']);

const plain = (name: string, args: readonly Wanted[], result: FunctionRule['result'], optional = 0): FunctionRule => ({
  args,
  optional,
  result,
  sql: (given) => `${name}(${given.map((arg) => arg.sql).join(', ')})`,
});
const part = (name: string): FunctionRule => ({
  args: ['moment'],
  result: 'integer',
  sql: ([moment]) => `CAST(${name}(${moment?.sql}) AS BIGINT)`,
});
const bounded = (name: string): FunctionRule => ({
  args: ['text', 'constant-integer', 'constant-text'],
  optional: 1,
  result: 'text',
  sql: ([text, width, filler]) => {
    if (Number(width?.constant) > PAD_MAX)
      throw new ExpressionError(width?.at ?? 0, `a width may be ${PAD_MAX} at most`);
    return `${name}(${text?.sql}, ${width?.sql}, ${filler?.sql ?? "' '"})`;
  },
});
const conversion = (kind: Kind): FunctionRule => ({
  args: ['any'],
  result: kind,
  sql: ([value]) => converted(value, kind),
});
const unit = (given: Compiled | undefined): string => {
  const name = given?.constant ?? '';
  if (!UNITS.has(name)) throw new ExpressionError(given?.at ?? 0, `unit must be one of ${[...UNITS].join(', ')}`);
  return name;
};

export const FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ['upper', plain('upper', ['text'], 'text')],
  ['lower', plain('lower', ['text'], 'text')],
  ['trim', plain('trim', ['text'], 'text')],
  ['length', plain('length', ['text'], 'integer')],
  ['substring', plain('substring', ['text', 'integer', 'integer'], 'text', 1)],
  ['left', plain('left', ['text', 'integer'], 'text')],
  ['right', plain('right', ['text', 'integer'], 'text')],
  ['replace', plain('replace', ['text', 'text', 'text'], 'text')],
  ['contains', plain('contains', ['text', 'text'], 'boolean')],
  ['starts_with', plain('starts_with', ['text', 'text'], 'boolean')],
  ['ends_with', plain('ends_with', ['text', 'text'], 'boolean')],
  ['split_part', plain('split_part', ['text', 'text', 'integer'], 'text')],
  ['matches', plain('regexp_matches', ['text', 'constant-text'], 'boolean')],
  ['regex_extract', plain('regexp_extract', ['text', 'constant-text', 'constant-integer'], 'text', 1)],
  [
    'regex_replace',
    {
      ...plain('regexp_replace', ['text', 'constant-text', 'text'], 'text'),
      sql: ([text, pattern, by]) => `regexp_replace(${text?.sql}, ${pattern?.sql}, ${by?.sql}, 'g')`,
    },
  ],
  ['pad_left', bounded('lpad')],
  ['pad_right', bounded('rpad')],
  [
    'latin_digits',
    {
      args: ['text'],
      result: 'text',
      sql: ([text]) => `translate(${text?.sql}, '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹', '01234567890123456789')`,
    },
  ],
  ['concat', { args: ['any'], many: true, result: 'text', sql: (args) => `concat(${args.map(shown).join(', ')})` }],
  [
    'coalesce',
    {
      args: ['any'],
      many: true,
      result: 'widest',
      sql: (args) => `coalesce(${args.map((arg) => arg.sql).join(', ')})`,
    },
  ],
  [
    'least',
    { args: ['any'], many: true, result: 'widest', sql: (args) => `least(${args.map((arg) => arg.sql).join(', ')})` },
  ],
  [
    'greatest',
    {
      args: ['any'],
      many: true,
      result: 'widest',
      sql: (args) => `greatest(${args.map((arg) => arg.sql).join(', ')})`,
    },
  ],
  [
    'null_if',
    { args: ['any', 'any'], result: 'first', sql: ([value, other]) => `nullif(${value?.sql}, ${other?.sql})` },
  ],
  ['round', plain('round', ['numeric', 'constant-integer'], 'first', 1)],
  ['floor', plain('floor', ['numeric'], 'first')],
  ['ceil', plain('ceil', ['numeric'], 'first')],
  ['abs', plain('abs', ['numeric'], 'first')],
  [
    'sqrt',
    {
      args: ['numeric'],
      result: 'number',
      sql: ([value]) => `sqrt(CASE WHEN ${value?.sql} >= 0 THEN ${value?.sql} END)`,
    },
  ],
  ['power', plain('power', ['numeric', 'numeric'], 'number')],
  ['year', part('year')],
  ['quarter', part('quarter')],
  ['month', part('month')],
  ['week', part('weekofyear')],
  ['day', part('day')],
  ['weekday', part('isodow')],
  ['hour', part('hour')],
  ['minute', part('minute')],
  ['second', part('second')],
  [
    'date_add',
    {
      args: ['moment', 'integer', 'constant-text'],
      result: 'first',
      sql: ([moment, n, of]) =>
        `CAST(${moment?.sql} + CAST(${n?.sql} AS INTEGER) * INTERVAL 1 ${unit(of)} AS ${moment?.type})`,
    },
  ],
  [
    'date_diff',
    {
      args: ['constant-text', 'moment', 'moment'],
      result: 'integer',
      sql: ([of, from, to]) => `date_diff('${unit(of)}', ${from?.sql}, ${to?.sql})`,
    },
  ],
  [
    'date_trunc',
    {
      args: ['constant-text', 'moment'],
      result: 'date',
      sql: ([of, moment]) => `CAST(date_trunc('${unit(of)}', ${moment?.sql}) AS DATE)`,
    },
  ],
  ['format_date', plain('strftime', ['moment', 'constant-text'], 'text')],
  ['text', { args: ['any'], result: 'text', sql: ([value]) => (value === undefined ? 'NULL' : shown(value)) }],
  ['integer', conversion('integer')],
  [
    'decimal',
    {
      args: ['any', 'constant-integer'],
      result: 'decimal',
      sql: ([value, scale]) => converted(value, 'decimal', Number(scale?.constant), scale?.at),
    },
  ],
  ['number', conversion('number')],
  ['boolean', conversion('boolean')],
  ['date', conversion('date')],
  ['timestamp', conversion('timestamp')],
]);

export function fits(wanted: Wanted, arg: Compiled): boolean {
  if (wanted === 'constant-text') return arg.kind === 'text' && arg.constant !== undefined;
  if (wanted === 'constant-integer') return arg.kind === 'integer' && arg.constant !== undefined;
  if (wanted === 'any' || arg.kind === 'null') return true;
  if (wanted === 'numeric') return isNumeric(arg.kind);
  if (wanted === 'moment') return arg.kind === 'date' || arg.kind === 'timestamp';
  return arg.kind === wanted;
}

function shown(value: Compiled): string {
  return value.kind === 'null' ? 'NULL' : asText(value.sql, { kind: value.kind, sql: value.type });
}

function converted(value: Compiled | undefined, kind: Kind, scale?: number, at = 0): string {
  if (value === undefined || value.kind === 'null') return 'NULL';
  if (scale !== undefined && !(scale >= 0 && scale <= 30))
    throw new ExpressionError(at, 'decimal places must lie between 0 and 30');
  const type = scale === undefined ? TYPES[kind] : `DECIMAL(38,${scale})`;
  return value.kind === 'text' ? readText(value.sql, { kind, type }) : `TRY_CAST(${value.sql} AS ${type})`;
}

const TYPES: Readonly<Record<Kind, string>> = {
  text: 'VARCHAR',
  integer: 'HUGEINT',
  decimal: 'DECIMAL(38,10)',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  time: 'TIME',
  json: 'JSON',
};

/** A text constant as SQL, once here so that every literal is escaped the same way. */
export function textConstant(value: string, at: number): Compiled {
  return { sql: literal(value), kind: 'text', type: 'VARCHAR', at, constant: value };
}
