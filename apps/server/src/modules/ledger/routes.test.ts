import type { Mode, Scope } from '@guildhall/contract';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock/index.ts';
import { createHttp } from '../../platform/http/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createAudit } from '../audit/index.ts';
import { type Books, ORG_A, openBooks } from './fixture.ts';
import { ledgerRoutes } from './index.ts';

let books: Books;
let app: FastifyInstance;
beforeAll(async () => {
  books = await openBooks();
  await books.asA((tx) =>
    books.ledger.grant(tx, { transferId: 'tr_g', orgId: ORG_A, amountNanos: 1_000n, reason: 'gift' }),
  );
  await books.hold('hold_1', 300n);
  await books.settle('hold_1', 120n);
  await books.hold('hold_2', 50n);
  app = await createHttp({
    db: books.database.db,
    ids: createIds(systemClock),
    clock: systemClock,
    // Only these three are used at the edge.
    log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    routes: ledgerRoutes({ ledger: books.ledger, audit: createAudit({ ids: createIds(systemClock) }) }),
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
  await books.close();
});

const ask = async (
  method: 'GET' | 'PUT',
  url: string,
  more: { key?: string; body?: InjectOptions['payload'] } = {},
) => {
  const { key = `${ORG_A} live ${method === 'GET' ? 'billing:read' : 'billing:write'}`, body } = more;
  const answer = await app.inject({
    method,
    url,
    headers: { 'x-api-key': key },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, json: answer.json() };
};
const usd = (nanos: string) => ({ nanos, currency: 'USD' });
const audited = async () =>
  await books.admin(`select action, target_id from audit.event where org_id = '${ORG_A}' order by seq`);
const budget = { scope: { type: 'organisation' }, period: 'month', limit: usd('900'), hard: true };

test('the balance is that of the mode of the key', async () => {
  expect(await ask('GET', '/v1/balance')).toEqual({
    status: 200,
    json: { available: usd('830'), held: usd('50'), spent: usd('120') },
  });
  const test = await ask('GET', '/v1/balance', { key: `${ORG_A} test billing:read` });
  expect(test.json).toEqual({ available: usd('100000000000'), held: usd('0'), spent: usd('0') });
});

test('an organisation without books has nothing', async () => {
  const other = await ask('GET', '/v1/balance', { key: 'org_b live billing:read' });
  expect(other.json).toEqual({ available: usd('0'), held: usd('0'), spent: usd('0') });
  expect((await ask('GET', '/v1/ledger/entries', { key: 'org_b live billing:read' })).json).toEqual({
    data: [],
    nextCursor: null,
  });
});

test('entries are paged, newest first', async () => {
  const first = await ask('GET', '/v1/ledger/entries?limit=2');
  expect(first.status).toBe(200);
  expect(first.json.data[0]).toMatchObject({
    transferId: 'tr_2.take',
    template: 'take-hold',
    account: 'held',
    amount: usd('50'),
    runId: 'run_2',
  });
  const second = await ask('GET', `/v1/ledger/entries?limit=2&cursor=${first.json.nextCursor}`);
  expect(second.json.data[0]).toMatchObject({ transferId: 'tr_1.end', account: 'spent', amount: usd('120') });
  expect(await ask('GET', '/v1/ledger/entries?cursor=nonsense')).toMatchObject({
    status: 422,
    json: { code: 'ledger.cursor' },
  });
});

test('a budget is created, replaced and removed, each with one audit row', async () => {
  const before = (await audited()).length;
  const created = await ask('PUT', '/v1/budgets', { body: budget });
  expect(created).toMatchObject({
    status: 200,
    json: {
      scope: { type: 'organisation', id: ORG_A },
      period: 'month',
      limit: usd('900'),
      hard: true,
      spent: usd('120'),
      held: usd('50'),
    },
  });
  expect(created.json.resetsAt).toMatch(/-01T00:00:00\.000Z$/);
  const replaced = await ask('PUT', '/v1/budgets', { body: { ...budget, limit: usd('170'), hard: false } });
  expect(replaced.json).toMatchObject({ id: created.json.id, limit: usd('170'), hard: false });
  expect((await ask('GET', '/v1/budgets')).json).toEqual({ data: [replaced.json] });
  const removed = await ask('PUT', '/v1/budgets', { body: { ...budget, limit: null } });
  expect(removed).toMatchObject({ status: 200, json: { id: created.json.id, limit: null } });
  expect((await ask('GET', '/v1/budgets')).json).toEqual({ data: [] });
  expect((await audited()).slice(before)).toEqual(
    ['budget.put', 'budget.put', 'budget.remove'].map((action) => ({
      action,
      target_id: `organisation/${ORG_A}/month`,
    })),
  );
});

test('the amounts at which a budget tells are shown in order, and replaced with it', async () => {
  const alertAt = [usd('50'), usd('7')];
  const put = await ask('PUT', '/v1/budgets', { body: { ...budget, alertAt } });
  expect(put.json.alertAt).toEqual([usd('7'), usd('50')]);
  expect((await ask('GET', '/v1/budgets')).json.data).toEqual([put.json]);
  expect((await ask('PUT', '/v1/budgets', { body: budget })).json.alertAt).toEqual([]);
  await ask('PUT', '/v1/budgets', { body: { ...budget, limit: null } });
});

test('removing a budget that does not exist answers 404 and leaves no audit row', async () => {
  const before = await audited();
  const body = { ...budget, scope: { type: 'key', id: 'key_9' }, limit: null };
  expect(await ask('PUT', '/v1/budgets', { body })).toMatchObject({
    status: 404,
    json: { code: 'ledger.budget-not-found' },
  });
  expect(await audited()).toEqual(before);
});

test.each([
  ['a scope without its id', { ...budget, scope: { type: 'key' } }],
  ['another organisation', { ...budget, scope: { type: 'organisation', id: 'org_b' } }],
  ['a negative limit', { ...budget, limit: usd('-1') }],
  ['a limit that does not fit', { ...budget, limit: usd('9999999999999999999') }],
  ['an unknown period', { ...budget, period: 'week' }],
  ['an unknown field', { ...budget, spent: usd('0') }],
  ['an amount of nothing to tell at', { ...budget, alertAt: [usd('0')] }],
  ['an amount named twice', { ...budget, alertAt: [usd('7'), usd('07')] }],
  ['more amounts than anyone reads', { ...budget, alertAt: Array.from({ length: 21 }, (_, i) => usd(String(i + 1))) }],
])('%s is refused', async (_, body) => {
  expect((await ask('PUT', '/v1/budgets', { body })).status).toBe(422);
  expect((await ask('GET', '/v1/budgets')).json).toEqual({ data: [] });
});

test('reading needs billing:read and changing needs billing:write', async () => {
  expect((await ask('GET', '/v1/balance', { key: `${ORG_A} live runs:read` })).status).toBe(403);
  expect((await ask('PUT', '/v1/budgets', { key: `${ORG_A} live billing:read`, body: budget })).status).toBe(403);
  expect((await app.inject({ method: 'GET', url: '/v1/balance' })).statusCode).toBe(401);
});

test('a test key sees no budget and can put or remove none', async () => {
  const key = `${ORG_A} test billing:`;
  expect((await ask('PUT', '/v1/budgets', { body: budget })).status).toBe(200);
  expect((await ask('GET', '/v1/budgets', { key: `${key}read` })).json).toEqual({ data: [] });
  const before = [await ask('GET', '/v1/budgets'), await audited()];
  for (const limit of [usd('1'), null]) {
    const answer = await ask('PUT', '/v1/budgets', { key: `${key}write`, body: { ...budget, limit } });
    expect(answer).toMatchObject({ status: 403, json: { code: 'ledger.budget-live-only' } });
  }
  expect([await ask('GET', '/v1/budgets'), await audited()]).toEqual(before);
  await ask('PUT', '/v1/budgets', { body: { ...budget, limit: null } });
});
