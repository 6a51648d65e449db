/** Measures the mock itself, so that benches know what part of a figure is its own: `node measure.ts [seconds]`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Pool } from 'undici';
import type { Stats } from './types.ts';

const seconds = Number(process.argv[2] ?? 3);
const CONNECTIONS = 32;

const message = (content: string) => [{ role: 'user', content }];
const CASES = [
  ['chat JSON', '/v1/chat/completions', { model: 'mock-chat', messages: message('hi') }],
  [
    'chat JSON, 50,000-token prompt',
    '/v1/chat/completions',
    { model: 'mock-chat', messages: message('hi '.repeat(50_000)) },
  ],
  ['chat stream of 16 tokens', '/v1/chat/completions', { model: 'mock-chat', stream: true, messages: message('hi') }],
  ['message JSON', '/v1/messages', { model: 'mock-claude', max_tokens: 100, messages: message('hi') }],
  ['embedding, base64', '/v1/embeddings', { model: 'mock-embedding', input: 'hi', encoding_format: 'base64' }],
] as const;

const child = spawn(
  process.execPath,
  [path.join(import.meta.dirname, 'main.ts'), '--record-max', '0', '--while-input'],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
const [line] = await once(createInterface({ input: child.stdout }), 'line');
const { url } = JSON.parse(String(line)) as { url: string };
const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
const headers = { authorization: 'Bearer mock', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };

async function stats(): Promise<Stats> {
  const { body } = await pool.request({ method: 'GET', path: '/__mock/stats' });
  return (await body.json()) as Stats;
}

let isWarm = false;
for (const [name, target, body] of [CASES[0], ...CASES]) {
  const text = JSON.stringify(body);
  const before = await stats();
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      const answer = await pool.request({ method: 'POST', path: target, headers, body: text });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const elapsedMs = performance.now() - startedAt;
  const after = await stats();
  const requests = after.requests - before.requests;
  const cpuMs = after.cpuMs - before.cpuMs;
  const perSecond = Math.round((requests * 1000) / elapsedMs);
  const perCore = Math.round((requests * 1000) / cpuMs);
  if (isWarm)
    process.stdout.write(
      `${name}: ${perSecond}/s through one client, ${perCore} per second of its own processor time\n`,
    );
  isWarm = true;
}
await pool.close();
child.kill();
