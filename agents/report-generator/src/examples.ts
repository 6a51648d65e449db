/** Inputs that run as they stand. */
import type { AgentExample } from '@guildhall/agent-sdk';
import type { z } from 'zod';
import type { reportInput } from './input/schema.ts';

const SALES = [
  { month: '2026-08-15', region: 'Riyadh', orders: 118, revenue: '184200.50' },
  { month: '2026-08-15', region: 'Jeddah', orders: 96, revenue: '141750.00' },
  { month: '2026-08-15', region: 'Dammam', orders: 61, revenue: '88310.25' },
  { month: '2026-09-15', region: 'Riyadh', orders: 131, revenue: '203990.00' },
  { month: '2026-09-15', region: 'Jeddah', orders: 88, revenue: '129400.75' },
  { month: '2026-09-15', region: 'Dammam', orders: 74, revenue: '109875.10' },
];

const MONTHLY: AgentExample<z.input<typeof reportInput>> = {
  title: 'A monthly executive summary from inline records',
  input: {
    template: 'executive',
    title: 'Sales in September',
    data: [{ id: 'sales', records: SALES }],
    period: { from: '2026-09-01', to: '2026-09-30' },
    figures: [
      {
        label: 'Revenue',
        measure: { aggregation: 'sum', column: 'revenue' },
        format: { style: 'currency', currency: 'SAR' },
      },
      { label: 'Orders', measure: { aggregation: 'sum', column: 'orders' } },
      {
        label: 'Revenue per order',
        measure: {
          aggregation: 'ratio',
          numerator: { aggregation: 'sum', column: 'revenue' },
          denominator: { aggregation: 'sum', column: 'orders' },
        },
        format: { style: 'currency', currency: 'SAR' },
      },
    ],
    outputs: ['pdf', 'html'],
  },
};

const OWN_TEMPLATE: AgentExample<z.input<typeof reportInput>> = {
  title: 'An own template, in Arabic, as PDF and XLSX',
  input: {
    language: 'ar',
    title: 'تقرير المبيعات',
    data: [{ id: 'sales', records: SALES }],
    figures: [
      {
        id: 'revenue',
        label: 'الإيرادات',
        measure: { aggregation: 'sum', column: 'revenue' },
        format: { style: 'currency', currency: 'SAR' },
      },
    ],
    charts: [
      {
        id: 'regions',
        kind: 'bar',
        title: 'الإيرادات حسب المنطقة',
        x: 'region',
        y: [{ measure: { aggregation: 'sum', column: 'revenue' } }],
      },
    ],
    template: {
      sections: [
        { kind: 'text', title: 'الملخص', body: 'بلغت الإيرادات **{{ figures.revenue.text }}**.' },
        { kind: 'figures' },
        { kind: 'charts', ids: ['regions'] },
      ],
    },
    outputs: ['pdf', 'xlsx'],
  },
};

export const EXAMPLES: readonly AgentExample<z.input<typeof reportInput>>[] = [MONTHLY, OWN_TEMPLATE];
