/** The usage route. The mode of the key decides whether live or test use is shown. */
import { pageOf, toMoney, usageQuery, usageRow } from '@guildhall/contract';
import { type RouteDefinition, route } from '../../platform/http/index.ts';
import type { Metering } from './service.ts';

const toDate = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

export function meteringRoutes(deps: { readonly metering: Metering }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/usage',
      summary: 'Sum up usage by agent, key, day, tier, model or member',
      tag: 'Money',
      scope: 'billing:read',
      query: usageQuery,
      responses: { 200: pageOf(usageRow) },
      async handler({ principal, query, read }) {
        const { groupBy, from, to } = query;
        const rows = await read((tx) =>
          deps.metering.usage(tx, { mode: principal.mode, groupBy, from: toDate(from), to: toDate(to) }),
        );
        return {
          status: 200,
          body: { data: rows.map(({ costNanos, ...row }) => ({ ...row, cost: toMoney(costNanos) })), nextCursor: null },
        };
      },
    }),
  ];
}
