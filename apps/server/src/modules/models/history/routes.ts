/** The HTTP routes by which calls and the health of providers are seen. */
import { hostname } from 'node:os';
import { callListQuery, callParams, modelCallDetail, modelCallPage, providerHealthReport } from '@guildhall/contract';
import { GuildhallError } from '../../../platform/errors/index.ts';
import { type RouteDefinition, route } from '../../../platform/http/index.ts';
import { assertLive } from '../../identity/index.ts';
import type { ChannelHealth } from '../upstream/index.ts';
import { historyErrors } from './errors.ts';
import { findCall, listCalls } from './store.ts';
import { toCallDetail, toCallView } from './views.ts';

export interface HistoryDeps {
  /** What this process saw of each channel. */
  readonly health: () => readonly ChannelHealth[];
}

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

const healthRoute = ({ health }: HistoryDeps) =>
  route({
    method: 'GET',
    path: '/v1/operator/provider-health',
    summary: 'Show how providers have been lately, as the process that answers saw it in its own calls',
    tag: 'Operator',
    scope: 'operator',
    responses: { 200: providerHealthReport },
    async handler({ principal }) {
      assertLive(principal);
      const data = health().map(({ kind, since, firstByteMs, lastError, ...rest }) => ({
        ...rest,
        provider: kind,
        since: since.toISOString(),
        firstByteMs: firstByteMs ?? null,
        lastError: lastError ?? null,
      }));
      return { status: 200, body: { process: { host: hostname(), pid: process.pid }, data } };
    },
  });

export function historyRoutes(deps: HistoryDeps): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/calls',
      summary: 'List calls of models, newest first; a test key sees test calls alone, a live key live ones',
      tag: 'Models',
      scope: 'billing:read',
      query: callListQuery,
      responses: { 200: modelCallPage },
      async handler({ principal: { mode }, query: { limit, from, to, ...wanted }, read }) {
        const filter = { ...wanted, mode, limit: limit + 1, from: dateOf(from), to: dateOf(to) };
        const rows = await read((tx) => listCalls(tx, filter));
        const shown = rows.slice(0, limit);
        const nextCursor = rows.length > limit ? (shown.at(-1)?.id ?? null) : null;
        return { status: 200, body: { data: shown.map(toCallView), nextCursor } };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/calls/{id}',
      summary: 'Show one call of a model with every attempt to make it',
      tag: 'Models',
      scope: 'billing:read',
      params: callParams,
      responses: { 200: modelCallDetail },
      async handler({ principal: { mode }, params: { id }, read }) {
        const row = await read((tx) => findCall(tx, mode, id));
        if (!row) throw new GuildhallError(historyErrors.callMissing);
        return { status: 200, body: toCallDetail(row) };
      },
    }),
    healthRoute(deps),
  ];
}
