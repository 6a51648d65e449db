/** Inputs that show what a graph can say; each can be run as it stands. */
import type { z } from 'zod';
import type { inputSchema } from './graph/index.ts';

/** An expression in its marks. */
const mark = (expression: string): string => `\${{ ${expression} }}`;

const ORDER = {
  id: 'A-17',
  lines: [
    { sku: 'K-1', amount: 800 },
    { sku: 'K-2', amount: 290 },
  ],
};

export const EXAMPLES: readonly { readonly title: string; readonly input: z.input<typeof inputSchema> }[] = [
  {
    title: 'Send an order the way its value asks for, without any other agent',
    input: {
      name: 'Order desk',
      data: { order: ORDER, largeFrom: 1000 },
      steps: [
        { id: 'total', kind: 'transform', value: mark("sum(pick(data.order.lines, 'amount'))") },
        {
          id: 'size',
          kind: 'condition',
          needs: ['total'],
          branches: [{ name: 'large', when: 'steps.total.output >= data.largeFrom' }],
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
          value: mark('coalesce(steps.desk.output, steps.auto.output)'),
        },
      ],
      output: { total: mark('steps.total.output'), answer: mark('steps.answer.output') },
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
            sources: [{ name: 'amounts', data: mark('data.csv'), format: 'csv' }],
            schema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
            outputs: ['json'],
          },
          retry: { attemptsMax: 2, firstDelayMs: 1_000 },
        },
        {
          id: 'quality',
          kind: 'condition',
          needs: ['clean'],
          branches: [{ name: 'good', when: 'steps.clean.output.rejects.rows <= data.rejectedMax' }],
          otherwise: 'doubtful',
        },
        {
          id: 'review',
          kind: 'approval',
          needs: ['quality:doubtful'],
          request: `${mark('steps.clean.output.rejects.rows')} rows were rejected. Go on without them?`,
          details: { first: mark('steps.clean.output.rejects.first') },
          timeoutMs: 259_200_000,
        },
        {
          id: 'done',
          kind: 'transform',
          needs: ['quality:good', 'review'],
          join: 'any',
          value: mark('steps.clean.output.files'),
        },
      ],
      output: mark('steps.done.output'),
    },
  },
];
