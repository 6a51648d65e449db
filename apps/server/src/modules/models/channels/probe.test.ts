import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../platform/clock/index.ts';
import { createEgress } from '../../../platform/egress/index.ts';
import { provider } from './fixture.ts';
import { modelNames, probe } from './probe.ts';

const KEY = 'sk-canary-0123456789abcdef';
const egress = createEgress({ allowPrivateCidrs: ['127.0.0.1/32'], clock: systemClock });
let fake: Awaited<ReturnType<typeof provider>>;
beforeAll(async () => {
  fake = await provider(KEY);
});
beforeEach(() => {
  fake.answer = undefined;
});
afterAll(async () => {
  await egress.close();
  await fake.close();
});

const tried = (kind: Parameters<typeof probe>[2]['kind'], key: string | undefined = KEY, totalMs = 10_000) =>
  probe(egress, systemClock, { kind, baseUrl: fake.url, key, totalMs });

test('a provider that works is named with its models, whichever way it wants the key', async () => {
  expect(await tried('openai')).toMatchObject({ outcome: 'ok', status: 200, models: ['gpt-a', 'gpt-b'] });
  expect(fake.asked.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(await tried('anthropic')).toMatchObject({ outcome: 'ok' });
  expect(fake.asked.at(-1)?.headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-version': '2023-06-01' });
  expect(fake.asked.at(-1)?.headers.authorization).toBeUndefined();
});

test('OpenRouter is asked about the key, for it shows its list to everyone', async () => {
  fake.answer = (response, path) => response.writeHead(path === '/v1/key' ? 401 : 200).end('{"data":[]}');
  expect((await tried('openrouter')).outcome).toBe('key-refused');
});

test.each([
  [401, 'openai', 'key-refused'],
  [403, 'openai', 'key-refused'],
  [400, 'google', 'key-refused'],
  [400, 'openai', 'not-this-wire'],
  [404, 'openai', 'not-this-wire'],
  [302, 'openai', 'not-this-wire'],
  [429, 'openai', 'rate-limited'],
  [500, 'openai', 'provider-fault'],
  [529, 'anthropic', 'provider-fault'],
] as const)('status %i of %s means %s, and what it wrote is not repeated', async (status, kind, outcome) => {
  fake.answer = (response) => response.writeHead(status).end(`no ${KEY}`);
  const check = await tried(kind);
  expect(check).toMatchObject({ outcome, status, models: [] });
  expect(JSON.stringify(check)).not.toContain(KEY);
});

test.each(['<html>', '{}', '{"data":"x"}', ''])('an answer of %j is another wire', async (text) => {
  fake.answer = (response) => response.end(text);
  expect((await tried('openai')).outcome).toBe('not-this-wire');
});

test('nobody there, a private address and an answer that never ends are told apart from a wrong key', async () => {
  const check = (baseUrl: string) => probe(egress, systemClock, { kind: 'openai', baseUrl, key: KEY, totalMs: 2_000 });
  expect((await check('http://127.0.0.1:9/v1')).outcome).toBe('unreachable');
  expect((await check('http://10.0.0.1/v1')).outcome).toBe('address-refused');
  expect((await check('https://no-such-host.invalid/v1')).outcome).toBe('unreachable');
  fake.answer = (response) => response.write('{');
  expect(await tried('openai', KEY, 50)).toMatchObject({ outcome: 'unreachable' });
});

test('what works but takes long is called slow', async () => {
  let nowMs = 0;
  const clock = {
    now: () => new Date(0),
    monotonicMs: () => {
      nowMs += 6_000;
      return nowMs;
    },
  };
  expect(await probe(egress, clock, { kind: 'openai', baseUrl: fake.url, key: KEY })).toMatchObject({
    outcome: 'slow',
    models: ['gpt-a', 'gpt-b'],
  });
});

test.each([
  ['openai', { data: [{ id: 'a' }, { id: 'a' }, { id: 7 }, {}, null, { id: 'bad\nname' }] }, ['a']],
  ['google', { data: [{ id: 'models/gemini-x' }] }, ['gemini-x']],
  ['compatible', [{ id: 'bare' }], ['bare']],
  ['openai', 'x', undefined],
  ['openai', null, undefined],
] as const)('names of %s out of %j are %j', (kind, body, names) => {
  expect(modelNames(kind, body)).toEqual(names);
});
