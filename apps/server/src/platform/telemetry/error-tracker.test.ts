import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createEgress, type Egress } from '../egress/index.ts';
import {
  askErrorTracker,
  createErrorTracker,
  createLogger,
  createScrubber,
  type ErrorTracker,
  observeLog,
} from './index.ts';
import { type HttpSink, startHttpSink } from './test-support/http-sink.ts';

const CANARY = 'zq81-plain-canary-value';
let sink: HttpSink;
let egress: Egress;
let lost: unknown[];
let nowMs: number;

beforeEach(async () => {
  sink = await startHttpSink();
  egress = createEgress({ allowPrivateCidrs: [], clock: systemClock });
  lost = [];
  nowMs = 0;
});
afterEach(async () => {
  await egress.close();
  await sink.close();
});

const options = () => ({
  environment: 'staging',
  version: '1.2.3',
  clock: { now: () => new Date(0), monotonicMs: () => nowMs },
  egress,
  scrub: createScrubber([CANARY]),
  onLost: (reason: unknown) => lost.push(reason),
});
const open = (port = sink.port): ErrorTracker =>
  createErrorTracker({ ...options(), dsn: new Secret(`http://publickey@127.0.0.1:${port}/tracker/42`) });

/** The events of all envelopes, as a tracker would read them. */
const events = () => sink.posted.map(({ body }) => JSON.parse(body.split('\n')[2] ?? ''));

test('a fault arrives once, with release, environment, cause, place and what it belongs to', async () => {
  const tracker = open();
  const error = new TypeError('outer', { cause: new Error('inner') });
  for (let i = 0; i < 3; i += 1)
    tracker.report(error, { requestId: 'req_1', traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
  await tracker.close();
  expect(sink.posted).toHaveLength(1);
  const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = sink.posted;
  expect(path).toBe('/tracker/api/42/envelope/');
  expect(headers['x-sentry-auth']).toMatch(
    /^Sentry sentry_version=7, sentry_client=guildhall\/1.2.3, sentry_key=publickey$/,
  );
  const [head, item, event] = body.split('\n').map((line) => JSON.parse(line));
  expect(item).toEqual({ type: 'event' });
  expect(head.event_id).toMatch(/^[0-9a-f]{32}$/);
  expect(event).toMatchObject({
    event_id: head.event_id,
    release: 'guildhall@1.2.3',
    environment: 'staging',
    tags: { requestId: 'req_1' },
    contexts: { trace: { trace_id: 'a'.repeat(32) } },
    exception: {
      values: [
        { type: 'Error', value: 'inner' },
        { type: 'TypeError', value: 'outer' },
      ],
    },
  });
  const { frames } = event.exception.values[1].stacktrace;
  expect(frames.at(-1)).toMatchObject({ filename: expect.stringContaining('error-tracker.test.ts'), in_app: true });
  expect(lost).toEqual([]);
});

test('a report goes out with the key that the setting holds then, and a key can be tried without one', async () => {
  const dsn = new Secret(`http://former@127.0.0.1:${sink.port}/1`);
  const tracker = createErrorTracker({ ...options(), dsn });
  const keysSeen = () =>
    sink.posted.map(({ headers }) => /sentry_key=(\w+)/.exec(String(headers['x-sentry-auth']))?.[1]);
  tracker.report(new Error('one'));
  await vi.waitFor(() => expect(keysSeen()).toEqual(['former']));
  dsn.renew(`http://latter@127.0.0.1:${sink.port}/1`);
  tracker.report(new TypeError('two'));
  await tracker.close();
  expect(keysSeen()).toEqual(['former', 'latter']);

  sink.answer(({ headers }) => (String(headers['x-sentry-auth']).endsWith('=latter') ? 200 : 403));
  const ask = (key: string) =>
    askErrorTracker({ egress, version: '1.2.3' }, new Secret(`http://${key}@127.0.0.1:${sink.port}/1`));
  await expect(ask('latter')).resolves.toBe('answers with 200');
  await expect(ask('guessed')).rejects.toThrow('refuses the key (403)');
});

test('no secret leaves, whether its shape, its name or its value gives it away', async () => {
  const tracker = open();
  tracker.report(new Error(`password=${CANARY}x7 Bearer abc.def ${CANARY}`), {
    authorization: 'hidden-by-name',
    url: 'postgres://user:hidden-in-url@host/db',
    nested: { apiKey: 'hidden-by-name', text: `… ${CANARY} …` },
  });
  await tracker.close();
  expect(events()).toHaveLength(1);
  const [{ body } = { body: '' }] = sink.posted;
  for (const secret of [CANARY, 'hidden', 'abc.def']) expect(body).not.toContain(secret);
});

test('the same fault again is sent once a minute', async () => {
  const tracker = open();
  const fail = () => new Error('again');
  for (let i = 0; i < 5; i += 1) tracker.report(fail());
  nowMs = 60_000;
  tracker.report(fail());
  await tracker.close();
  expect(sink.posted).toHaveLength(2);
});

test('a storm is bounded, and what is dropped is told', async () => {
  const tracker = open();
  for (let i = 0; i < 200; i += 1) tracker.report(new Error(`fault ${i}`));
  await tracker.close();
  expect(sink.posted.length + lost.length).toBe(200);
  expect(lost.length).toBeGreaterThan(100);
});

test('a tracker that has enough is left alone for a minute', async () => {
  const tracker = open();
  sink.answer(429);
  tracker.report(new Error('one'));
  await tracker.close();
  tracker.report(new Error('two'));
  nowMs = 60_000;
  tracker.report(new Error('three'));
  await tracker.close();
  expect(sink.posted).toHaveLength(2);
});

test('a tracker that is away costs nobody anything', async () => {
  const tracker = open(1);
  tracker.report(new Error('one'));
  await tracker.close();
  expect(lost).toHaveLength(1);
  const broken = new Error('x');
  Object.defineProperty(broken, 'stack', {
    get: () => {
      throw new Error('hostile');
    },
  });
  expect(() => tracker.report(broken)).not.toThrow();
});

test('an error in the log is a report, with the fields of its logger; a warning is none', async () => {
  const tracker = open();
  const lines: string[] = [];
  const log = observeLog(createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } }), {
    fields: () => ({ traceId: 'c'.repeat(32) }),
    onFault: (_level, message, { error, ...fields }) => tracker.report(error ?? new Error(message), fields),
  }).child({ runId: 'run_1' });
  log.warn('harmless', { error: new Error('expected') });
  log.error('broken', { error: new Error('unexpected') });
  await tracker.close();
  expect(lines.map((line) => JSON.parse(line).traceId)).toEqual(['c'.repeat(32), 'c'.repeat(32)]);
  expect(events()).toMatchObject([{ exception: { values: [{ value: 'unexpected' }] }, tags: { runId: 'run_1' } }]);
});
