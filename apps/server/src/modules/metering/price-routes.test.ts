import type { Mode, Scope } from '@guildhall/contract';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/harness/database.ts';
import { createHttp } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createAudit } from '../audit/index.ts';
import { createMetering, customerCost, type Metering, modelPriceRoutes, providerCost } from './index.ts';

const NOW = new Date('2026-11-15T12:00:00.000Z');
let database: TestDatabase;
let owner: pg.Client;
let metering: Metering;
let app: FastifyInstance;
let elapsedMs: number;
const clock = { now: () => NOW, monotonicMs: () => elapsedMs };

beforeEach(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query('insert into platform.clock_shift (shift) values ($1::timestamptz - clock_timestamp())', [NOW]);
  elapsedMs = 0;
  metering = createMetering({ db: database.db, clock });
  const ids = createIds(clock);
  app = await createHttp({
    db: database.db,
    ids,
    clock,
    // Only these three are used at the edge.
    log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    routes: modelPriceRoutes({ metering, audit: createAudit({ ids }) }),
    fileMaxBytes: 1_024,
    // The key says who it is: `org mode scope`.
    authenticate: async (presented) => {
      const [orgId, mode, scope] = presented.split(' ') as [string, Mode, Scope];
      return { orgId, keyId: 'key_1', mode, scopes: [scope] };
    },
    limit: async () => ({ headers: {} }),
    observe: () => {},
  });
});
afterEach(async () => {
  await app.close();
  await owner.end();
  await database.close();
});

const OPERATOR = 'org_a live operator';
const usd = (nanos: number) => ({ nanos: String(nanos), currency: 'USD' });
const body = (more: object = {}) => ({
  provider: 'openai',
  name: 'gpt-9',
  perMillionTokens: { input: usd(2_000_000_000), output: usd(8_000_000_000) },
  source: 'openai.com/api/pricing, 2026-11-15',
  ...more,
});
const publish = async (payload: object, key = OPERATOR, headers: Record<string, string> = {}) => {
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/operator/model-prices',
    headers: { 'x-api-key': key, ...headers },
    payload,
  });
  return { status: answer.statusCode, json: answer.json() };
};
const get = async (url: string, key: string) => {
  const answer = await app.inject({ url, headers: { 'x-api-key': key } });
  return { status: answer.statusCode, json: answer.json() };
};
const find = (name: string, kind = 'openai') => metering.modelPrice(kind, name);

test('the opening list has its models, by dated names too, and local models cost nothing', async () => {
  expect(await find('gpt-4o-mini-2024-07-18')).toMatchObject({
    name: 'gpt-4o-mini',
    input: 150_000_000n,
    cachedInput: 75_000_000n,
    output: 600_000_000n,
  });
  expect(await find('gpt-4o-2024-05-13')).toMatchObject({ input: 5_000_000_000n });
  expect(await find('gpt-4o-2024-11-20')).toMatchObject({ name: 'gpt-4o', input: 2_500_000_000n });
  expect(await find('gpt-4o-mini-tts')).toBeUndefined();
  expect(await find('claude-sonnet-4-5-20250929', 'anthropic')).toMatchObject({
    name: 'claude-sonnet-4-5',
    cacheWriteLong: 6_000_000_000n,
    tiers: [
      {
        aboveInputTokens: 200_000,
        input: 6_000_000_000n,
        cacheWriteLong: 12_000_000_000n,
        output: 22_500_000_000n,
        reasoning: 22_500_000_000n,
      },
    ],
  });
  expect(await find('text-embedding-3-small')).toMatchObject({ embeds: true, input: 20_000_000n, output: 0n });
  expect(await find('llama3.2:1b', 'ollama')).toMatchObject({ name: '*', input: 0n, output: 0n });
  expect(await find('llama3.2:1b', 'compatible')).toBeUndefined();
});

