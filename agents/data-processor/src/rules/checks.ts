/** The rules of a record schema as checks on columns. */

import { isNumeric, type Kind, literal } from '../columns.ts';
import type { Check } from '../typing/checked.ts';
import type { ColumnRule } from './record-schema.ts';

const EMAIL =
  "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$";
const FORMATS: Readonly<Record<string, string>> = {
  email: EMAIL,
  uri: '^[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+$',
  uuid: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
  ipv4: '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$',
  hostname: '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
};

/** The kind that a rule wants its column to have; `undefined` leaves it as it is. */
export function kindWanted(rule: ColumnRule): Kind | undefined {
  const [type] = rule.types;
  if (type === 'string' || (type === undefined && rule.format !== undefined)) {
    return rule.format === 'date'
      ? 'date'
      : rule.format === 'date-time'
        ? 'timestamp'
        : rule.format === 'time'
          ? 'time'
          : 'text';
  }
  if (type === 'object' || type === 'array') return 'json';
  return type;
}

/** Checks for a column of that kind. As in JSON Schema, a rule for texts says nothing about numbers, and the other way round. */
export function checksOf(rule: ColumnRule, kind: Kind): readonly Check[] {
  return [
    ...(rule.nullable
      ? []
      : [
          {
            rule: 'required',
            message: 'has no value',
            bad: (value: string, raw: string) => `${value} IS NULL AND ${raw} IS NULL`,
          },
        ]),
    ...(rule.options === undefined ? [] : [optionCheck(rule.options, kind)]),
    ...(kind === 'text' ? textChecks(rule) : []),
    ...(isNumeric(kind) ? numberChecks(rule, kind) : []),
    ...(kind === 'json' ? jsonChecks(rule) : []),
  ];
}

function optionCheck(options: NonNullable<ColumnRule['options']>, kind: Kind): Check {
  const shown = options
    .slice(0, 10)
    .map((option) => JSON.stringify(option))
    .join(', ');
  const message = `is not one of ${shown}${options.length > 10 ? ' …' : ''}`;
  const allowed = options
    .filter((option) => option !== null)
    .flatMap((option) => {
      if (isNumeric(kind)) return typeof option === 'number' ? [numberLiteral(option)] : [];
      if (kind === 'boolean') return typeof option === 'boolean' ? [String(option)] : [];
      return typeof option === 'string' ? [literal(option)] : [];
    });
  const typed =
    isNumeric(kind) || kind === 'boolean' ? (value: string) => value : (value: string) => `CAST(${value} AS VARCHAR)`;
  return {
    rule: 'enum',
    message,
    bad: (value) => (allowed.length === 0 ? `${value} IS NOT NULL` : `${typed(value)} NOT IN (${allowed.join(', ')})`),
  };
}

function textChecks(rule: ColumnRule): readonly Check[] {
  const checks: Check[] = [];
  const { minLength, maxLength, pattern, format } = rule;
  if (minLength !== undefined)
    checks.push({
      rule: 'minLength',
      message: `is shorter than ${minLength}`,
      bad: (value) => `length(${value}) < ${minLength}`,
    });
  if (maxLength !== undefined)
    checks.push({
      rule: 'maxLength',
      message: `is longer than ${maxLength}`,
      bad: (value) => `length(${value}) > ${maxLength}`,
    });
  if (pattern !== undefined)
    checks.push({
      rule: 'pattern',
      message: `does not match ${pattern}`,
      bad: (value) => `NOT regexp_matches(${value}, ${literal(pattern)})`,
    });
  const known = format === undefined ? undefined : FORMATS[format];
  if (known !== undefined)
    checks.push({
      rule: 'format',
      message: `is not a valid ${format}`,
      bad: (value) => `NOT regexp_matches(${value}, ${literal(known)})`,
    });
  return checks;
}

function numberChecks(rule: ColumnRule, kind: Kind): readonly Check[] {
  const bound = (
    name: keyof ColumnRule & string,
    limit: number | undefined,
    operator: string,
    words: string,
  ): readonly Check[] =>
    limit === undefined
      ? []
      : [{ rule: name, message: `${words} ${limit}`, bad: (value) => `${value} ${operator} ${numberLiteral(limit)}` }];
  const { multipleOf } = rule;
  const step =
    multipleOf === undefined
      ? []
      : [
          {
            rule: 'multipleOf',
            message: `is not a multiple of ${multipleOf}`,
            bad: (value: string) => multipleTest(value, multipleOf, kind),
          },
        ];
  return [
    ...bound('minimum', rule.minimum, '<', 'is below'),
    ...bound('maximum', rule.maximum, '>', 'is above'),
    ...bound('exclusiveMinimum', rule.exclusiveMinimum, '<=', 'is not above'),
    ...bound('exclusiveMaximum', rule.exclusiveMaximum, '>=', 'is not below'),
    ...step,
  ];
}

/** Exact for exact kinds; for floating point within the last bits, as 0.3 is no exact multiple of 0.1. */
function multipleTest(value: string, step: number, kind: Kind): string {
  const by = numberLiteral(step);
  if (kind !== 'number') return `(${value} % ${by}) <> 0`;
  return `abs(${value} / ${by} - round(${value} / ${by})) > 1e-9`;
}

function jsonChecks(rule: ColumnRule): readonly Check[] {
  const [type] = rule.types;
  if (type !== 'object' && type !== 'array') return [];
  return [
    {
      rule: 'type',
      message: `is not ${type === 'object' ? 'an object' : 'a list'}`,
      bad: (value) => `json_type(${value}) <> '${type.toUpperCase()}'`,
    },
  ];
}

/** A number of the schema as exact SQL where it has no exponent. */
function numberLiteral(value: number): string {
  const text = String(value);
  return /e/i.test(text) ? `CAST('${text}' AS DOUBLE)` : text;
}
