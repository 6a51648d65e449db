/** SEC-04: the real server, under load, while its secrets are changed one after the other: no request fails and nothing is restarted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'guildhall-rotation-'));
// Processes of seconds, on machines that may be busy with all the other tests.
const READY_MS = 120_000;
const EVERY_MS = 10;
const OPEN_MAX = 8;
const DATABASE_CHANGES = 2;

const token = (): string => randomBytes(32).toString('base64url');
function keep(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** A provider that knows certain keys, as theirs do while a key is changed. */
async function startProvider() {
  const accepted = new Set<string>();
  const seen = new Map<string, number>();
  let refused = 0;
  const server: Server = createServer((request, response) => {
    const key = String(request.headers.authorization).replace('Bearer ', '');
    request.resume().on('end', () => {
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (!accepted.has(key)) refused += 1;
      response.writeHead(accepted.has(key) ? 200 : 401, { 'content-type': 'application/json' });
      if (request.url?.endsWith('/models')) return response.end('{"data":[{"id":"gpt-4o-mini"}]}');
      const message = { role: 'assistant', content: 'hello' };
      const usage = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.end(
        JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'gpt-4o-mini', choices, usage }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, accepted, seen, refused: () => refused, server };
}

let provider: Awaited<ReturnType<typeof startProvider>>;
let environment: NodeJS.ProcessEnv;
let child: ChildProcess;
let written = '';
const [firstKey, secondKey] = [`sk-${token()}`, `sk-${token()}`];
const [firstToken, secondToken] = [token(), token()];

const begin = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [MAIN, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(async () => {
  provider = await startProvider();
  provider.accepted.add(firstKey);
  environment = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    GUILDHALL_DATA_DIR: path.join(folder, 'data'),
    PORT: '0',
    LIMITS_SCALE: '1000',
    SECRETS_REFRESH_SECONDS: '5',
    METRICS_TOKEN_FILE: keep('metrics', firstToken),
    OPENAI_API_KEY_FILE: keep('openai', firstKey),
    OPENAI_BASE_URL: provider.url,
  };
  child = begin('start', '--json');
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      written += chunk;
    });
  await vi.waitFor(() => expect(written).toContain('"dataDir"'), { timeout: READY_MS, interval: 50 });
}, READY_MS + 5_000);

afterAll(async () => {
  if (child.exitCode === null) {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  provider.server.closeAllConnections();
  await new Promise((resolve) => provider.server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

test('passwords of the database, the token of metrics and the key of a provider change while requests go on', async () => {
  const ready = JSON.parse(readFileSync(path.join(folder, 'data', 'ready.json'), 'utf8')) as {
    url: string;
    apiKey: string;
  };
  const bearer = { authorization: `Bearer ${ready.apiKey}` };
  // What a scraper elsewhere sends: behind a proxy nothing is taken for this machine.
  const scrape = (by: string) =>
    fetch(`${ready.url}/metrics`, { headers: { authorization: `Bearer ${by}`, 'x-forwarded-for': '203.0.113.7' } });
  const chat = () =>
    fetch(`${ready.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 }),
    });
  let metricsToken = firstToken;
  const kinds = [
    ['keys', () => fetch(`${ready.url}/v1/keys`, { headers: bearer })],
    ['metrics', () => scrape(metricsToken)],
    ['chat', chat],
    ['agents', () => fetch(`${ready.url}/v1/agents`, { headers: bearer })],
  ] as const;
  const outcomes = new Map<string, number>();
  const under: Promise<void>[] = [];
  let n = 0;
  let open = 0;
  const ask = async (): Promise<void> => {
    n += 1;
    const [kind, send] = kinds[n % kinds.length] ?? kinds[0];
    open += 1;
    const answer = await send();
    const text = await answer.text();
    open -= 1;
    const outcome = answer.status === 200 ? kind : `${kind} ${answer.status} ${text}`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  // A machine that cannot keep up is asked less often, for it is not speed that is looked at.
  const load = setInterval(() => {
    if (open < OPEN_MAX) under.push(ask());
  }, EVERY_MS);

  for (let i = 1; i <= DATABASE_CHANGES; i += 1) {
    const command = begin('secrets', 'rotate', 'database', '--json');
    const [code] = await once(command, 'close');
    expect(code).toBe(0);
    // More at once than there are connections, so that new ones are opened under the new password.
    await Promise.all(Array.from({ length: 24 }, ask));
  }

  keep('metrics', `${secondToken},${firstToken}`);
  provider.accepted.add(secondKey);
  keep('openai', secondKey);
  const statusOf = async (by: string) => (await scrape(by)).status;
  await vi.waitFor(async () => expect(await statusOf(secondToken)).toBe(200), { timeout: READY_MS, interval: 100 });
  metricsToken = secondToken;
  await vi.waitFor(() => expect(provider.seen.get(secondKey)).toBeGreaterThan(5), { timeout: READY_MS, interval: 100 });
  keep('metrics', secondToken);
  await vi.waitFor(async () => expect(await statusOf(firstToken)).toBe(403), { timeout: READY_MS, interval: 100 });
  const before = under.length;
  await vi.waitFor(() => expect(under.length).toBeGreaterThan(before + 50), { timeout: READY_MS, interval: 50 });
  clearInterval(load);
  await Promise.all(under);

  expect([...outcomes.keys()].sort()).toEqual(['agents', 'chat', 'keys', 'metrics']);
  expect(provider.refused()).toBe(0);
  for (const secret of [firstKey, secondKey, firstToken, secondToken]) expect(written).not.toContain(secret);
  expect(written).toContain('a secret was renewed');
}, 300_000);

test('secrets that stand in the environment change with a rolling restart: two processes answer, one leaves, no request fails', async () => {
  const ready = JSON.parse(readFileSync(path.join(folder, 'data', 'ready.json'), 'utf8')) as {
    url: string;
    apiKey: string;
  };
  const third = token();
  environment = { ...environment, METRICS_TOKEN_FILE: '', METRICS_TOKEN: `${third},${secondToken}` };
  const second = begin('api', '--json');
  let out = '';
  second.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  await vi.waitFor(() => expect(out).toContain('"dataDir"'), { timeout: READY_MS, interval: 50 });
  const { url } = JSON.parse(out) as { url: string };
  // What a balancer knows.
  let servers = [ready.url, url];
  let scraper = secondToken;
  const outcomes = new Map<string, number>();
  const under: Promise<void>[] = [];
  let n = 0;
  let open = 0;
  const ask = async (): Promise<void> => {
    n += 1;
    const server = servers[n % servers.length] ?? url;
    const [way, headers] =
      n % 3 === 0
        ? ['/metrics', { authorization: `Bearer ${scraper}`, 'x-forwarded-for': '203.0.113.7' }]
        : ['/v1/keys', { authorization: `Bearer ${ready.apiKey}` }];
    open += 1;
    const answer = await fetch(`${server}${way}`, { headers });
    await answer.arrayBuffer();
    open -= 1;
    const outcome = `${way} ${answer.status}`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  const load = setInterval(() => {
    if (open < OPEN_MAX) under.push(ask());
  }, EVERY_MS);
  const more = async () => {
    const before = under.length;
    await vi.waitFor(() => expect(under.length).toBeGreaterThan(before + 50), { timeout: READY_MS, interval: 50 });
  };
  await more();
  servers = [url];
  child.kill('SIGTERM');
  await once(child, 'close');
  child = second;
  scraper = third;
  await more();
  clearInterval(load);
  await Promise.all(under);
  expect([...outcomes.keys()].sort()).toEqual(['/metrics 200', '/v1/keys 200']);
}, 300_000);