test('no alias of the opening list is the name or alias of another model, and no tier is cheaper than what is below it', async () => {
  const seen = new Set<string>();
  for (const price of await metering.modelPrices()) {
    for (const name of [price.name, ...price.aliases]) {
      expect(seen.has(`${price.kind}/${name}`), name).toBe(false);
      seen.add(`${price.kind}/${name}`);
    }
    for (const tier of price.tiers) expect(tier.input).toBeGreaterThan(price.input);
    expect(price.cachedInput).toBeLessThanOrEqual(price.input);
    expect(price.source).not.toBe('');
  }
  expect(seen.size).toBeGreaterThan(80);
});

test('a published price is in force at once, is in the audit trail, and is answered with what was left out', async () => {
  const { status, json } = await publish(body({ aliases: ['gpt-9-2026-11-01'] }));
  expect(status).toBe(201);
  expect(json).toMatchObject({
    model: 'openai/gpt-9',
    perMillionTokens: {
      cachedInput: usd(2_000_000_000),
      cacheWriteLong: usd(2_000_000_000),
      reasoning: usd(8_000_000_000),
    },
    effectiveFrom: expect.stringMatching(/^2026-11-15T12:0/),
  });
  expect(await find('gpt-9-2026-11-01')).toMatchObject({ id: json.id, name: 'gpt-9' });
  const trail = await owner.query(`select action, target_id, actor_type from audit.event where org_id = 'org_a'`);
  expect(trail.rows).toEqual([{ action: 'model-price.publish', target_id: json.id, actor_type: 'operator' }]);
});

test('a new price keeps the aliases and sizes of the model that it leaves out, and takes none from another model', async () => {
  const { json } = await publish(body({ name: 'gpt-4o-mini', outputTokensMax: 9 }));
  expect(json).toMatchObject({ aliases: ['gpt-4o-mini-2024-07-18'], contextTokens: 128_000, outputTokensMax: 9 });
  expect((await find('gpt-4o-mini-2024-07-18'))?.id).toBe(json.id);
  expect((await publish(body({ name: 'gpt-4o-mini', aliases: [] }))).json.aliases).toEqual([]);
  expect((await publish(body({ name: 'gpt-4o-2024-08-06' }))).json.contextTokens).toBeNull();
});

test('other processes use a new price within five seconds, and ask nobody until then', async () => {
  const other = createMetering({ db: database.db, clock });
  const old = await other.modelPrice('openai', 'gpt-4o');
  const { json } = await publish(body({ name: 'gpt-4o' }));
  expect((await other.modelPrice('openai', 'gpt-4o'))?.id).toBe(old?.id);
  elapsedMs += 5_001;
  expect((await other.modelPrice('openai', 'gpt-4o'))?.id).toBe(json.id);
  expect((await other.modelPrice('openai', 'gpt-4o', new Date('2026-11-15T11:59:59Z')))?.id).toBe(old?.id);
});

test('a price for later is announced, and in force from its time on', async () => {
  const { json } = await publish(body({ effectiveFrom: '2026-11-16T00:00:00Z' }));
  expect(await find('gpt-9')).toBeUndefined();
  const announced = await get('/v1/operator/model-prices', OPERATOR);
  expect(announced.json.data.at(-1)).toMatchObject({ id: json.id, effectiveFrom: '2026-11-16T00:00:00.000Z' });
  expect((await metering.modelPrices()).some(({ id }) => id === json.id)).toBe(false);
  await owner.query(`update platform.clock_shift set shift = shift + interval '1 day'`);
  elapsedMs += 5_001;
  expect((await find('gpt-9'))?.id).toBe(json.id);
});

