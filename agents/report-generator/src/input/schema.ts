/** The whole input of a report. */
import { z } from 'zod';
import { colour, day, fileRef, label } from './common.ts';
import { chart, figure, finding, table } from './content.ts';
import { source } from './source.ts';
import { template, textSection } from './template.ts';

export const FORMATS = ['pdf', 'html', 'xlsx', 'json'] as const;
export type ReportFormat = (typeof FORMATS)[number];

export const FONTS = ['inter', 'amiri'] as const;
export type FontChoice = (typeof FONTS)[number];

const period = z.strictObject({
  from: day,
  to: day.describe('Inclusive.'),
  compareWith: z
    .enum(['previous', 'previous-year', 'none'])
    .default('previous')
    .describe('`previous`: as many days directly before; whole months are compared with whole months.'),
});

const branding = z.strictObject({
  name: label.optional().describe('The house that hands over the report.'),
  logo: fileRef.optional().describe('PNG or SVG, at most 1 MiB.'),
  primary: colour.default('#12355b'),
  accent: colour.default('#0f9d8a'),
  font: z.enum(FONTS).default('inter').describe('inter: sans, with Vazirmatn. amiri: serif for both scripts.'),
});
export type Branding = z.output<typeof branding>;

export const reportInput = z.strictObject({
  template: template.default('analytics'),
  title: label.optional(),
  subtitle: z.string().min(1).max(300).optional(),
  author: label.optional(),
  data: z.array(source).min(1).max(8),
  period: period.optional().describe('Left out: all rows, nothing compared.'),
  timeZone: z.string().max(60).default('UTC').describe('IANA name; decides to which day an instant belongs.'),
  introduction: textSection
    .omit({ kind: true, title: true })
    .optional()
    .describe('Text before everything else in a house template.'),
  figures: z
    .array(figure)
    .max(24)
    .optional()
    .describe('Left out in a house template: proposed from the data. An empty list: none.'),
  charts: z.array(chart).max(16).optional(),
  tables: z.array(table).max(12).optional(),
  findings: z.array(finding).max(16).optional(),
  branding: branding.prefault({}),
  language: z.enum(['en', 'ar']).default('en'),
  digits: z.enum(['western', 'eastern']).default('western').describe('`eastern` writes ٠١٢ in Arabic reports.'),
  paper: z.enum(['a4', 'letter']).default('a4'),
  outputs: z.array(z.enum(FORMATS)).min(1).max(4).default(['pdf']),
});
export type ReportInput = z.output<typeof reportInput>;
