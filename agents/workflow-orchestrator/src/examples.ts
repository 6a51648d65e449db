/** Inputs that show what a graph can say; each can be run as it stands. */
import type { z } from 'zod';
import type { inputSchema } from './graph/index.ts';

/** A piece of a template: `mark('data.x')` is the expression inside its marks. */
const mark = (expression: string): string => `\${{ ${expression} }}`;

export const EXAMPLES: readonly { readonly title: string; readonly input: z.input<typeof inputSchema> }[] = [
  {
    title: 'Sort an order by its value, without any other agent',
    input: {
      name: 'Order desk',
      data: {
        order: {
          id: 'A-17',
          lines: [
            { sku: 'K-1', price: 800, count: 2 },
            { sku: 'K-2', price: 90, count: 1 },
          ],
        },
        limit: 1000,
      },
      steps: [
        {
          id: 'total',
          kind: 'transform',
          value: {
            prices: mark("pick(data.order.lines, 'price')"),
            highest: mark("max(pick(data.order.lines, 'price'))"),
          },
        },
        {
          id: 'size',
          kind: 'condition',
          needs: ['total'],
          branches: [{ name: 'large', when: 'sum(steps.total.output.prices) >= data.limit / 2' }],
          otherwise: 'small',
        },
        {
          id: 'desk',
          kind: 'transform',
          needs: ['size:large'],
          value: `${mark('data.order.id')} goes to the key account desk`,
        },
        { id: 'auto', kind: 'transform', needs: ['size:small'], value: `${mark('data.order.id')} is accepted` },
        {
          id: 'answer',
          kind: 'transform',
          needs: ['desk', 'auto'],
          join: 'any',
          value: { text: mark('coalesce(steps.desk.output, steps.auto.output)') },
        },
      ],
      output: mark('steps.answer.output.text'),
    },
  },
  {
    title: 'Clean a table with another agent, and ask a person when too many rows were rejected',
    input: {
      name: 'Monthly import',
      data: { csv: 'name,amount\nAmal,10\nOmar,twelve\n', rejectedMax: 0 },
      steps: [
        {
          id: 'clean',
          kind: 'agent',
          agent: 'data-processor',
          input: {
            source: { inline: mark('data.csv'), format: 'csv' },
            output: { format: 'json' },
          },
          retry: { attemptsMax: 2, firstDelayMs: 1_000 },
        },
        {
          id: 'quality',
          kind: 'condition',
          needs: ['clean'],
          branches: [{ name: 'good', when: 'coalesce(steps.clean.output.rows.rejected, 0) <= data.rejectedMax' }],
          otherwise: 'doubtful',
        },
        {
          id: 'review',
          kind: 'approval',
          needs: ['quality:doubtful'],
          request: `${mark('steps.clean.output.rows.rejected')} rows were rejected. Go on without them?`,
          timeoutMs: 259_200_000,
        },
        {
          id: 'done',
          kind: 'transform',
          needs: ['quality:good', 'review'],
          join: 'any',
          value: mark('steps.clean.output'),
        },
      ],
      output: mark('steps.done.output'),
    },
  },
];
