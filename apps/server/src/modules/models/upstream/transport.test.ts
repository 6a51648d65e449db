import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, Wire } from '../types.ts';
import { createWorld, type World } from './fixture.ts';
import type { Target, UpstreamCall } from './types.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

async function seen(channel: Partial<Channel>, wire: Wire, more: Partial<UpstreamCall<Target>> = {}) {
  const target = world.target([world.channel('a', channel)], { wire });
  await world.upstream.ask({ ...world.call([target], more), read: () => undefined });
  const request = world.provider.requests().at(-1);
  if (!request) throw new Error('nothing was sent');
  return request;
}

describe('a request to a provider', () => {
  test.each([
    ['chat', '/v1/chat/completions'],
    ['responses', '/v1/responses'],
    ['messages', '/v1/messages'],
    ['embeddings', '/v1/embeddings'],
  ] as const)('of the wire %s goes to %s', async (wire, path) => {
    const body = JSON.stringify(
      wire === 'responses' || wire === 'embeddings'
        ? { model: 'mock-small', input: 'hi' }
        : { model: 'mock-small', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] },
    );
    const kind = wire === 'messages' ? 'anthropic' : 'openai';
    const request = await seen({ kind }, wire, { body: () => Buffer.from(body) });
    expect([request.method, request.path, request.raw]).toEqual(['POST', path, body]);
    expect(request.headers['content-type']).toBe('application/json');
  });

  test('shows the key as the provider wants it, and to nobody else', async () => {
    const openai = await seen({}, 'chat');
    expect(openai.headers).toMatchObject({ authorization: 'Bearer sk-a-0123456789' });
    expect(openai.headers).not.toHaveProperty('x-api-key');
    const anthropic = await seen({ kind: 'anthropic' }, 'messages');
    expect(anthropic.headers).toMatchObject({ 'x-api-key': 'sk-a-0123456789', 'anthropic-version': '2023-06-01' });
    expect(anthropic.headers).not.toHaveProperty('authorization');
  });

  test('carries few headers of the client, and none that names an account that is not its own', async () => {
    const clientHeaders = {
      authorization: 'Bearer gh_secret',
      'x-api-key': 'gh_secret',
      cookie: 'a=b',
      'user-agent': 'client/1',
      'x-forwarded-for': '10.0.0.1',
      'anthropic-beta': ['one', 'two'],
      'openai-organization': 'org-theirs',
      'openai-project': 'proj-theirs',
      'x-custom': 'y',
    };
    const operators = await seen({}, 'chat', { clientHeaders });
    for (const name of ['x-api-key', 'cookie', 'x-forwarded-for', 'anthropic-beta', 'openai-organization', 'x-custom'])
      expect(operators.headers).not.toHaveProperty(name);
    expect(JSON.stringify(operators.headers)).not.toContain('gh_secret');
    const own = await seen({ ownerOrgId: 'org_1' }, 'chat', { clientHeaders });
    expect(own.headers).toMatchObject({ 'openai-organization': 'org-theirs', 'openai-project': 'proj-theirs' });
    const messages = await seen({ kind: 'anthropic', ownerOrgId: 'org_1' }, 'messages', { clientHeaders });
    expect(messages.headers).toMatchObject({ 'anthropic-beta': 'one,two' });
  });

  test('asks on the operator’s key for no beta feature that could change the price', async () => {
    const ask = (beta: string) =>
      seen({ kind: 'anthropic' }, 'messages', { clientHeaders: { 'anthropic-beta': beta } });
    const mixed = await ask('context-1m-2025-08-07, interleaved-thinking-2025-05-14,fast-mode-2026-02-01');
    expect(mixed.headers['anthropic-beta']).toBe('interleaved-thinking-2025-05-14');
    expect((await ask('context-1m-2025-08-07')).headers).not.toHaveProperty('anthropic-beta');
  });

  test.each(['a\r\nx-evil: 1', 'a\nb', 'a\0b', 'ä', 'x'.repeat(2_000)])(
    'drops a header of the client that holds %j',
    async (value) => {
      const request = await seen({ kind: 'anthropic' }, 'messages', { clientHeaders: { 'anthropic-beta': value } });
      expect(request.headers).not.toHaveProperty('anthropic-beta');
      expect(request.headers).not.toHaveProperty('x-evil');
    },
  );

  test('is not sent with a key that would break out of its header, and never tells it', async () => {
    const key = 'sk-a\r\nx-evil: 1';
    const error = await seen({ secret: async () => key }, 'chat').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ spec: { code: 'egress.denied' } });
    expect(JSON.stringify(error)).not.toContain('sk-a');
    expect(world.provider.stats().requests).toBe(0);
  });

  test('whose refusal repeats the key is told without it', async () => {
    const server = createServer((request, response) => {
      const message = `no: ${request.headers.authorization?.slice(7)}`;
      response.writeHead(400).end(JSON.stringify({ error: { message } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const baseUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`;
    const error = await seen({ baseUrl, secret: async () => 'plain words' }, 'chat').catch((thrown: unknown) => thrown);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(error).toMatchObject({ details: { detail: 'no: [removed]' } });
  });
});
