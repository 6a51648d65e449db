/** The gateway with every kind of provider behind it, all of them the mock, and what the tests of it ask of its books. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import pg from 'pg';
import { expect } from 'vitest';
import { type MockProvider, type RecordedRequest, startMockProvider } from '../harness/mock-provider/index.ts';
import { type TestPlatform, type TestPlatformOptions, testPlatform } from '../harness/platform.ts';

export const KINDS = [
  'openai',
  'anthropic',
  'google',
  'mistral',
  'novita',
  'openrouter',
  'ollama',
  'compatible',
] as const;
export type Kind = (typeof KINDS)[number];

export const OPERATOR_KEY = 'sk-operator-0123456789';

/** Nano-USD per million tokens, each another number, so that a token in the wrong place is seen. */
export const RATES = {
  input: 1_000_000_007n,
  cachedInput: 100_000_003n,
  cacheWrite: 1_250_000_021n,
  cacheWriteLong: 2_000_000_033n,
  output: 4_000_000_039n,
  reasoning: 5_000_000_041n,
};
export const PER_REQUEST = 1_001n;
export const PER_IMAGE = 50_003n;
const CONTEXT_TOKENS = 100_000;

/** A row of models.call. */
export interface History {
  readonly id: string;
  readonly model: string;
  readonly status: string;
  readonly channel_id: string | null;
  readonly attempts: readonly { readonly channelId: string; readonly model: string; readonly outcome: string }[];
  readonly own_key: boolean;
  readonly input_tokens: string;
  readonly cached_tokens: string;
  readonly cache_write_tokens: string;
  readonly cache_write_long_tokens: string;
  readonly output_tokens: string;
  readonly reasoning_tokens: string;
  readonly images: string;
  readonly counted: boolean;
  readonly hold_nanos: string;
  readonly cost_nanos: string;
  readonly provider_cost_nanos: string;
  readonly loss_nanos: string;
  readonly price_id: string | null;
  readonly error_code: string | null;
}

/** What a call used, by the words of whoever says so. */
export interface Used {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly cacheWriteLong: number;
  readonly reasoning: number;
}

export const up = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;
/** 14 % on what the provider asks, rounded up: computed apart from the platform. */
export const withMarkup = (nanos: bigint): bigint => up(nanos * 114n, 100n);

export function providerAsks(used: Used, images = 0, rates: typeof RATES = RATES): bigint {
  const { input, output, cached, cacheWrite, cacheWriteLong, reasoning } = used;
  const tokens =
    BigInt(input - cached - cacheWrite) * rates.input +
    BigInt(cached) * rates.cachedInput +
    BigInt(cacheWrite - cacheWriteLong) * rates.cacheWrite +
    BigInt(cacheWriteLong) * rates.cacheWriteLong +
    BigInt(output - reasoning) * rates.output +
    BigInt(reasoning) * rates.reasoning;
  return up(tokens, 1_000_000n) + PER_REQUEST + BigInt(images) * PER_IMAGE;
}

type Loose = Record<string, unknown>;
const at = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce<unknown>((inner, name) => (inner as Loose | null | undefined)?.[name], value);
const count = (value: unknown, ...names: readonly string[]): number => Number(at(value, ...names) ?? 0);

/** The JSON objects of a body or of the events of a stream. */
export function objectsOf(text: string): readonly Loose[] {
  if (!/^(?:event|data):/m.test(text)) return text === '' ? [] : [JSON.parse(text) as Loose];
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as Loose);
}

/** The usage that a text of any of the wires reports, read by other code than the platform's. */
export function reportedIn(text: string): Used | undefined {
  const said: Loose = {};
  for (const object of objectsOf(text))
    for (const usage of [at(object, 'usage'), at(object, 'message', 'usage'), at(object, 'response', 'usage')])
      if (usage) Object.assign(said, usage);
  if ('prompt_tokens' in said)
    return {
      input: count(said.prompt_tokens),
      output: count(said.completion_tokens),
      cached: count(said, 'prompt_tokens_details', 'cached_tokens'),
      cacheWrite: count(said, 'prompt_tokens_details', 'cache_write_tokens'),
      cacheWriteLong: 0,
      reasoning: count(said, 'completion_tokens_details', 'reasoning_tokens'),
    };
  if (!('input_tokens' in said)) return undefined;
  const isOpenAi = 'total_tokens' in said;
  const cached = isOpenAi ? count(said, 'input_tokens_details', 'cached_tokens') : count(said.cache_read_input_tokens);
  const cacheWrite = isOpenAi
    ? count(said, 'input_tokens_details', 'cache_write_tokens')
    : count(said.cache_creation_input_tokens);
  return {
    input: count(said.input_tokens) + (isOpenAi ? 0 : cached + cacheWrite),
    output: count(said.output_tokens),
    cached,
    cacheWrite,
    cacheWriteLong: count(said, 'cache_creation', 'ephemeral_1h_input_tokens'),
    reasoning:
      count(said, 'output_tokens_details', 'reasoning_tokens') +
      count(said, 'output_tokens_details', 'thinking_tokens'),
  };
}