test('history is priced the same after prices and markup changed, from the ids that were recorded', async () => {
  const use = {
    input: 250_000,
    output: 900,
    cached: 1_000,
    cacheWrite: 200,
    cacheWriteLong: 50,
    reasoning: 300,
    images: 0,
  };
  const models: readonly [string, string][] = [
    ['openai', 'gpt-4o'],
    ['anthropic', 'claude-sonnet-4-5-20250929'],
    ['google', 'gemini-2.5-pro'],
    ['ollama', 'x'],
  ];
  const book = await metering.priceBook();
  const history = await Promise.all(
    models.map(async ([kind, name]) => {
      const price = await metering.modelPrice(kind, name);
      if (!price) throw new Error(`${kind}/${name} has no price`);
      const cost = providerCost(price, use);
      return { priceId: price.id, version: book.version, cost, charged: customerCost(book, cost) };
    }),
  );
  for (const [provider, name] of models) expect((await publish(body({ provider, name }))).status).toBe(201);
  await metering.publishPrices({ ...book, effectiveFrom: NOW, markupBasisPoints: 9_000 });
  const later = createMetering({ db: database.db, clock });
  for (const call of history) {
    const price = await later.modelPriceById(call.priceId);
    if (!price) throw new Error(`${call.priceId} is gone`);
    expect(providerCost(price, use)).toBe(call.cost);
    expect(customerCost(await later.priceBook(undefined, call.version), call.cost)).toBe(call.charged);
  }
  expect((await later.modelPrice('openai', 'gpt-4o'))?.id).not.toBe(history[0]?.priceId);
});

test('no role changes or removes a price', async () => {
  for (const statement of ['update metering.model_price set input = 0', 'delete from metering.model_price']) {
    await expect(owner.query(statement)).rejects.toThrow('append-only');
  }
});

test('customers see what they pay, with the markup', async () => {
  const { status, json } = await get('/v1/model-prices', 'org_b test billing:read');
  expect(status).toBe(200);
  const mini = json.data.find(({ model }: { model: string }) => model === 'openai/gpt-4o-mini');
  expect(mini).toMatchObject({
    perMillionTokens: { input: usd(171_000_000), output: usd(684_000_000) },
    contextTokens: 128_000,
  });
  expect(mini).not.toHaveProperty('source');
});

test.each<[string, object, string]>([
  ['a negative price', { perMillionTokens: { input: usd(-1), output: usd(1) } }, '/perMillionTokens/input/nanos'],
  [
    'more than $10,000 per million',
    { perMillionTokens: { input: usd(1), output: usd(10_000_000_000_001) } },
    '/perMillionTokens/output/nanos',
  ],
  ['an image of more than $100', { perImage: usd(100_000_000_001) }, '/perImage/nanos'],
  [
    'tiers that do not ascend',
    { tiers: [2, 2].map((aboveInputTokens) => ({ aboveInputTokens, perMillionTokens: body().perMillionTokens })) },
    '/tiers',
  ],
  ['a time in the past', { effectiveFrom: '2026-11-15T11:59:59Z' }, '/effectiveFrom'],
  ['an alias of another model', { aliases: ['gpt-4o-2024-08-06'] }, '/aliases'],
  ['an alias that is the name of another model', { aliases: ['gpt-4o'] }, '/aliases'],
  ['an alias that is its own name', { aliases: ['gpt-9'] }, '/aliases'],
  ['aliases of all models', { name: '*', aliases: ['x'] }, '/aliases'],
  ['an unknown provider', { provider: 'acme' }, '/provider'],
  ['no source', { source: ' ' }, '/source'],
  ['a name with a line end', { name: 'a\nb' }, '/name'],
])('%s is refused with its place, and nothing is published', async (_, more, path) => {
  const { status, json } = await publish(body(more));
  expect(status).toBe(422);
  expect(json.errors.map((fault: { path: string }) => fault.path)).toContain(path);
  expect(await find('gpt-9')).toBeUndefined();
});

test('a repeat with the same key publishes once', async () => {
  const headers = { 'idempotency-key': 'once' };
  const first = await publish(body(), OPERATOR, headers);
  expect(await publish(body(), OPERATOR, headers)).toEqual(first);
  expect((await owner.query(`select 1 from metering.model_price where name = 'gpt-9'`)).rowCount).toBe(1);
});

test('only the operator publishes, with a live key, and sees what providers ask', async () => {
  expect((await publish(body(), 'org_a live billing:write')).status).toBe(403);
  expect((await publish(body(), 'org_a test operator')).status).toBe(403);
  expect((await get('/v1/operator/model-prices', 'org_a live billing:read')).status).toBe(403);
  expect((await get('/v1/model-prices', 'org_a live runs:read')).status).toBe(403);
  expect((await app.inject('/v1/model-prices')).statusCode).toBe(401);
});
