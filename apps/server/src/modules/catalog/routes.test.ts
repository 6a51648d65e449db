import { defineAgent } from '@guildhall/agent-sdk';
import type { Scope } from '@guildhall/contract';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../platform/clock/index.ts';
import { createHttp } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createCatalog } from './index.ts';

const agent = defineAgent({
  id: 'echo',
  version: '1.0.0',
  title: 'Echo',
  summary: 'Says it again.',
  description: 'Says it again.',
  category: 'test',
  needsModel: false,
  input: z.strictObject({ deep: z.record(z.string(), z.strictObject({ n: z.number() })) }),
  output: z.strictObject({ ok: z.boolean() }),
  examples: [{ title: 'Nested', input: { deep: { a: { n: 1 } } } }],
  limits: { timeoutMs: 1_000, stepsMax: 3 },
  run: async () => ({ ok: true }),
});
const catalog = createCatalog({ agents: [agent], prices: { tiers: () => [{ id: 'basic', priceNanos: 1n }] } });

let app: FastifyInstance;
beforeAll(async () => {
  app = await createHttp({
    // These routes touch no database, and nothing here is logged.
    db: {} as never,
    log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    ids: createIds(systemClock),
    clock: systemClock,
    routes: catalog.routes,
    fileMaxBytes: 1024,
    authenticate: async (presented) => ({ orgId: 'org_1', keyId: 'key_1', mode: 'live', scopes: [presented as Scope] }),
    limit: async () => ({ headers: {} }),
    observe: () => {},
  });
});
afterAll(() => app.close());

const get = async (url: string, key = 'agents:read') => {
  const answer = await app.inject({ url, headers: key === '' ? {} : { authorization: `Bearer ${key}` } });
  return { status: answer.statusCode, json: answer.json() };
};

test('agents are listed with their prices', async () => {
  const { status, json } = await get('/v1/agents');
  expect(status).toBe(200);
  expect(json).toMatchObject({
    data: [{ id: 'echo', tiers: [{ id: 'basic', price: { nanos: '1', currency: 'USD' } }] }],
    nextCursor: null,
  });
});

test('an agent is shown with schemas, examples and limits whole', async () => {
  const { status, json } = await get('/v1/agents/echo');
  expect(status).toBe(200);
  expect(json).toMatchObject({
    examples: [{ title: 'Nested', input: { deep: { a: { n: 1 } } } }],
    limits: { timeoutMs: 1_000, stepsMax: 3 },
  });
  expect(json.inputSchema).toEqual(JSON.parse(JSON.stringify(catalog.schemas('echo').input)));
  expect(json.outputSchema).toEqual(JSON.parse(JSON.stringify(catalog.schemas('echo').output)));
});

test('an unknown agent is missing', async () => {
  expect(await get('/v1/agents/nobody')).toMatchObject({ status: 404, json: { code: 'catalog.agent-not-found' } });
});

test('agents are shown to nobody without a key or without the scope', async () => {
  for (const url of ['/v1/agents', '/v1/agents/echo']) {
    expect((await get(url, '')).status).toBe(401);
    expect((await get(url, 'runs:read')).status).toBe(403);
  }
});

test.each(['?limit=0', '?limit=201', '?limit=x', '?cursor=%00', '?unknown=1'])(
  'a list asked for with %s is refused',
  async (query) => {
    expect((await get(`/v1/agents${query}`)).status).toBe(422);
  },
);