/** Where two texts part; empty where they do not. Shorter to read than both. */
export function differenceOf(text: string, other: string): string {
  if (text === other) return '';
  let at = 0;
  while (text[at] === other[at]) at += 1;
  return `at ${at}: ${JSON.stringify(text.slice(at - 20, at + 100))} or ${JSON.stringify(other.slice(at - 20, at + 100))}`;
}

export interface GatewayWorld {
  readonly mock: MockProvider;
  readonly platform: TestPlatform;
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  /** The last answer that a client got, as it came. */
  readonly last: { headers: Headers; text: Promise<string> };
  /** Clients that repeat nothing, with this key. */
  clients(key: string, headers?: Record<string, string>): { readonly openai: OpenAI; readonly anthropic: Anthropic };
  lastRequest(): RecordedRequest;
  publish(price: object): Promise<{ readonly id: string }>;
  spent(key?: string): Promise<bigint>;
  history(callId: string): Promise<History>;
  /** The newest call of all. */
  newest(): Promise<History>;
  rows<T>(text: string, values?: unknown[]): Promise<T[]>;
  /** Every difference between history, usage and ledger. */
  findings(): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

const usd = (nanos: bigint) => ({ nanos: nanos.toString(), currency: 'USD' });
export const perMillion = (rates: Partial<typeof RATES>) =>
  Object.fromEntries(Object.entries(rates).map(([name, nanos]) => [name, usd(nanos)]));

export async function createGatewayWorld(options: Partial<TestPlatformOptions> = {}): Promise<GatewayWorld> {
  const mock = await startMockProvider();
  const platform = await testPlatform({
    agents: [],
    ...options,
    environment: {
      OPENAI_API_KEY: OPERATOR_KEY,
      OPENAI_BASE_URL: `${mock.url}/v1`,
      ANTHROPIC_API_KEY: OPERATOR_KEY,
      ANTHROPIC_BASE_URL: `${mock.url}/v1`,
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      ...options.environment,
    },
  });
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const last = { headers: new Headers(), text: Promise.resolve('') };
  /** Keeps the bytes beside what the client makes of them. */
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const [ours, theirs] = response.body?.tee() ?? [];
    last.headers = response.headers;
    // A client may stop reading before the end.
    last.text = ours ? new Response(ours).text().catch(() => '') : Promise.resolve('');
    return new Response(theirs ?? null, response);
  };
  const clients: GatewayWorld['clients'] = (apiKey, defaultHeaders = {}) => ({
    openai: new OpenAI({ baseURL: `${platform.url}/v1`, apiKey, maxRetries: 0, fetch: watched, defaultHeaders }),
    anthropic: new Anthropic({ baseURL: platform.url, apiKey, maxRetries: 0, fetch: watched, defaultHeaders }),
  });
  const made = async (path: string, body: object) => {
    const answer = await platform.call<{ id: string }>('POST', path, body);
    expect([path, answer.status, answer.status === 201 ? '' : answer.body]).toEqual([path, 201, '']);
    return answer.body;
  };
  const publish = (price: object) => made('/v1/operator/model-prices', { source: 'a test', ...price });
  for (const kind of KINDS) {
    if (!['openai', 'anthropic'].includes(kind))
      await made('/v1/operator/providers', { kind, baseUrl: `${mock.url}/v1`, key: OPERATOR_KEY, force: true });
    const sizes = { contextTokens: CONTEXT_TOKENS, outputTokensMax: 8_192 };
    const each = { perRequest: usd(PER_REQUEST), perImage: usd(PER_IMAGE), perMillionTokens: perMillion(RATES) };
    await publish({ provider: kind, name: 'matrix', ...sizes, ...each });
    if (kind !== 'anthropic') await publish({ provider: kind, name: 'embed', embeds: true, ...sizes, ...each });
  }
  const rows: GatewayWorld['rows'] = async (text, values) => (await owner.query(text, values)).rows;
  const only = async (text: string, values?: unknown[]): Promise<History> => {
    const [row] = await rows<History>(text, values);
    if (!row) throw new Error(`no row: ${text}`);
    return row;
  };
  return {
    mock,
    platform,
    ...clients(platform.key),
    last,
    clients,
    lastRequest: () => {
      const request = mock.requests().findLast(({ method }) => method === 'POST');
      if (!request) throw new Error('the provider was not asked');
      return request;
    },
    publish,
    async spent(key) {
      const more = key === undefined ? {} : { key };
      const { body } = await platform.call<Record<'held' | 'spent', { nanos: string }>>(
        'GET',
        '/v1/balance',
        undefined,
        more,
      );
      expect(body.held.nanos).toBe('0');
      return BigInt(body.spent.nanos);
    },
    history: (callId) => only('select * from models.call where id = $1', [callId]),
    newest: () => only('select * from models.call order by id desc limit 1'),
    rows,
    findings: async () => {
      const { ledger, metering, models } = platform.server.platform;
      return ledger.verify({
        usageByRun: (orgId) => metering.usageByRun(orgId),
        usageDifferences: (orgId) => metering.differences(orgId),
        runHistory: (orgId) => models.history(orgId),
      });
    },
    async close() {
      await owner.end();
      await platform.close();
      await mock.close();
    },
  };
}
