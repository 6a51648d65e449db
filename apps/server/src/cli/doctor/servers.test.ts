import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/harness/redis.ts';
import { loadSettings } from '../../config/index.ts';
import { type FakeS3, startFakeS3 } from '../../platform/files/test-support/fake-s3.ts';
import { type SmtpSink, startSmtpSink } from '../../platform/mail/test-support/smtp-sink.ts';
import { type HttpSink, startHttpSink } from '../../platform/telemetry/test-support/http-sink.ts';
import { serverChecks } from './servers.ts';

let redis: TestRedis | undefined;
let smtp: SmtpSink | undefined;
let http: HttpSink | undefined;
let bucket: FakeS3 | undefined;
// Refuses every tunnel, as a proxy may, but no login.
const proxy = createServer().on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
beforeAll(async () => {
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  [bucket, redis, smtp, http] = await Promise.all([
    startFakeS3(),
    startRedis(),
    startSmtpSink({ password: 'right-password' }),
    startHttpSink(),
  ]);
});
afterAll(() => Promise.all([bucket?.close(), proxy.close(), redis?.close(), smtp?.close(), http?.close()]));

const checks = async (environment: Record<string, string>) =>
  (await serverChecks(loadSettings(environment))).map(({ name, level, advice }) => [name, level, advice]);

test('nothing is asked that is not set', async () => expect(await checks({})).toEqual([]));

test('every server that is set is asked, and those that answer pass', async () => {
  const found = await checks({
    S3_URL: bucket?.url ?? '',
    EGRESS_PROXY_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    REDIS_URL: redis?.url ?? '',
    SMTP_URL: `smtp://me:right-password@127.0.0.1:${smtp?.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http?.port}`,
    SENTRY_DSN: `http://key@127.0.0.1:${http?.port}/1`,
  });
  expect(found.map(([name, level]) => [name, level])).toEqual([
    ['bucket', 'pass'],
    ['redis', 'pass'],
    ['mail', 'pass'],
    ['error tracker', 'pass'],
    ['egress proxy', 'pass'],
    ['traces', 'pass'],
  ]);
  expect(smtp?.mails).toEqual([]);
});

test('one that is away or refuses fails, names its setting, and shows no secret', async () => {
  http?.answer(404);
  const environment = {
    S3_URL: bucket?.url.replace(/:[^:@]+@/, ':canary-zero@') ?? '',
    REDIS_URL: 'redis://:canary-one@127.0.0.1:1',
    SMTP_URL: `smtp://me:canary-two@127.0.0.1:${smtp?.port}`,
    SENTRY_DSN: 'http://canary-three@127.0.0.1:1/1',
    EGRESS_PROXY_URL: 'http://me:canary-four@127.0.0.1:1',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http?.port}`,
  };
  const settings = loadSettings(environment);
  const found = await serverChecks(settings);
  expect(found.map(({ name, level }) => [name, level])).toEqual([
    ['bucket', 'fail'],
    ['redis', 'fail'],
    ['mail', 'fail'],
    ['error tracker', 'fail'],
    ['egress proxy', 'fail'],
    ['traces', 'fail'],
  ]);
  for (const [index, name] of Object.keys(environment).entries()) expect(found[index]?.advice).toContain(name);
  expect(JSON.stringify(found)).not.toContain('canary');
});
