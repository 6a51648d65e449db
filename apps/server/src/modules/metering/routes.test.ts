import type { Mode, Scope } from '@guildhall/contract';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { systemClock } from '../../platform/clock/index.ts';
import { createHttp } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createMetering, meteringRoutes } from './index.ts';

let database: TestDatabase;
let app: FastifyInstance;
beforeAll(async () => {
  database = await testDatabase();
  const { db } = database;
  const metering = createMetering({ db, clock: systemClock });
  const use = {
    orgId: 'org_a',
    source: 'run',
    agentId: 'alpha',
    tier: 'solo',
    priceVersion: 1,
    inputTokens: 7,
    outputTokens: 3,
    costNanos: 40n,
  };
  await db.tenant('org_a', async (tx) => {
    await metering.record(tx, { ...use, id: 'run_1', runId: 'run_1', mode: 'live' });
    await metering.record(tx, { ...use, id: 'run_2', runId: 'run_2', mode: 'test', agentId: 'beta' });
  });
  app = await createHttp({
    db,
    ids: createIds(systemClock),
    clock: systemClock,
    // Only these three are used at the edge.
    log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    routes: meteringRoutes({ metering }),
    fileMaxBytes: 1024,
    // The key says who it is: `org mode scope`.
    authenticate: async (presented) => {
      const [orgId, mode, scope] = presented.split(' ') as [string, Mode, Scope];
      return { orgId, keyId: 'key_1', mode, scopes: [scope] };
    },
    limit: async () => ({ headers: {} }),
    observe: () => {},
  });
});
afterAll(async () => {
  await app.close();
  await database.close();
});

const get = async (url: string, key = 'org_a live billing:read') => {
  const answer = await app.inject({ url, headers: { 'x-api-key': key } });
  return { status: answer.statusCode, json: answer.json() };
};
const row = (key: string) => ({
  key,
  runs: 1,
  calls: 0,
  inputTokens: 7,
  outputTokens: 3,
  cost: { nanos: '40', currency: 'USD' },
});

test('usage is summed for the organisation and the mode of the key', async () => {
  expect(await get('/v1/usage?groupBy=agent')).toEqual({
    status: 200,
    json: { data: [row('alpha')], nextCursor: null },
  });
  expect((await get('/v1/usage?groupBy=agent', 'org_a test billing:read')).json.data).toEqual([row('beta')]);
  expect((await get('/v1/usage?groupBy=agent', 'org_b live billing:read')).json.data).toEqual([]);
});

test('a period outside of the use shows nothing', async () => {
  expect((await get('/v1/usage?groupBy=day&from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z')).json.data).toEqual([]);
});

test.each([
  'groupBy=colour',
  'groupBy=day&from=yesterday',
  'groupBy=day&mode=test',
  'groupBy=day&from=2020-02-01T00:00:00Z&to=2020-01-01T00:00:00Z',
])('%s is refused', async (query) => {
  expect((await get(`/v1/usage?${query}`)).status).toBe(422);
});

test('reading usage needs billing:read', async () => {
  expect((await get('/v1/usage?groupBy=day', 'org_a live runs:read')).status).toBe(403);
});
