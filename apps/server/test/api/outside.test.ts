import { defineAgent } from '@guildhall/agent-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type SmtpSink, startSmtpSink } from '../../src/platform/mail/test-support/smtp-sink.ts';
import { createLogger } from '../../src/platform/telemetry/index.ts';
import { type HttpSink, startHttpSink } from '../../src/platform/telemetry/test-support/http-sink.ts';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';
import { startRedis, type TestRedis } from '../harness/redis.ts';

const CANARY = 'sk-canary-0123456789abcdef';
const TRACE = '0af7651916cd43dd8448eb211c80319c';

const twoSteps = defineAgent({
  id: 'two-steps',
  version: '1.0.0',
  title: 'Two steps',
  summary: 'Takes two steps; the second fails when it is told to.',
  description: 'For tests.',
  category: 'data',
  needsModel: false,
  input: z.strictObject({ fails: z.boolean() }),
  output: z.strictObject({ sum: z.number() }),
  examples: [{ title: 'Adds', input: { fails: false } }],
  limits: { timeoutMs: 30_000, stepsMax: 10 },
  run: async (ctx, { fails }) => {
    const one = await ctx.step('one', async () => 1);
    const two = await ctx.step('two', async () => {
      if (fails) throw new TypeError(`out of order: ${CANARY}`);
      return 2;
    });
    return { sum: one + two };
  },
});

let platform: TestPlatform;
let collector: HttpSink;
let tracker: HttpSink;
let smtp: SmtpSink;
let redis: TestRedis;
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  [collector, tracker, smtp, redis] = await Promise.all([
    startHttpSink(),
    startHttpSink(),
    startSmtpSink(),
    startRedis(),
  ]);
  platform = await testPlatform({
    agents: asAgents(twoSteps),
    log: createLogger({ level: 'info', destination: { write: (line) => void lines.push(JSON.parse(line)) } }),
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
      SENTRY_DSN: `http://key@127.0.0.1:${tracker.port}/7`,
      SENTRY_ENVIRONMENT: 'test',
      SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      OPERATOR_EMAIL: 'operator@example.com',
      REDIS_URL: redis.url,
    },
  });
});
afterAll(async () => {
  await platform.close();
  await Promise.all([collector.close(), tracker.close(), smtp.close(), redis.close()]);
});

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}
const spans = (): Span[] =>
  collector.posted.flatMap(({ body }) =>
    JSON.parse(body).resourceSpans.flatMap((resource: { scopeSpans: { spans: Span[] }[] }) =>
      resource.scopeSpans.flatMap((scope) => scope.spans),
    ),
  );
const named = (name: string) => spans().filter((span) => span.name === name);
const startRun = (fails: boolean) =>
  platform.call<{ id: string; status: string }>(
    'POST',
    '/v1/agents/two-steps/runs?wait=20',
    { input: { fails } },
    { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } },
  );

test("a request continues its caller's trace; a run's attempt and steps are one trace", async () => {
  const { body } = await startRun(false);
  expect(body.status).toBe('succeeded');
  const ofRun = () => named('run.attempt').find((span) => JSON.stringify(span.attributes).includes(body.id));
  await expect
    .poll(() => [named('POST /v1/agents/:id/runs').length, ofRun()?.name], { timeout: 10_000 })
    .toEqual([1, 'run.attempt']);
  const [request] = named('POST /v1/agents/:id/runs');
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: 'b7ad6b7169203331' });
  expect(request?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } });
  const steps = named('run.step').filter((span) => span.parentSpanId === ofRun()?.spanId);
  expect(steps).toHaveLength(2);
});

test('every log line of a request carries its trace, also where the body could not be read', async () => {
  lines.length = 0;
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  for (const [path, body] of [
    ['/v1/agents/none/runs', { input: {} }],
    ['/v1/agents/two-steps/runs', '{"input":'],
  ] as const)
    await platform.call('POST', path, body, { headers: { traceparent } });
  const told = lines.filter(({ requestId }) => requestId !== undefined);
  expect(told).toHaveLength(2);
  for (const line of told)
    expect(line).toMatchObject({ traceId: TRACE, spanId: expect.stringMatching(/^[0-9a-f]{16}$/) });
});

test('a fault of an agent reaches the error tracker once, with release and environment and without its secret', async () => {
  const { body } = await startRun(true);
  expect(body.status).toBe('failed');
  const events = () => tracker.posted.map((posted) => JSON.parse(posted.body.split('\n')[2] ?? ''));
  await expect.poll(() => events().length, { timeout: 10_000 }).toBe(1);
  expect(events()[0]).toMatchObject({
    release: expect.stringMatching(/^guildhall@/),
    environment: 'test',
    tags: { runId: body.id, agentId: 'two-steps' },
  });
  expect(JSON.stringify(events()[0].exception)).toContain('out of order');
  await startRun(true);
  await expect.poll(() => named('run.attempt').length, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(events()).toHaveLength(1);
  const everything = [...tracker.posted, ...collector.posted].map((posted) => posted.body).join('\n');
  expect(everything + JSON.stringify(lines)).not.toContain(CANARY);
});

test('the operator gets one mail for an endpoint that was disabled after days of failures, and none for one that is gone', async () => {
  const { outbox } = platform.server.platform;
  const disabled = (endpointId: string, reason: string) =>
    platform.db.tenant(platform.orgId, (tx) =>
      outbox.append(tx, { orgId: platform.orgId, type: 'webhook-endpoint.disabled.v1', data: { endpointId, reason } }),
    );
  await disabled('whk_gone', 'gone');
  await disabled('whk_failing', 'failing');
  await expect.poll(() => smtp.mails.length, { timeout: 15_000 }).toBe(1);
  expect(smtp.mails[0]).toMatchObject({ to: ['operator@example.com'] });
  expect(smtp.mails[0]?.source).toContain('whk_failing');
});

test('the gauge and the log tell when Redis is lost, requests go on, and it heals by itself', async () => {
  const shared = async (): Promise<string | undefined> => {
    const page = await fetch(`${platform.url}/metrics`).then((answer) => answer.text());
    return /^rate_limits_shared (\d)$/m.exec(page)?.[1];
  };
  expect(await shared()).toBe('1');
  lines.length = 0;
  const { port } = redis;
  await redis.close();
  await expect.poll(shared, { timeout: 5_000, interval: 100 }).toBe('0');
  expect((await platform.call('GET', '/v1/agents')).status).toBe(200);
  expect(lines.filter(({ msg }) => msg === 'rate limits are counted by each process alone')).toHaveLength(1);
  redis = await startRedis(port);
  await expect.poll(shared, { timeout: 15_000, interval: 100 }).toBe('1');
});
