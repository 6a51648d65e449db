/** What a report shows: figures, charts, tables, findings. */
import { z } from 'zod';
import { BUCKETS } from '../numbers/calendar.ts';
import { columnName, condition, exactNumber, format, id, label, measure } from './common.ts';

const about = {
  id: id.optional().describe('Names it for the sections of an own template.'),
  source: id.optional().describe('Left out: the first source.'),
  where: z.array(condition).max(10).default([]).describe('Rows that count: all conditions hold.'),
};
const bucket = z.enum(BUCKETS);

export const figure = z.strictObject({
  ...about,
  label,
  measure,
  format: format.optional(),
  better: z.enum(['up', 'down', 'neutral']).default('up').describe('Which change is shown as good.'),
});
export type FigureRequest = z.output<typeof figure>;

const series = z.strictObject({ label: label.optional(), measure });
const common = { ...about, title: label, format: format.optional(), note: z.string().max(500).optional() };

export const chart = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.enum(['line', 'bar', 'stacked-bar', 'area', 'pie']),
    x: columnName.describe('A column of dates or of names.'),
    bucket: bucket.optional().describe('For dates. Left out: chosen by the length of the period.'),
    y: z.array(series).min(1).max(8),
    splitBy: columnName.optional().describe('One series for each of its values; then `y` has one entry.'),
    top: z
      .int()
      .min(1)
      .max(50)
      .default(12)
      .describe('Names kept; the rest is added up as "Other" where adding is right.'),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('scatter'),
    x: columnName.describe('A column of numbers.'),
    y: columnName.describe('A column of numbers.'),
    splitBy: columnName.optional(),
    pointsMax: z.int().min(10).max(5_000).default(2_000),
  }),
]);
export type ChartRequest = z.output<typeof chart>;

const tableColumn = z.strictObject({ column: columnName, label: label.optional(), format: format.optional() });
const measured = z.strictObject({ label, measure, format: format.optional() });

export const table = z.strictObject({
  ...about,
  title: label,
  columns: z
    .array(tableColumn)
    .min(1)
    .max(16)
    .optional()
    .describe('For a table of rows. Left out: every column, at most 8.'),
  groupBy: columnName.optional().describe('One row for each of its values, with `measures`.'),
  bucket: bucket.optional().describe('When `groupBy` holds dates.'),
  measures: z.array(measured).min(1).max(10).optional(),
  sort: z
    .strictObject({
      by: z.string().max(200).describe('A column, or the label of a measure.'),
      direction: z.enum(['ascending', 'descending']).default('descending'),
    })
    .optional(),
  limit: z.int().min(1).max(20_000).default(500),
  totals: z.boolean().default(true).describe('A last row over all rows, also over those past the limit.'),
});
export type TableRequest = z.output<typeof table>;

const findingShared = {
  ...about,
  label: label.optional().describe('What the finding speaks of, in the words of the reader.'),
  format: format.optional(),
};
export const finding = z.discriminatedUnion('kind', [
  z.strictObject({ ...findingShared, kind: z.literal('largest-contributor'), column: columnName, by: columnName }),
  z.strictObject({
    ...findingShared,
    kind: z.literal('strongest-change'),
    measure,
    by: columnName.optional().describe('Left out: over all rows.'),
  }),
  z.strictObject({
    ...findingShared,
    kind: z.literal('outliers'),
    column: columnName,
    rule: z
      .enum(['iqr', 'z-score'])
      .default('iqr')
      .describe(
        'iqr: outside quartile ∓ factor × (Q3 − Q1). z-score: further than factor × standard deviation from the mean.',
      ),
    factor: exactNumber.optional().describe('Default 1.5 for iqr, 3 for z-score.'),
    name: columnName.optional().describe('A column that names a row.'),
  }),
  z.strictObject({ ...findingShared, kind: z.literal('trend'), measure, bucket: bucket.optional() }),
]);
export type FindingRequest = z.output<typeof finding>;
