/** The small words that every part of the input is built from. */
import { z } from 'zod';

export const id = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/)
  .describe('Small letters, digits and hyphens, at most 40.');
export const columnName = z.string().min(1).max(200);
export const label = z.string().min(1).max(160);
export const day = z.iso.date().describe('YYYY-MM-DD');
export const colour = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/)
  .describe('For example #0f4c81.');
export const fileRef = z.strictObject({ file: z.string().min(1).max(100) });

/** A number in an input may be written as a JSON number, or as a string to keep every digit. */
export const exactNumber = z.union([z.number(), z.string().regex(/^-?\d{1,30}(\.\d{1,12})?$/)]);

export const condition = z.strictObject({
  column: columnName,
  is: z
    .enum(['equal', 'not-equal', 'one-of', 'greater', 'at-least', 'less', 'at-most', 'empty', 'filled'])
    .default('equal'),
  value: z
    .union([exactNumber, z.string().max(500), z.array(z.union([exactNumber, z.string().max(500)])).max(100)])
    .optional(),
});
export type Condition = z.output<typeof condition>;

export const format = z.strictObject({
  style: z.enum(['number', 'percent', 'currency']).default('number').describe('`percent` shows 0.125 as 12.5 %.'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional()
    .describe('ISO 4217; needed for the style `currency`.'),
  decimals: z
    .int()
    .min(0)
    .max(8)
    .optional()
    .describe('Digits after the point that are shown. Left out: as many as the data has, at most 2.'),
});
export type NumberFormat = z.output<typeof format>;

const simpleMeasure = z.discriminatedUnion('aggregation', [
  z.strictObject({ aggregation: z.enum(['sum', 'avg', 'min', 'max']), column: columnName }),
  z.strictObject({ aggregation: z.literal('distinct'), column: columnName }),
  z.strictObject({
    aggregation: z.literal('count'),
    column: columnName.optional().describe('Counts filled cells of it; left out: rows.'),
  }),
]);
export type SimpleMeasure = z.output<typeof simpleMeasure>;

export const measure = z.discriminatedUnion('aggregation', [
  ...simpleMeasure.options,
  z.strictObject({ aggregation: z.literal('ratio'), numerator: simpleMeasure, denominator: simpleMeasure }),
]);
export type Measure = z.output<typeof measure>;
