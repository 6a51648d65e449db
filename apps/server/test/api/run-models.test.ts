/** Agents that use models, with the books looked at after each run. */
import type { Run, RunEvent, Step } from '@guildhall/contract';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runHistory } from '../../src/modules/runs/index.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { caller, modest, talker, worker } from './model-agents.ts';
import { ENDED, eventually } from './runs-fixture.ts';

let mock: MockProvider;
let platform: TestPlatform;
let owner: pg.Client;

const PROVIDER_KEY = 'sk-operator-canary-1234567890';
// Of the tier `standard`.
const BASE = 47_500_000n;

beforeAll(async () => {
  mock = await startMockProvider();
  platform = await testPlatform({
    agents: asAgents(talker, worker, caller, modest),
    environment: { OPENAI_API_KEY: PROVIDER_KEY, OPENAI_BASE_URL: `${mock.url}/v1` },
  });
  owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
});
beforeEach(() => mock.reset());
afterAll(async () => {
  await owner.end();
  await platform.close();
  await mock.close();
});

interface CallRow {
  readonly status: string;
  readonly cost_nanos: string;
  readonly provider_cost_nanos: string;
  readonly loss_nanos: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
}
const callsOf = async (runId: string): Promise<CallRow[]> =>
  (await owner.query('select * from models.call where run_id = $1 order by id', [runId])).rows;
const get = async <T>(path: string): Promise<T> => (await platform.call<T>('GET', path)).body;
const stepsOf = async (id: string) => (await get<{ data: Step[] }>(`/v1/runs/${id}/steps`)).data;
const eventsOf = async (id: string): Promise<RunEvent[]> =>
  (await owner.query('select seq, type, data from runs.event where run_id = $1 order by seq', [id])).rows;
const begin = (agent: string, input: object, more: object = {}, wait = 20) =>
  platform.call<Run>('POST', `/v1/agents/${agent}/runs?wait=${wait}`, { input, ...more });
const until = (id: string, is: (run: Run) => boolean) =>
  eventually(async () => {
    const run = await get<Run>(`/v1/runs/${id}`);
    return is(run) ? run : undefined;
  });
const spent = async (): Promise<bigint> => {
  const body = await get<{ held: { nanos: string }; spent: { nanos: string } }>('/v1/balance');
  expect(body.held.nanos).toBe('0');
  return BigInt(body.spent.nanos);
};
const findings = async () => {
  const { ledger, metering, models } = platform.server.platform;
  return ledger.verify({
    usageByRun: (orgId) => metering.usageByRun(orgId),
    usageDifferences: (orgId) => metering.differences(orgId),
    runHistory: async (orgId) => [...(await runHistory(platform.db, orgId)), ...(await models.history(orgId))],
  });
};
/** What has been spent since `before`, with the books whole. */
const since = async (before: bigint): Promise<bigint> => {
  expect(await findings()).toEqual([]);
  return (await spent()) - before;
};

describe('an agent that uses a model', () => {
  it('pays nothing beyond its base price while its tier includes the tokens', async () => {
    const before = await spent();
    const { body: run } = await begin('talker', {});
    expect(run).toMatchObject({ status: 'succeeded', cost: { nanos: BASE.toString() } });
    expect(run.usage.outputTokens).toBe(16);
    expect(run.usage.inputTokens).toBeGreaterThan(0);
    const [step] = await stepsOf(run.id);
    expect(step).toMatchObject({ name: 'model talk', kind: 'model', status: 'succeeded', cost: { nanos: '0' } });
    expect(step?.usage).toEqual({ inputTokens: run.usage.inputTokens, outputTokens: 16 });
    expect(await since(before)).toBe(BASE);
  });
});
