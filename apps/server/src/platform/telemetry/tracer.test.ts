import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScrubber, createTracer, noTracer, type Tracer } from './index.ts';
import { type HttpSink, startHttpSink } from './test-support/http-sink.ts';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { code?: number; message?: string };
}

const ERROR = 2;
const SERVER = 2;
let sink: HttpSink;
let tracer: Tracer;
let lost: unknown[];
beforeEach(async () => {
  sink = await startHttpSink();
  lost = [];
  tracer = await createTracer({
    endpoint: `http://127.0.0.1:${sink.port}`,
    version: '1.2.3',
    scrub: createScrubber(['zq81-plain-canary-value']),
    onLost: (error) => lost.push(error),
  });
});
afterEach(() => sink.close());

/** Everything the collector has been sent, after the tracer was closed. */
async function received(): Promise<OtlpSpan[]> {
  await tracer.close();
  return sink.posted.flatMap(({ body }) =>
    JSON.parse(body).resourceSpans.flatMap((resource: { scopeSpans: { spans: OtlpSpan[] }[] }) =>
      resource.scopeSpans.flatMap((scope) => scope.spans),
    ),
  );
}
const named = (spans: readonly OtlpSpan[], name: string): OtlpSpan | undefined =>
  spans.find((span) => span.name === name);
const attributesOf = (span: OtlpSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));

describe('spans', () => {
  test('reach the collector as OTLP, nested as the work was, also across awaits', async () => {
    const answer = await tracer.span(
      'outer',
      { 'guildhall.run_id': 'run_1', size: 3, none: undefined },
      async (outer) => {
        await Promise.resolve();
        outer.set({ late: true });
        return tracer.span('inner', {}, async () => 42);
      },
    );
    expect(answer).toBe(42);
    const spans = await received();
    expect(sink.posted[0]?.path).toBe('/v1/traces');
    expect(JSON.parse(sink.posted[0]?.body ?? '').resourceSpans[0].resource.attributes).toContainEqual({
      key: 'service.name',
      value: { stringValue: 'guildhall' },
    });
    const outer = named(spans, 'outer');
    expect(named(spans, 'inner')).toMatchObject({ parentSpanId: outer?.spanId, traceId: outer?.traceId });
    expect(attributesOf(outer)).toEqual({ 'guildhall.run_id': 'run_1', size: 3, late: true });
  });

  test('continue the trace of a caller, and begin their own for a header that is none', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const known = tracer.begin('known', { 'http.request.method': 'GET' }, `00-${traceId}-b7ad6b7169203331-00`);
    expect(known.traceId).toBe(traceId);
    expect(known.within(() => tracer.fields())).toMatchObject({ traceId });
    expect(known.within(() => tracer.traceparent())).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    known.end();
    for (const header of ['', 'x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${traceId}-${'0'.repeat(16)}-01`])
      tracer.begin('own', {}, header).end();
    const spans = await received();
    expect(named(spans, 'known')).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331', kind: SERVER });
    const own = spans.filter(({ name }) => name === 'own');
    expect(own).toHaveLength(4);
    for (const span of own) expect([span.traceId === traceId, span.parentSpanId ?? '']).toEqual([false, '']);
  });

  test('say what failed, without secrets, and let the error through', async () => {
    const secret = 'sk-live-abcdefghijklmnop zq81-plain-canary-value';
    const failing = tracer.span(
      'failing',
      { apiKey: secret, url: `https://u:${secret}@h/`, text: secret },
      async () => {
        throw new RangeError(`no good: ${secret}`);
      },
    );
    await expect(failing).rejects.toThrow('no good');
    const [span] = await received();
    expect(span?.status).toMatchObject({ code: ERROR, message: expect.stringContaining('no good') });
    expect(attributesOf(span)['error.type']).toBe('RangeError');
    expect(sink.posted.map(({ body }) => body).join()).not.toMatch(/abcdefghijklmnop|canary/);
  });

  test('end once', async () => {
    const span = tracer.begin('once', {});
    span.end();
    span.end(new Error('late'));
    expect(await received()).toMatchObject([{ name: 'once', status: {} }]);
  });

  test('outside of any there is nothing for the log', () => {
    expect(tracer.fields()).toEqual({});
    expect(tracer.traceparent()).toBeUndefined();
  });
});

test('a collector that is away is told of, and holds up neither the work nor the end', async () => {
  const away = await createTracer({
    endpoint: 'http://127.0.0.1:1',
    version: '0',
    scrub: String,
    onLost: (error) => lost.push(error),
  });
  expect(await away.span('work', {}, async () => 'done')).toBe('done');
  await away.close();
  await expect.poll(() => lost.length, { timeout: 10_000 }).toBeGreaterThan(0);
});

test('without an endpoint tracing is off: work runs, and nothing is known or kept', async () => {
  const off = await createTracer({ endpoint: undefined, version: '0', scrub: String, onLost: () => {} });
  expect(off).toBe(noTracer);
  expect(await off.span('a', {}, async (span) => span.traceId)).toBeUndefined();
  expect(off.begin('b', {}).within(() => off.fields())).toEqual({});
});
