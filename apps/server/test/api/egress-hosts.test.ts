/** The hosts that an organisation allows: what its runs and webhooks may call, from the next call on. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineAgent } from '@guildhall/agent-sdk';
import type { Run } from '@guildhall/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { asAgents, type TestPlatform, testPlatform } from '../harness/platform.ts';

const caller = defineAgent({
  id: 'caller',
  version: '1.0.0',
  title: 'Caller',
  summary: 'Calls an address.',
  description: 'For tests.',
  category: 'data',
  needsModel: false,
  input: z.strictObject({ url: z.string() }),
  output: z.strictObject({ status: z.number() }),
  examples: [{ title: 'Calls', input: { url: 'https://example.com' } }],
  limits: { timeoutMs: 30_000, stepsMax: 10 },
  run: async (ctx, { url }) => ctx.step('call', async (step) => ({ status: (await step.fetch(url)).status })),
});

let platform: TestPlatform;
let server: Server;
const asked: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  platform = await testPlatform({
    agents: asAgents(caller),
    environment: { EGRESS_ALLOW_PRIVATE: '127.0.0.1/32' },
  });
}, 60_000);
afterAll(async () => {
  await platform.close();
  server.closeAllConnections();
  server.close();
});

const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const set = (hosts: unknown, key = platform.key) => platform.call('PUT', '/v1/egress-hosts', { hosts }, { key });
const run = async (key = platform.key) => {
  const { body } = await platform.call<Run>(
    'POST',
    '/v1/agents/caller/runs?wait=20',
    { input: { url: `${base()}/from-run` } },
    { key },
  );
  return body.status === 'succeeded' ? 'called' : body.error?.code;
};

it('are all public ones at first; a list closes the others for runs at once, for this organisation alone', async () => {
  const other = await platform.organisation('Other');
  expect((await platform.call('GET', '/v1/egress-hosts')).body).toEqual({ hosts: null });
  expect(await run()).toBe('called');
  expect((await set(['api.example.com', '*.example.org'])).status).toBe(200);
  expect(await run()).toBe('agent.fetch-denied');
  expect(await run(other.key)).toBe('called');
  expect((await set(['127.0.0.1'])).body).toEqual({ hosts: ['127.0.0.1'] });
  expect(await run()).toBe('called');
  expect((await set([])).status).toBe(200);
  expect(await run()).toBe('agent.fetch-denied');
  expect((await set(null)).body).toEqual({ hosts: null });
  expect(await run()).toBe('called');
});

it('hold for webhooks too', async () => {
  const { key } = await platform.organisation('Hooked');
  const body = { url: `${base()}/hook`, events: ['run.succeeded.v1'], description: '' };
  const { body: endpoint } = await platform.call('POST', '/v1/webhook-endpoints', body, { key });
  await set(['127.0.0.1'], key);
  await run(key);
  await expect.poll(() => asked.filter((path) => path === '/hook').length, { timeout: 20_000 }).toBe(1);
  await set(['api.example.com'], key);
  const replayed = await platform.call(
    'POST',
    `/v1/webhook-endpoints/${String(endpoint.id)}/replay`,
    { from: '2026-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
    { key },
  );
  expect(replayed.status).toBeLessThan(300);
  const refused = async () => {
    const { body: page } = await platform.call<{ data: { attempts: { error: string | null }[] }[] }>(
      'GET',
      `/v1/webhook-endpoints/${String(endpoint.id)}/deliveries`,
      undefined,
      { key },
    );
    return JSON.stringify(page).includes('egress.denied');
  };
  await expect.poll(refused, { timeout: 20_000 }).toBe(true);
  expect(asked.filter((path) => path === '/hook')).toHaveLength(1);
});

it.each([
  ['https://api.example.com'],
  ['API.example.com'],
  ['api.example.com:443'],
  ['*'],
  ['*.com.'],
  ['a.*.com'],
  ['localhost'],
  ['api.example.com/x'],
  [''],
])('%j is no host', async (host) => {
  expect((await set([host])).status).toBe(422);
});
