/** What a caller may ask for: the schema of a run's input. */
import { z } from 'zod';
import { stepSchema } from './steps.ts';

export const FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'xml', 'xlsx', 'parquet'] as const;
export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1256', 'windows-1252'] as const;
export const ON_ERROR = ['reject', 'fail', 'coerce'] as const;

export const LIMITS = {
  sources: 8,
  /**
   * The engine takes rows in batches of 2,048 and buffers 16 bytes of each column: 33 MB here, 327 MB for 10,000 columns, several of which
   * are open at once. Measured with 200 rows: 1,000 columns take 3 s; 2,000 run out of the engine's 240 MB, and given 700 MB take 26 s;
   * 10,000 did not end within 200 s with 3 GB.
   */
  columns: 1000,
  steps: 50,
  outputs: 7,
  /** No more fits into the body of a request, which is 1 MiB. */
  inlineChars: 1024 * 1024,
  inlineRecords: 100_000,
  /** A longer cell makes its row a bad row. */
  cellBytes: 1024 * 1024,
} as const;

const columnName = z.string().min(1).max(256);
const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'use letters, digits, _ and -, beginning with a letter');

export const sourceSchema = z.strictObject({
  name: name.optional().describe('How joins and reports call this source. Default: source1, source2 …'),
  file: z
    .string()
    .regex(/^(file|art)_/, 'a file id begins with file_, that of an artifact with art_')
    .optional()
    .describe('An uploaded file, or an artifact of another run'),
  data: z.string().max(LIMITS.inlineChars).optional().describe('Inline text: CSV, TSV, JSON, NDJSON or XML'),
  records: z.array(z.record(z.string(), z.unknown())).max(LIMITS.inlineRecords).optional().describe('Inline records'),
  format: z.enum(FORMATS).optional().describe('Detected from content and name when left out'),
  encoding: z.enum(ENCODINGS).optional().describe('Detected when left out'),
  delimiter: z
    .string()
    .length(1)
    .regex(/^[\t\x20-\x21\x23-\x7e]$/, 'one ASCII character that is no quote and no line break')
    .optional()
    .describe('CSV only; detected when left out'),
  header: z.boolean().default(true).describe('CSV and XLSX: the first row holds the names'),
  columns: z
    .array(columnName)
    .max(LIMITS.columns)
    .optional()
    .describe('CSV and XLSX: names to use instead of those in the header'),
  nulls: z.array(z.string().max(64)).max(20).default(['']).describe('Texts that mean "no value"'),
  sheet: z.string().min(1).max(64).optional().describe('XLSX: the sheet; default the first'),
  record: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('XML: the element that is one record; default the one that repeats below the root'),
});

export const outputSchema = z.strictObject({
  format: z.enum(FORMATS),
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,99}$/u, 'a plain file name without folders')
    .refine((value) => !value.includes('..'), 'a plain file name without folders')
    .optional(),
  escapeFormulas: z
    .boolean()
    .default(true)
    .describe("CSV, TSV, XLSX: puts ' before texts that a spreadsheet would run as a formula"),
  bom: z.boolean().default(false).describe('CSV, TSV: begins with a byte order mark, which Excel needs for Arabic'),
});

export const inputSchema = z.strictObject({
  sources: z
    .array(sourceSchema)
    .min(1)
    .max(LIMITS.sources)
    .describe('The first is worked on; the others can be joined to it'),
  schema: z
    .union([z.literal('infer'), z.record(z.string(), z.unknown())])
    .default('infer')
    .describe('JSON Schema of a record of the result, or "infer"'),
  steps: z.array(stepSchema).max(LIMITS.steps).default([]),
  outputs: z
    .array(z.union([z.enum(FORMATS), outputSchema]))
    .min(1)
    .max(LIMITS.outputs)
    .default(['csv']),
  onError: z
    .enum(ON_ERROR)
    .default('reject')
    .describe('reject: bad rows go to the report. fail: the run fails. coerce: a bad value becomes null'),
  rejects: z
    .strictObject({
      format: z.enum(['ndjson', 'csv']).default('ndjson'),
      inlineMax: z.int().min(0).max(1000).default(20),
    })
    .prefault({}),
});

export type Request = z.output<typeof inputSchema>;
export type Source = Request['sources'][number];
export type OnError = Request['onError'];
export type Format = (typeof FORMATS)[number];
export type Encoding = (typeof ENCODINGS)[number];
export interface Output {
  readonly format: Format;
  readonly name: string;
  readonly escapeFormulas: boolean;
  readonly bom: boolean;
}

/** The name of a source in joins, reports and errors. */
export function sourceName(source: { readonly name?: string | undefined }, index: number): string {
  return source.name ?? `source${index + 1}`;
}

/** Every output with its file name. */
export function outputsOf(request: Request): readonly Output[] {
  return request.outputs.map((output) => {
    const full = typeof output === 'string' ? { format: output, escapeFormulas: true, bom: false } : output;
    return { ...full, name: ('name' in full ? full.name : undefined) ?? `result.${full.format}` };
  });
}
