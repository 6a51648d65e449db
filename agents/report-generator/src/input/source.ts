/** Where the rows of a report come from. */
import { z } from 'zod';
import { columnName, day, fileRef, id } from './common.ts';

const columnRule = z.strictObject({
  type: z.enum(['number', 'date', 'text']),
  order: z.enum(['ymd', 'dmy', 'mdy']).optional().describe('How its dates are written.'),
  decimal: z.enum(['.', ',']).optional().describe('The decimal sign of its numbers.'),
});

const shared = {
  id: id.default('data'),
  label: z.string().min(1).max(160).optional(),
  dateColumn: columnName
    .optional()
    .describe('The column that places a row in time. Left out: the first column of dates.'),
  columns: z.record(columnName, columnRule).default({}).describe('Types of columns that should not be guessed.'),
};

export const fileSource = z.strictObject({
  ...shared,
  file: fileRef,
  format: z.enum(['auto', 'csv', 'tsv', 'json', 'ndjson', 'xlsx']).default('auto'),
  encoding: z.enum(['auto', 'utf-8', 'utf-16le', 'utf-16be', 'windows-1256', 'windows-1252']).default('auto'),
  delimiter: z.enum([',', ';', '\t', '|']).optional().describe('Of a CSV file. Left out: found by reading.'),
  sheet: z.string().min(1).max(100).optional().describe('Of an XLSX file. Left out: the first.'),
  pointer: z
    .string()
    .max(300)
    .regex(/^(\/.*)?$/)
    .optional()
    .describe('JSON Pointer to the array of records in a JSON file.'),
});

const cell = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]);

export const recordsSource = z.strictObject({
  ...shared,
  records: z.array(z.record(columnName, cell)).min(1).max(20_000),
});

export const usageSource = z.strictObject({
  ...shared,
  usage: z
    .strictObject({
      groupBy: z.enum(['agent', 'key', 'day', 'tier', 'model', 'member']).default('day'),
      from: day.optional(),
      to: day.optional().describe('Inclusive.'),
    })
    .describe(
      "The organisation's own usage of Guildhall: key, runs, inputTokens, outputTokens, costUsd. Left out days: those of the period.",
    ),
});

export const source = z.union([fileSource, recordsSource, usageSource]);
export type Source = z.output<typeof source>;
export type FileSource = z.output<typeof fileSource>;
