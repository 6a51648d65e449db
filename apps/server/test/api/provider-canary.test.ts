/** Keys of providers are planted everywhere they may be, used, refused and leaked back by the other side; then everything that stays is searched. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/platform/telemetry/index.ts';
import { type TestPlatform, testPlatform } from '../harness/platform.ts';

// Joined at run time, so that no scanner finds a secret in this file. One of them has no shape that could be known.
const canary = (name: string): string => ['sk', `canary-${name}-0123456789abcdef`].join('-');
const CANARIES = {
  environment: canary('environment'),
  operator: canary('operator'),
  owned: canary('owned'),
  request: canary('request'),
  shapeless: 'q7ZkCanaryWithoutShape42xyzQ',
};

interface Received {
  readonly headers: string;
  readonly body: string;
}

/** Answers as a provider that repeats the key it was shown, as real ones do in their errors. */
async function tellTale(mood: { status: number }) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: JSON.stringify(request.headers), body: Buffer.concat(chunks).toString('utf8') });
      const shown = String(request.headers.authorization ?? request.headers['x-api-key']);
      response.setHeader('content-type', 'application/json');
      if (request.url?.endsWith('/models')) return response.end('{"data":[{"id":"gpt-4o-mini"}]}');
      response.writeHead(mood.status, { 'x-echo': shown });
      if (mood.status !== 200)
        return response.end(
          JSON.stringify({ error: { message: `Incorrect API key provided: ${shown}`, code: shown } }),
        );
      response.end(
        JSON.stringify({
          id: 'chatcmpl-1',
          object: 'chat.completion',
          created: 1,
          model: 'gpt-4o-mini',
          choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const mood = { status: 200 };
const answers: string[] = [];
const logged: string[] = [];
let platform: TestPlatform;
let first: Awaited<ReturnType<typeof tellTale>>;
let second: Awaited<ReturnType<typeof tellTale>>;
beforeAll(async () => {
  first = await tellTale(mood);
  second = await tellTale(mood);
  platform = await testPlatform({
    agents: [],
    environment: {
      EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
      OLLAMA_URL: 'http://127.0.0.1:9',
      OPENAI_API_KEY: CANARIES.environment,
      OPENAI_BASE_URL: first.url,
    },
    log: createLogger({ level: 'debug', destination: { write: (line: string) => logged.push(line) } }),
  });
});
afterAll(async () => {
  await platform.close();
  await first.close();
  await second.close();
});

async function ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<void> {
  const response = await fetch(`${platform.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${platform.key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  answers.push(JSON.stringify([...response.headers]), await response.text());
}

/** Every row of every table, as a dump has them. */
async function dump(): Promise<string> {
  const owner = new pg.Client({ connectionString: platform.database.ownerUrl });
  await owner.connect();
  const { rows: tables } = await owner.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`,
  );
  let text = '';
  for (const { name } of tables) {
    const { rows } = await owner.query<{ row: string }>(`select t::text as row from ${name} t`);
    text += `${name}\n${rows.map(({ row }) => row).join('\n')}\n`;
  }
  await owner.end();
  return text;
}

const spellings = (secret: string): readonly string[] => [
  secret,
  Buffer.from(secret).toString('hex'),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
  encodeURIComponent(secret),
];

function found(text: string): readonly string[] {
  const low = text.toLowerCase();
  return Object.entries(CANARIES)
    .filter(([, secret]) => spellings(secret).some((one) => low.includes(one.toLowerCase())))
    .map(([name]) => name);
}

test('a planted key of a provider is in no table, log, metric, answer, or request to another provider', async () => {
  const chat = { model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 };
  for (const status of [200, 401, 429, 500]) {
    mood.status = status;
    await ask('POST', '/v1/chat/completions', chat);
    await ask('POST', '/v1/chat/completions', { ...chat, stream: true });
    await ask('POST', '/v1/chat/completions', chat, {
      'x-provider-key': CANARIES.request,
      'x-provider-base-url': second.url,
    });
    await ask('POST', '/v1/chat/completions', chat, {
      'x-provider-key': CANARIES.shapeless,
      'x-provider-base-url': 'http://10.0.0.1/v1',
    });
    const body = { kind: 'openai', baseUrl: second.url, key: CANARIES.owned };
    await ask('POST', '/v1/provider-keys', body, { 'idempotency-key': `owned-${status}` });
    await ask('POST', '/v1/provider-keys', { ...body, baseUrl: 'http://127.0.0.1:9/v1' });
    await ask('POST', '/v1/provider-keys', { ...body, kind: 'wrong', extra: CANARIES.shapeless });
    await ask('POST', '/v1/operator/providers', { ...body, kind: 'compatible', key: CANARIES.operator, priority: 0 });
    await ask('POST', '/v1/operator/providers', { ...body, kind: 'compatible', key: CANARIES.shapeless });
    await ask('POST', '/v1/chat/completions', { ...chat, model: 'compatible/gpt-4o-mini' });
    await ask('POST', '/v1/chat/completions', chat);
  }
  for (const path of ['/v1/models', '/v1/provider-keys', '/v1/operator/providers', '/v1/usage', '/metrics', '/ready'])
    await ask('GET', path);
  // The keys were really used, each at its own place.
  expect(first.received.some(({ headers }) => headers.includes(CANARIES.environment))).toBe(true);
  expect(second.received.some(({ headers }) => headers.includes(CANARIES.owned))).toBe(true);
  expect(second.received.some(({ headers }) => headers.includes(CANARIES.operator))).toBe(true);

  const dumped = await dump();
  expect(dumped).toContain('models.provider_key');
  expect(found(dumped)).toEqual([]);
  expect(found(logged.join(''))).toEqual([]);
  expect(found(answers.join('\n'))).toEqual([]);
  for (const { received } of [first, second]) expect(found(received.map(({ body }) => body).join('\n'))).toEqual([]);
  expect(found(first.received.map(({ headers }) => headers).join('\n'))).toEqual(['environment']);
  expect(found(second.received.map(({ headers }) => headers).join('\n'))).not.toContain('environment');
}, 60_000);
