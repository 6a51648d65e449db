/** What a finished report answers beside its files. */
import { z } from 'zod';
import { FORMATS } from './input/schema.ts';

const amount = z.object({
  value: z.string().describe('The number in full.'),
  exact: z.boolean().describe('False where a division was rounded to 12 digits after the point.'),
});

const artifact = z.object({
  format: z.enum(FORMATS),
  id: z.string(),
  name: z.string(),
  mediaType: z.string(),
  size: z.number(),
  sha256: z.string(),
});

export const reportOutput = z.object({
  title: z.string(),
  artifacts: z.array(artifact),
  figures: z.array(
    z.object({
      id: z.string(),
      label: z.string(),
      formula: z.string(),
      source: z.string(),
      value: amount.nullable(),
      previous: amount.nullable(),
      change: z.object({ absolute: amount, relative: amount.nullable() }).nullable(),
    }),
  ),
  findings: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.string(),
      source: z.string(),
      formula: z.string(),
      result: z.looseObject({ kind: z.string() }).nullable(),
    }),
  ),
  sources: z.array(
    z.object({
      id: z.string(),
      rows: z.number().describe('Read in all.'),
      rowsInPeriod: z.number(),
      rowsInPrevious: z.number(),
      dateColumn: z.string().nullable(),
    }),
  ),
  charts: z.number().int(),
  tables: z.number().int(),
  notes: z.array(z.string()).describe('What a reader should know about the data.'),
  rounding: z.string(),
  factsSha256: z.string().describe('Over all facts; every file of the report was made from them.'),
});
