/** What a run gives back. */
import { z } from 'zod';

const file = z.object({ file: z.string(), name: z.string(), format: z.string(), bytes: z.int(), sha256: z.string() });
const figure = z.number().nullable();

export const outputSchema = z.object({
  rows: z.int().describe('Rows of the result'),
  files: z.array(file).describe('The result in each format that was asked for'),
  rejects: z.object({
    rows: z.int().describe('Rows that left the result'),
    problems: z.int().describe('Faults found; one row can have several'),
    file: file.nullable(),
    byRule: z.array(z.object({ rule: z.string(), column: z.string().nullable(), problems: z.int() })),
    first: z.array(
      z.object({
        source: z.string(),
        row: z
          .int()
          .nullable()
          .describe('Number of the record in its source, from 1; null where rows were made by aggregate or pivot'),
        column: z.string().nullable(),
        value: z.string().nullable(),
        rule: z.string(),
        message: z.string(),
        outcome: z.string().describe('rejected or coerced'),
      }),
    ),
  }),
  sources: z.array(
    z.object({
      name: z.string(),
      format: z.string(),
      formatBy: z.string(),
      encoding: z.string().nullable(),
      encodingBy: z.string().nullable(),
      encodingMixed: z.boolean(),
      delimiter: z.string().nullable(),
      records: z.int(),
      rejected: z.int(),
      coerced: z.int(),
      columns: z.array(z.object({ name: z.string(), type: z.string() })),
    }),
  ),
  steps: z.array(z.object({ step: z.string(), rowsIn: z.int(), rowsOut: z.int(), columnsOut: z.int() })),
  profile: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      engineType: z.string(),
      nulls: z.int(),
      distinct: z.int(),
      min: z.string().nullable(),
      max: z.string().nullable(),
      mean: figure,
      q1: figure,
      median: figure,
      q3: figure,
      outliers: z.int().nullable(),
      lowerFence: figure,
      upperFence: figure,
      lengthMin: figure,
      lengthMax: figure,
    }),
  ),
  profileFile: file.nullable().describe('The whole profile where there are more than 300 columns'),
  outlierRule: z.string(),
  quality: z.object({
    score: z.number(),
    formula: z.string(),
    terms: z.array(
      z.object({
        name: z.string(),
        weight: z.number(),
        good: z.number(),
        of: z.number(),
        value: z.number(),
        meaning: z.string(),
      }),
    ),
  }),
});
