/** Inputs that can be run as they are. */
import type { AgentExample } from '@guildhall/agent-sdk';
import type { z } from 'zod';
import type { inputSchema } from './input/request.ts';

const ORDERS = `order_id,customer,email,city,amount,ordered
1001,"Noura Al-Harbi",noura@example.com,الرياض,250.50,2026-01-14
1002,"Omar, Said",omar@example.com,جدة,99.90,2026-01-15
1003,Lina,lina(at)example.com,الدمام,120.00,2026-01-15
1004,"Majid ""Mo"" Khan",majid@example.com,الرياض,abc,2026-01-16
1005,Huda,huda@example.com,جدة,75.25,2026-01-17
`;

export const examples: readonly AgentExample<z.input<typeof inputSchema>>[] = [
  {
    title: 'Check orders and add tax',
    input: {
      sources: [{ name: 'orders', data: ORDERS, format: 'csv' }],
      schema: {
        type: 'object',
        properties: {
          order_id: { type: 'integer' },
          email: { type: 'string', format: 'email' },
          amount: { type: 'number', minimum: 0 },
          ordered: { type: 'string', format: 'date' },
        },
        required: ['order_id', 'email', 'amount'],
      },
      steps: [{ step: 'derive', columns: { with_tax: 'round(amount * 1.15, 2)' } }],
      outputs: ['csv', 'json'],
    },
  },
  {
    title: 'Total by city, largest first',
    input: {
      sources: [{ name: 'orders', data: ORDERS, format: 'csv' }],
      steps: [
        { step: 'cast', columns: { amount: { to: 'decimal', scale: 2 } } },
        { step: 'aggregate', by: ['city'], columns: { orders: { fn: 'count' }, total: { fn: 'sum', of: 'amount' } } },
        { step: 'sort', by: [{ column: 'total', order: 'descending' }] },
      ],
      outputs: ['json'],
    },
  },
  {
    title: 'Join two lists',
    input: {
      sources: [
        {
          name: 'visits',
          records: [
            { city: 'JED', visits: 12 },
            { city: 'RUH', visits: 30 },
          ],
        },
        {
          name: 'cities',
          records: [
            { code: 'RUH', city: 'الرياض' },
            { code: 'JED', city: 'جدة' },
          ],
        },
      ],
      steps: [{ step: 'join', with: 'cities', on: [{ left: 'city', right: 'code' }], type: 'left', suffix: '_name' }],
      outputs: ['ndjson'],
    },
  },
];
