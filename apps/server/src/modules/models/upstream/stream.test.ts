import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWorld, readChoices, streamBody, type World } from './fixture.ts';
import type { CallLimits, Target, UpstreamCall } from './types.ts';

let world: World;
const servers: Server[] = [];
beforeEach(async () => {
  world = await createWorld({ limits: { connectMs: 500, firstByteMs: 200, idleMs: 100, attemptsMax: 1 } });
});
afterEach(async () => {
  await world.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const stream = (more: Partial<UpstreamCall<Target>> = {}, base?: string) =>
  world.upstream.stream({
    ...world.call([world.target([world.channel('a', base === undefined ? {} : { baseUrl: base })])], more),
    body: streamBody,
  });
const ask = (more: Partial<UpstreamCall<Target>> = {}) =>
  world.upstream.ask({ ...world.call([world.target([world.channel('a')])], more), read: readChoices });

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`;
}

/** All that was delivered, and what ended it. */
async function taken(body: AsyncIterable<Buffer>): Promise<{ text: string; error: unknown }> {
  let text = '';
  try {
    for await (const piece of body) text += piece.toString();
    return { text, error: undefined };
  } catch (error) {
    return { text, error };
  }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(setImmediate);
};

describe('a stream that has begun to speak', () => {
  test.each([
    ['cut', 'stream-cut'],
    ['cut-in-character', 'stream-cut'],
    ['cut-in-line', 'stream-cut'],
    ['stall', 'stream-timeout'],
  ] as const)('is never begun again: %s delivers what came and says %s', async (fault, name) => {
    world.provider.behave({ fault, afterTokens: 3, tokensPerSecond: 1_000 });
    const { body, attempts } = await stream({ limits: { attemptsMax: 6 } });
    const { text, error } = await taken(body);
    expect(text.match(/"content":"[^"]/g)?.length).toBeGreaterThanOrEqual(3);
    expect(error).toMatchObject({ spec: { code: `models.${name}` }, attempts, isWorthRepeating: true });
    expect(world.provider.stats().requests).toBe(1);
    expect(world.upstream.health()[0]).toMatchObject({ lastError: `models.${name}`, errorRate: 0.5 });
  });

  test('that is cut again and again closes the channel', async () => {
    world.provider.behave({ fault: 'cut', tokensPerSecond: 2_000, times: 'always' });
    let calls = 0;
    for (; calls < 30; calls += 1) {
      const given = await stream().catch(() => undefined);
      if (!given) break;
      await taken(given.body);
    }
    expect(calls).toBeLessThanOrEqual(10);
    expect(world.upstream.health()[0]?.state).toBe('open');
  });

  test('may end without saying so: whoever reads it sees that', async () => {
    world.provider.behave({ fault: 'truncated', afterTokens: 3 });
    const { text, error } = await taken((await stream()).body);
    expect(error).toBeUndefined();
    expect(text).not.toContain('[DONE]');
  });

  test('ends at the total time, however busily it drips', async () => {
    world.provider.behave({ outputTokens: 40, tokensPerSecond: 20 });
    const { body } = await stream({ limits: { totalMs: 500, idleMs: 5_000 } });
    const { error } = await taken(body);
    expect(error).toMatchObject({ spec: { code: 'models.stream-timeout' } });
  });

  test("closes the provider's socket at once when its reader destroys it, and that is no failure", async () => {
    world.provider.behave({ tokensPerSecond: 20, outputTokens: 40 });
    const { body } = await stream();
    body.destroy();
    await until(() => world.provider.stats().cancelled === 1 && world.provider.stats().openConnections === 0);
    expect(world.upstream.health()[0]).toMatchObject({ errorRate: 0, lastError: undefined });
  });

  test('closes it when the client leaves, and its reader hears why', async () => {
    world.provider.behave({ tokensPerSecond: 20, outputTokens: 40 });
    const client = new AbortController();
    const { body } = await stream({ signal: client.signal });
    const reading = taken(body);
    client.abort(new Error('gone'));
    expect((await reading).error).toMatchObject({ spec: { code: 'models.caller-left' }, isWorthRepeating: false });
    await until(() => world.provider.stats().openConnections === 0);
    expect(world.upstream.health()[0]).toMatchObject({ errorRate: 0, lastError: undefined });
  });
});

describe('a channel that takes one call at a time', () => {
  test.each(['is read', 'is destroyed', 'is left by its client', 'is cut'])(
    'is free again when its stream %s',
    async (how) => {
      const target = world.target([world.channel('a', { concurrencyMax: 1 })]);
      const client = new AbortController();
      const start = (more = {}) => world.upstream.stream({ ...world.call([target], more), body: streamBody });
      world.provider.behave({ tokensPerSecond: 200, ...(how === 'is cut' ? { fault: 'cut' } : {}) });
      const { body } = await start({ signal: client.signal });
      const closed = new Promise((resolve) => body.once('close', resolve));
      await expect(start()).rejects.toMatchObject({ spec: { code: 'models.provider-busy' } });
      if (how === 'is destroyed') body.destroy();
      else if (how === 'is left by its client') client.abort();
      else await taken(body);
      await closed;
      await taken((await start()).body);
    },
  );
});

describe('a stream that has not spoken yet', () => {
  test('ends with its limit when it drips a byte now and then', async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('x'), 10);
      response.once('close', () => clearInterval(timer));
    });
    await expect(stream({}, base)).rejects.toMatchObject({ spec: { code: 'models.provider-timeout' } });
  });

  test('that announces itself and thinks is handed on, and its announcement with it', async () => {
    const said = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n';
    const rest = 'data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    const think = Promise.withResolvers<void>();
    const base = await serve(async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`: wait\n\n${said}`);
      await think.promise;
      response.end(rest);
    });
    const { body } = await stream({ limits: { firstByteMs: 50, idleMs: 10_000 } }, base);
    think.resolve();
    expect(await taken(body)).toEqual({ text: `: wait\n\n${said}${rest}`, error: undefined });
  });

  test.each([
    ['an error in place of a stream', '{"error":{"code":"insufficient_quota","message":"x"}}', 'provider-spend-limit'],
    ['an answer in place of a stream', '{"choices":[]}', 'bad-answer'],
  ])('%s is one', async (_, json, name) => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(json);
    });
    await expect(stream({}, base)).rejects.toMatchObject({ spec: { code: `models.${name}` } });
  });

  test('whose overload comes as its first event is tried elsewhere', async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n');
      response.end(
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
      );
    });
    const anthropic = { kind: 'anthropic' } as const;
    const channels = [
      world.channel('a', { ...anthropic, baseUrl: base }),
      world.channel('b', { ...anthropic, priority: 1 }),
    ];
    const body = JSON.stringify({
      model: 'mock-small',
      max_tokens: 20,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    });
    const got = await world.upstream.stream({
      ...world.call([world.target(channels, { wire: 'messages' })], { limits: { attemptsMax: 2 } }),
      body: () => body,
    });
    expect(got.attempts).toMatchObject([{ outcome: 'models.provider-unavailable', status: 529 }, { outcome: 'ok' }]);
    expect((await taken(got.body)).text).toMatch(/^event: message_start[\s\S]*message_stop/);
  });
});

describe('a whole answer', () => {
  const LIMITS: readonly (readonly [string, Partial<CallLimits>, object])[] = [
    ['that hangs', { firstByteMs: 60 }, { fault: 'hang' }],
    ['that stalls', { idleMs: 60 }, { fault: 'stall' }],
    ['that drips', { totalMs: 120 }, { fault: 'drip', chunkMs: 20 }],
  ];
  test.each(LIMITS)('%s ends with its limit', async (_, limits, behaviour) => {
    world.provider.behave({ ...behaviour, times: 'always' });
    await expect(ask({ limits })).rejects.toMatchObject({ spec: { code: 'models.provider-timeout' } });
  });

  test('is waited for no longer than the total time, attempts and pauses together', async () => {
    world.provider.behave({ fault: 'hang', times: 'always' });
    const begun = performance.now();
    const error = await ask({ limits: { totalMs: 400, firstByteMs: 150, attemptsMax: 6 } }).catch((e: unknown) => e);
    expect(error).toMatchObject({ spec: { code: 'models.provider-timeout' } });
    expect(performance.now() - begun).toBeLessThan(1_500);
  });

  test('is asked of nobody when the time is over, though a channel is left', async () => {
    world.provider.behave({ fault: 'hang', times: 'always' });
    const call = world.call([world.target([world.channel('a'), world.channel('b')])], {
      limits: { totalMs: 80, firstByteMs: 5_000, attemptsMax: 6 },
    });
    await expect(world.upstream.ask({ ...call, read: readChoices })).rejects.toMatchObject({
      spec: { code: 'models.provider-timeout' },
      attempts: [{ outcome: 'models.provider-timeout' }],
    });
  });

  test("that nobody waits for any more closes the provider's socket at once", async () => {
    world.provider.behave({ fault: 'hang' });
    const client = new AbortController();
    const asking = ask({ signal: client.signal });
    await until(() => world.provider.stats().requests === 1);
    client.abort();
    await expect(asking).rejects.toMatchObject({
      spec: { code: 'models.caller-left' },
      attempts: [{ channelId: 'a', outcome: 'models.caller-left' }],
    });
    await until(() => world.provider.stats().openConnections === 0);
    expect(world.upstream.health()[0]).toMatchObject({ calls: 0, lastError: undefined });
  });

  test('is not asked for when the caller has left already', async () => {
    await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ spec: { code: 'models.caller-left' } });
    expect(world.provider.stats().requests).toBe(0);
  });
});
