/** How a report is laid out: one of five house templates, or an own one. */
import { z } from 'zod';
import { id, label } from './common.ts';

export const HOUSE_TEMPLATES = ['analytics', 'financial', 'operational', 'executive', 'technical'] as const;
export type HouseTemplate = (typeof HOUSE_TEMPLATES)[number];

/** Longer templates are programs; the limit bounds parsing, which happens before the run. */
export const TEMPLATE_CHARACTERS_MAX = 50_000;

export const textSection = z.strictObject({
  kind: z.literal('text'),
  title: label.optional(),
  format: z.enum(['markdown', 'html', 'text']).default('markdown'),
  body: z
    .string()
    .max(TEMPLATE_CHARACTERS_MAX)
    .describe(
      'With Liquid: {{ figures.revenue.text }}, {% for row in data.sales %}. Known: report, period, figures, findings, data.',
    ),
});
export type TextSection = z.output<typeof textSection>;

export const section = z.discriminatedUnion('kind', [
  textSection,
  z.strictObject({ kind: z.literal('figures'), title: label.optional(), ids: z.array(id).max(40).optional() }),
  z.strictObject({ kind: z.literal('charts'), title: label.optional(), ids: z.array(id).max(40).optional() }),
  z.strictObject({ kind: z.literal('tables'), title: label.optional(), ids: z.array(id).max(40).optional() }),
  z.strictObject({ kind: z.literal('findings'), title: label.optional(), ids: z.array(id).max(40).optional() }),
  z.strictObject({ kind: z.literal('page-break') }),
]);
export type Section = z.output<typeof section>;

export const template = z.union([
  z.enum(HOUSE_TEMPLATES),
  z.strictObject({ cover: z.boolean().default(false), sections: z.array(section).min(1).max(60) }),
]);
export type Template = z.output<typeof template>;
