/** What a member spends, signed in or by a key, counts as theirs: in budgets of members and in usage. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runHistory } from '../../src/modules/runs/index.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { keeper } from './agents.ts';
import { codeOf, staffed } from './members-fixture.ts';

let mock: MockProvider;
let platform: TestPlatform;
beforeAll(async () => {
  mock = await startMockProvider();
  const environment = { OPENAI_API_KEY: 'sk-operator-1234567890', OPENAI_BASE_URL: `${mock.url}/v1` };
  platform = await testPlatform({ agents: asAgents(keeper), environment });
});
afterAll(async () => {
  await platform.close();
  await mock.close();
});

const usd = (nanos: string) => ({ nanos, currency: 'USD' });
const RUN = ['POST', '/v1/agents/keeper/runs?wait=10', { input: {} }] as const;
const CALL = [
  'POST',
  '/v1/chat/completions',
  { model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 },
] as const;

it('a hard budget of a member refuses runs and calls of models, by session and by key, and leaves others alone', async () => {
  const { owner, hire } = await staffed(platform);
  const admin = await hire('admin');
  const scope = { type: 'member', id: admin.memberId };
  const budget = (nanos: string) =>
    owner.call('PUT', '/v1/budgets', { scope, period: 'day', limit: usd(nanos), hard: true });
  expect((await budget('1')).status).toBe(200);
  const keyBody = { name: 'K', scopes: ['runs:read', 'runs:write', 'models:use'], mode: 'live' };
  const key = String((await admin.call('POST', '/v1/keys', keyBody)).body.secret);

  const refused = [402, expect.stringMatching(/^(budget|models)\..*exceeded$/)];
  expect(codeOf(await admin.call(...RUN))).toEqual(refused);
  expect(codeOf(await platform.call(...RUN, { key }))).toEqual(refused);
  expect((await admin.call(...CALL)).status).toBe(402);
  expect((await platform.call(...CALL, { key })).status).toBe(402);
  expect([(await owner.call(...RUN)).status, (await owner.call(...CALL)).status]).toEqual([200, 200]);

  await budget('5000000000');
  expect([(await admin.call(...RUN)).status, (await platform.call(...CALL, { key })).status]).toEqual([200, 200]);
  const { body } = await owner.call<{ data: { key: string; runs: number; cost: { nanos: string } }[] }>(
    'GET',
    '/v1/usage?groupBy=member',
  );
  const used = new Map(body.data.map((row) => [row.key, BigInt(row.cost.nanos)]));
  expect([...used.keys()].toSorted()).toEqual([admin.memberId, owner.memberId].toSorted());
  const budgets = await owner.call<{ data: { scope: { id: string }; spent: { nanos: string } }[] }>(
    'GET',
    '/v1/budgets',
  );
  const spent = budgets.body.data.find((one) => one.scope.id === admin.memberId)?.spent.nanos ?? '0';
  expect(BigInt(spent)).toBe(used.get(admin.memberId));
  const { ledger, metering, models } = platform.server.platform;
  expect(
    await ledger.verify({
      usageByRun: (orgId) => metering.usageByRun(orgId),
      usageDifferences: (orgId) => metering.differences(orgId),
      runHistory: async (orgId) => [...(await runHistory(platform.db, orgId)), ...(await models.history(orgId))],
    }),
  ).toEqual([]);
});
