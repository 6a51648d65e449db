/** A server with routes of the test and nothing behind them. */
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../../clock/index.ts';
import type { Db } from '../../db/index.ts';
import { GuildhallError } from '../../errors/index.ts';
import { createIds } from '../../ids/index.ts';
import { silentLogger } from '../../telemetry/index.ts';
import { authErrors } from '../errors.ts';
import { createHttp, type HttpOptions, type RouteDefinition, route } from '../index.ts';

/** A key that is let in; every other one is refused. */
export const KEY = 'test-key';

/** A route that says where the request came from. */
export const where = route({
  method: 'GET',
  path: '/v1/where',
  summary: 'Say where from',
  tag: 'Test',
  scope: 'public',
  responses: { 200: null },
  handler: async ({ raw }) => ({ status: 200, body: { ip: raw.ip } }),
});

export function bareHttp(
  routes: readonly RouteDefinition[],
  options: Partial<HttpOptions> = {},
): Promise<FastifyInstance> {
  return createHttp({
    // No route of these tests asks a database.
    db: undefined as unknown as Db,
    ids: createIds(systemClock),
    clock: systemClock,
    log: silentLogger,
    fileMaxBytes: 1_000,
    authenticate: async (presented) => {
      if (presented !== KEY) throw new GuildhallError(authErrors.missing);
      return { orgId: 'org_a', keyId: 'key_a', mode: 'live', scopes: ['runs:read', 'runs:write'] };
    },
    limit: async () => ({ headers: {} }),
    observe: () => {},
    routes,
    ...options,
  });
}
