/** Calls as they are seen afterwards, in lists, sums, metrics and traces. */
import type { ModelCall, ModelCallDetail } from '@guildhall/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type MockProvider, startMockProvider } from '../../../../test/harness/mock-provider/index.ts';
import { type TestPlatform, testPlatform } from '../../../../test/harness/platform.ts';
import { type HttpSink, startHttpSink } from '../../../platform/telemetry/test-support/http-sink.ts';

const PROVIDER_KEY = 'sk-operator-canary-1234567890';
const PROMPT = 'zq81-prompt-canary Say something.';

let mock: MockProvider;
let sink: HttpSink;
let platform: TestPlatform;
let testKey: string;

beforeAll(async () => {
  [mock, sink] = await Promise.all([startMockProvider(), startHttpSink()]);
  platform = await testPlatform({
    agents: [],
    environment: {
      OPENAI_API_KEY: PROVIDER_KEY,
      OPENAI_BASE_URL: `${mock.url}/v1`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink.port}`,
    },
  });
  const made = await platform.call<{ secret: string }>('POST', '/v1/keys', {
    name: 'test',
    scopes: ['models:use', 'billing:read', 'operator'],
    mode: 'test',
  });
  testKey = made.body.secret;
});
beforeEach(() => mock.reset());
afterAll(async () => {
  await platform.close();
  await mock.close();
  await sink.close();
});

const ask = async (more: object = {}, key = platform.key) => {
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    body: JSON.stringify({
      model: 'gpt-4o-mini',
      max_tokens: 50,
      messages: [{ role: 'user', content: PROMPT }],
      ...more,
    }),
  });
  await answer.text();
  return answer;
};
const list = async (query = '', key = platform.key) =>
  (
    await platform.call<{ data: ModelCall[]; nextCursor: string | null }>('GET', `/v1/calls${query}`, undefined, {
      key,
    })
  ).body;
const idsOf = ({ data }: { data: ModelCall[] }) => data.map(({ id }) => id);

describe('the history of calls', () => {
  it('shows a call with its usage, hold, cost and attempts, and not what the provider asks', async () => {
    mock.behave({ fault: 'unavailable' }, { outputTokens: 20, inputTokens: 100, cachedTokens: 40 });
    const answer = await ask();
    const id = answer.headers.get('x-guildhall-call') ?? '';
    const { body } = await platform.call<ModelCallDetail>('GET', `/v1/calls/${id}`);
    expect(body).toMatchObject({
      id,
      status: 'succeeded',
      mode: 'live',
      wire: 'chat',
      requested: 'gpt-4o-mini',
      model: 'openai/gpt-4o-mini',
      agentId: 'gateway',
      cached: false,
      usage: { inputTokens: 100, cachedTokens: 40, outputTokens: 20, counted: false },
      hold: { nanos: answer.headers.get('x-guildhall-hold-nanos') },
      cost: { nanos: answer.headers.get('x-guildhall-cost-nanos') },
      errorCode: null,
      attempts: [
        { outcome: 'models.provider-unavailable', status: 503, provider: 'openai' },
        { outcome: 'ok', status: 200, model: 'openai/gpt-4o-mini' },
      ],
    });
    expect(body.firstTokenMs).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(body)).not.toMatch(/provider_?cost|loss/i);
  });

  it('shows why a call failed, and that it cost nothing', async () => {
    mock.behave({ fault: 'bad-request' });
    await ask();
    const [call] = (await list('?status=failed')).data;
    expect(call).toMatchObject({ errorCode: 'models.provider-refused', cost: { nanos: '0' } });
  });

  it('is paged newest first and filtered by model, key, status and time', async () => {
    for (let i = 0; i < 3; i += 1) await ask();
    await ask({ model: 'gpt-4.1-mini' });
    const all = await list('?limit=200');
    expect(idsOf(all)).toEqual(idsOf(all).toSorted().reverse());
    const first = await list('?limit=2');
    const second = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(idsOf(all).slice(0, 4));
    expect((await list('?model=openai/gpt-4.1-mini')).data).toHaveLength(1);
    expect((await list('?model=gpt-4.1-mini')).data).toHaveLength(1);
    const [newest] = all.data;
    expect(idsOf(await list(`?limit=200&keyId=${newest?.keyId}`))).toEqual(idsOf(all));
    expect(idsOf(await list('?keyId=key_other'))).toEqual([]);
    expect(idsOf(await list(`?to=${newest?.createdAt}&limit=200`))).toEqual(idsOf(all).slice(1));
    expect(idsOf(await list(`?from=${newest?.createdAt}`))).toEqual([newest?.id]);
  });

  it('keeps modes and organisations apart', async () => {
    const live = (await ask()).headers.get('x-guildhall-call') ?? '';
    const test = (await ask({}, testKey)).headers.get('x-guildhall-call') ?? '';
    expect(idsOf(await list('', testKey))).toEqual([test]);
    expect(idsOf(await list('?limit=200'))).not.toContain(test);
    const other = await platform.organisation('Other');
    const missing = await platform.call('GET', '/v1/calls/mcl_00000000000000000000000000');
    for (const [id, key] of [
      [live, other.key],
      [live, testKey],
      [test, platform.key],
    ] as const)
      expect(await platform.call('GET', `/v1/calls/${id}`, undefined, { key })).toMatchObject({
        status: 404,
        body: { code: missing.body.code, detail: missing.body.detail },
      });
  });

  it.each(['?cursor=nonsense', '?status=colour', '?from=yesterday', '?limit=0', '?colour=red'])(
    'refuses %s',
    async (query) => expect((await platform.call('GET', `/v1/calls${query}`)).status).toBe(422),
  );

  it('is read with billing:read alone', async () => {
    const { body } = await platform.call<{ secret: string }>('POST', '/v1/keys', {
      name: 'k',
      scopes: ['models:use'],
      mode: 'live',
    });
    expect((await platform.call('GET', '/v1/calls', undefined, { key: body.secret })).status).toBe(403);
  });
});

describe('usage', () => {
  it.each(['model', 'key', 'member', 'day', 'agent'])('by %s holds the calls', async (groupBy) => {
    const sums = async () => {
      const { body } = await platform.call<{ data: { calls: number; cost: { nanos: string } }[] }>(
        'GET',
        `/v1/usage?groupBy=${groupBy}`,
      );
      return {
        calls: body.data.reduce((all, { calls }) => all + calls, 0),
        cost: body.data.reduce((all, { cost }) => all + BigInt(cost.nanos), 0n),
      };
    };
    const before = await sums();
    const cost = BigInt((await ask()).headers.get('x-guildhall-cost-nanos') ?? '0');
    expect(await sums()).toEqual({ calls: before.calls + 1, cost: before.cost + cost });
  });
});

describe('traces', () => {
  interface Span {
    readonly name: string;
    readonly spanId: string;
    readonly parentSpanId?: string;
    readonly traceId: string;
    readonly status: { readonly code?: number };
    readonly attributes: readonly { readonly key: string; readonly value: object }[];
  }
  it('nest attempts in their call and the call in its request, hold no prompt, no answer and no key, and are not told to providers', async () => {
    mock.behave({ text: 'zq82-answer-canary' });
    expect((await ask({ stream: true })).status).toBe(200);
    expect(mock.requests().map(({ headers }) => headers.traceparent)).toEqual([undefined]);
    mock.behave({ fault: 'cut', afterTokens: 2 });
    await ask({ stream: true });
    // Sends what there is; nothing is traced after it.
    await platform.server.platform.tracer.close();
    const sent = sink.posted.map(({ body }) => body).join('\n');
    const spans: Span[] = sink.posted.flatMap(({ body }) =>
      JSON.parse(body).resourceSpans.flatMap((one: { scopeSpans: { spans: Span[] }[] }) =>
        one.scopeSpans.flatMap((scope) => scope.spans),
      ),
    );
    const attempts = spans.filter(({ name }) => name === 'model.attempt');
    expect(attempts.length).toBeGreaterThan(5);
    for (const attempt of attempts) {
      const call = spans.find(({ spanId }) => spanId === attempt.parentSpanId);
      const request = spans.find(({ spanId }) => spanId === call?.parentSpanId);
      expect([call?.name, request?.name]).toEqual(['model.call', 'POST /v1/chat/completions']);
      expect(attempt.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    }
    expect(sent).toContain('openai/gpt-4o-mini');
    const cut = spans.filter(({ name }) => name === 'model.call').at(-1);
    expect(cut?.status.code).toBe(2);
    expect(cut?.attributes).toContainEqual({ key: 'error.type', value: { stringValue: 'models.stream-cut' } });
    expect(sent).not.toMatch(/canary|gld_live/);
  });
});

describe('the health of providers', () => {
  interface Report {
    readonly process: { readonly pid: number };
    readonly data: readonly { channelId: string; state: string; errorRate: number; lastError: string | null }[];
  }
  const report = async () => (await platform.call<Report>('GET', '/v1/operator/provider-health')).body;
  const scrape = async () => (await platform.server.platform.metrics.scrape()).body;

  it('is that of the process that answers, with state, errors and the last fault', async () => {
    mock.behave({ fault: 'unavailable' });
    await ask();
    const { process: seenBy, data } = await report();
    expect(seenBy.pid).toBe(process.pid);
    expect(data).toMatchObject([
      { channelId: 'prv_env_openai', state: 'closed', lastError: 'models.provider-unavailable' },
    ]);
    expect(data[0]?.errorRate).toBeGreaterThan(0);
    expect(await scrape()).toContain('model_circuit_state{channel="prv_env_openai",provider="openai"} 0');
  });

  it('is shown to the operator with a live key alone', async () => {
    expect((await platform.call('GET', '/v1/operator/provider-health', undefined, { key: testKey })).status).toBe(403);
  });

  it('shows a circuit that is open', async () => {
    mock.behave({ fault: 'unauthorised' });
    await ask();
    expect((await report()).data).toMatchObject([{ state: 'open', lastError: 'models.provider-key-refused' }]);
    expect(await scrape()).toContain('model_circuit_state{channel="prv_env_openai",provider="openai"} 2');
  });

  it('and of calls is on the page of metrics', async () => {
    const page = await scrape();
    for (const line of [
      /^token_usage_total\{model="openai\/gpt-4o-mini",kind="input"\} \d/m,
      /^cache_hit_rate \d/m,
      /^model_first_token_seconds_count [1-9]/m,
      /^gateway_overhead_seconds_count [1-9]/m,
      /^model_errors_total\{code="models\.provider-refused"\} 1$/m,
      /^model_calls_total\{model="openai\/gpt-4o-mini",status="succeeded",cache="off"\} \d/m,
    ])
      expect(page).toMatch(line);
  });
});
