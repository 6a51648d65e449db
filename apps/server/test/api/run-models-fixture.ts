/** A platform with agents that use models, whose books are looked at after each run. */
import type { Run, RunEvent, Step } from '@guildhall/contract';
import pg from 'pg';
import { expect } from 'vitest';
import { runHistory } from '../../src/modules/runs/index.ts';
import type { Failpoint } from '../../src/platform/failpoints/index.ts';
import type { Role } from '../../src/serve.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { caller, leaver, modest, talker, unplanned, worker } from './model-agents.ts';
import { ENDED, eventually } from './runs-fixture.ts';

export const PROVIDER_KEY = 'sk-operator-canary-1234567890';
/** Of the tier `standard`. */
export const BASE = 47_500_000n;
export const INCLUDED = 20_000;
export const model = 'openai/gpt-5-mini';

/** Of that model, $0.25 and $2 a million, computed apart from the platform. */
export const providerCost = (input: number, output: number): bigint =>
  (BigInt(input) * 250_000_000n + BigInt(output) * 2_000_000_000n + 999_999n) / 1_000_000n;

/** The share of a call that is beyond what the tier includes, and 14 %. */
export function priceOf(before: number, input: number, output: number): bigint {
  const tokens = input + output;
  const paid = Math.max(0, tokens - Math.max(0, INCLUDED - before));
  const share = providerCost(input, output) * BigInt(paid) * 11_400n;
  const whole = BigInt(tokens) * 10_000n;
  return (share + whole - 1n) / whole;
}

export const words = (count: number): string => 'word '.repeat(count);

export interface CallRow {
  readonly status: string;
  readonly model: string;
  readonly cost_nanos: string;
  readonly provider_cost_nanos: string;
  readonly loss_nanos: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
}

export interface ModelPlatform extends TestPlatform {
  readonly mock: MockProvider;
  readonly owner: pg.Client;
  get<T>(path: string): Promise<T>;
  begin(agent: string, input: object, more?: object, wait?: number): Promise<Run>;
  until(id: string, is: (run: Run) => boolean): Promise<Run>;
  ended(id: string): Promise<Run>;
  /** A replay, once it has ended. */
  replayed(id: string, body?: object): Promise<Run>;
  callsOf(runId: string): Promise<CallRow[]>;
  stepsOf(id: string): Promise<Step[]>;
  eventsOf(id: string): Promise<RunEvent[]>;
  /** Net of refunds; nothing is held. */
  spent(): Promise<bigint>;
  /** What has been spent since `before`, with the books whole. */
  since(before: bigint): Promise<bigint>;
  /** What providers were asked to say. */
  asked(): ReturnType<MockProvider['requests']>;
}

export async function modelPlatform(
  options: { environment?: Record<string, string>; failpoint?: Failpoint; role?: Role } = {},
): Promise<ModelPlatform> {
  const mock = await startMockProvider();
  const platform = await testPlatform({
    agents: asAgents(talker, worker, caller, modest, unplanned, leaver),
    ...options,
    environment: {
      OPENAI_API_KEY: PROVIDER_KEY,
      OPENAI_BASE_URL: `${mock.url}/v1`,
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      ...options.environment,
    },
  });
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const get = async <T>(path: string): Promise<T> => (await platform.call<T>('GET', path)).body;
  const until = (id: string, is: (run: Run) => boolean) =>
    eventually(async () => {
      const run = await get<Run>(`/v1/runs/${id}`);
      return is(run) ? run : undefined;
    });
  const ended = (id: string) => until(id, ({ status }) => ENDED.has(status));
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
  return {
    ...platform,
    mock,
    owner,
    get,
    until,
    ended,
    spent,
    begin: async (agent, input, more = {}, wait = 20) =>
      (await platform.call<Run>('POST', `/v1/agents/${agent}/runs?wait=${wait}`, { input, ...more })).body,
    replayed: async (id, body = {}) => ended((await platform.call<Run>('POST', `/v1/runs/${id}/replay`, body)).body.id),
    callsOf: async (runId) =>
      (await owner.query('select * from models.call where run_id = $1 order by id', [runId])).rows,
    stepsOf: async (id) => (await get<{ data: Step[] }>(`/v1/runs/${id}/steps`)).data,
    eventsOf: async (id) =>
      (await owner.query('select seq, type, data from runs.event where run_id = $1 order by seq', [id])).rows,
    since: async (before) => {
      expect(await findings()).toEqual([]);
      return (await spent()) - before;
    },
    asked: () => mock.requests().filter(({ path }) => path.endsWith('/chat/completions')),
    close: async () => {
      await owner.end();
      await platform.close();
      await mock.close();
    },
  };
}
