import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/harness/redis.ts';
import { loadSettings } from '../../config/index.ts';
import { type SmtpSink, startSmtpSink } from '../../platform/mail/test-support/smtp-sink.ts';
import { type HttpSink, startHttpSink } from '../../platform/telemetry/test-support/http-sink.ts';
import { serverChecks } from './servers.ts';

let [redis, smtp, http]: [TestRedis | undefined, SmtpSink | undefined, HttpSink | undefined] = [
  undefined,
  undefined,
  undefined,
];
beforeAll(async () => {
  [redis, smtp, http] = await Promise.all([
    startRedis(),
    startSmtpSink({ password: 'right-password' }),
    startHttpSink(),
  ]);
});
afterAll(() => Promise.all([redis?.close(), smtp?.close(), http?.close()]));

const checks = async (environment: Record<string, string>) =>
  (await serverChecks(loadSettings(environment))).map(({ name, level, advice }) => [name, level, advice]);

test('nothing is asked that is not set', async () => expect(await checks({})).toEqual([]));

test('every server that is set is asked, and those that answer pass', async () => {
  const found = await checks({
    REDIS_URL: redis?.url ?? '',
    SMTP_URL: `smtp://me:right-password@127.0.0.1:${smtp?.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http?.port}`,
    SENTRY_DSN: `http://key@127.0.0.1:${http?.port}/1`,
  });
  expect(found.map(([name, level]) => [name, level])).toEqual([
    ['redis', 'pass'],
    ['mail', 'pass'],
    ['traces', 'pass'],
    ['error tracker', 'pass'],
  ]);
  expect(smtp?.mails).toEqual([]);
});

test('one that is away or refuses fails, names its setting, and shows no secret', async () => {
  http?.answer(404);
  const settings = loadSettings({
    REDIS_URL: 'redis://:canary-one@127.0.0.1:1',
    SMTP_URL: `smtp://me:canary-two@127.0.0.1:${smtp?.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${http?.port}`,
    SENTRY_DSN: 'http://canary-three@127.0.0.1:1/1',
  });
  const found = await serverChecks(settings);
  expect(found.map(({ name, level }) => [name, level])).toEqual([
    ['redis', 'fail'],
    ['mail', 'fail'],
    ['traces', 'fail'],
    ['error tracker', 'fail'],
  ]);
  for (const [index, name] of ['REDIS_URL', 'SMTP_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'SENTRY_DSN'].entries())
    expect(found[index]?.advice).toContain(name);
  expect(JSON.stringify(found)).not.toContain('canary');
});
