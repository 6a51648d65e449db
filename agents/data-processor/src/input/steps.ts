/** The steps a caller may ask for. */
import { z } from 'zod';

const column = z.string().min(1).max(256);
const columns = z.array(column).min(1).max(1000);
const expression = z.string().min(1).max(4000);
const constant = z.union([z.string().max(10_000), z.number(), z.boolean()]);

export const CAST_KINDS = [
  'text',
  'integer',
  'decimal',
  'number',
  'boolean',
  'date',
  'timestamp',
  'time',
  'json',
] as const;
export const MEASURES = [
  'count',
  'count_distinct',
  'sum',
  'mean',
  'median',
  'min',
  'max',
  'stddev',
  'first',
  'last',
] as const;

const cast = z.strictObject({
  to: z.enum(CAST_KINDS),
  scale: z
    .int()
    .min(0)
    .max(30)
    .optional()
    .describe('decimal: digits after the point; default as many as the data have'),
  format: z
    .string()
    .min(2)
    .max(64)
    .optional()
    .describe('date, timestamp: strptime signs such as %d/%m/%Y; default ISO 8601'),
  decimalSign: z.string().length(1).optional(),
  thousandsSign: z.string().length(1).optional(),
  arabicDigits: z.boolean().default(true).describe('Reads ٠-٩ and ۰-۹ as digits'),
});
export type Cast = z.output<typeof cast>;

const measure = z.strictObject({ fn: z.enum(MEASURES), of: column.optional().describe('Left out only for count') });
export type Measure = z.output<typeof measure>;

export const stepSchema = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('rename'), columns: z.record(column, column) }),
  z.strictObject({ step: z.literal('select'), columns }),
  z.strictObject({ step: z.literal('cast'), columns: z.record(column, z.union([z.enum(CAST_KINDS), cast])) }),
  z.strictObject({
    step: z.literal('trim'),
    columns: columns.optional().describe('Default: every text column'),
    collapse: z.boolean().default(false).describe('Also turns runs of spaces into one'),
  }),
  z.strictObject({
    step: z.literal('fill'),
    columns: z.record(column, constant).describe('Value for each column where there is none'),
  }),
  z.strictObject({
    step: z.literal('fill-by'),
    columns,
    method: z.enum(['previous', 'next', 'mean', 'median', 'mode']),
  }),
  z.strictObject({
    step: z.literal('split'),
    column,
    by: z.string().min(1).max(16),
    into: columns,
    keep: z.boolean().default(false),
  }),
  z.strictObject({ step: z.literal('filter'), where: expression }),
  z.strictObject({ step: z.literal('derive'), columns: z.record(column, expression) }),
  z.strictObject({
    step: z.literal('deduplicate'),
    by: columns.optional().describe('Default: all columns'),
    keep: z.enum(['first', 'last']).default('first'),
  }),
  z.strictObject({
    step: z.literal('sort'),
    by: z
      .array(z.strictObject({ column, order: z.enum(['ascending', 'descending']).default('ascending') }))
      .min(1)
      .max(20),
  }),
  z.strictObject({
    step: z.literal('aggregate'),
    by: z.array(column).max(50).default([]),
    columns: z.record(column, measure),
  }),
  z.strictObject({
    step: z.literal('join'),
    with: z.string().describe('Name of another source'),
    on: z
      .array(z.union([column, z.strictObject({ left: column, right: column })]))
      .min(1)
      .max(10),
    type: z.enum(['inner', 'left', 'right', 'full', 'semi', 'anti']).default('inner'),
    suffix: z.string().min(1).max(32).default('_right').describe('Added to names of the other source that are taken'),
  }),
  z.strictObject({
    step: z.literal('pivot'),
    rows: columns,
    column,
    values: measure,
    valuesMax: z.int().min(1).max(1000).default(200),
  }),
]);

export type Step = z.output<typeof stepSchema>;
export type StepOf<Name extends Step['step']> = Extract<Step, { step: Name }>;

/** A cast with its options, also where only the kind was given. */
export function castOf(given: Cast | Cast['to']): Cast {
  return typeof given === 'string' ? { to: given, arabicDigits: true } : given;
}
