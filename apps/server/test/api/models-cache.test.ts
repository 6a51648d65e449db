/** Exact answers from the cache: who gets them, what they cost, and that nothing else depends on them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Server } from '../../src/serve.ts';
import { createGatewayWorld, type GatewayWorld } from './models-fixture.ts';

let world: GatewayWorld;
let other: Server;

const ON = { responseCache: { enabled: true, ttlSeconds: 600 } };
const set = async (body: object, key = world.platform.key): Promise<void> => {
  const answer = await world.platform.call('PUT', '/v1/model-settings', body, { key });
  expect([answer.status, answer.status === 200 ? '' : answer.body]).toEqual([200, '']);
};

beforeAll(async () => {
  world = await createGatewayWorld();
  other = await world.platform.another('start');
}, 60_000);
afterAll(() => world.close());
beforeEach(async () => {
  await world.mock.reset();
});

interface Told {
  readonly status: number;
  readonly text: string;
  readonly cache: string | null;
  readonly cost: string | null;
  readonly callId: string;
}

interface Sending {
  readonly url?: string;
  readonly key?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

async function send(body: unknown, { url, key, path, headers }: Sending = {}): Promise<Told> {
  const answer = await fetch(`${url ?? world.platform.url}${path ?? '/v1/chat/completions'}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key ?? world.platform.key}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: answer.status,
    text: await answer.text(),
    cache: answer.headers.get('x-guildhall-cache'),
    cost: answer.headers.get('x-guildhall-cost-nanos'),
    callId: answer.headers.get('x-guildhall-call') ?? '',
  };
}

let asked = 0;
/** A request that nobody has made before. */
const fresh = (more: object = {}) => {
  asked += 1;
  return { model: 'openai/matrix', messages: [{ role: 'user', content: `Question ${asked}` }], ...more };
};
/** Calls that reached the provider; it is asked for its models, too, at times. */
const provided = (): number => world.mock.requests().filter(({ method }) => method === 'POST').length;
const settled = async (key?: string) =>
  (await world.platform.call<Record<string, unknown>>('GET', '/v1/cache', undefined, key ? { key } : {})).body;

describe('answers that are kept', () => {
  it('are not kept unless the organisation says so', async () => {
    const body = fresh();
    await send(body);
    expect(await send(body)).toMatchObject({ status: 200, cache: 'off' });
    expect(provided()).toBe(2);
    expect((await world.platform.call('GET', '/v1/model-settings')).body).toEqual({
      responseCache: { enabled: false, ttlSeconds: 86_400 },
      embeddingsCache: { enabled: true },
    });
  });

  it('are given again byte for byte, for nothing, without a hold, and are written down', async () => {
    await set(ON);
    const body = fresh();
    const first = await send(body);
    expect(first.cache).toBe('miss');
    const before = await world.spent();
    const again = await send(body);
    expect(again).toMatchObject({ status: 200, text: first.text, cache: 'hit', cost: '0' });
    expect(again.callId).not.toBe(first.callId);
    expect(provided()).toBe(1);
    expect(await world.spent()).toBe(before);
    const [one, two] = [await world.history(first.callId), await world.history(again.callId)];
    expect(two).toMatchObject({
      status: 'succeeded',
      cached: true,
      cost_nanos: '0',
      hold_nanos: '0',
      input_tokens: one.input_tokens,
      output_tokens: one.output_tokens,
      saved_nanos: one.cost_nanos,
    });
    expect(await world.findings()).toEqual([]);
  });

  it('serve whoever writes the same in another order or under another name of a user, and nobody who asks something else', async () => {
    await set(ON);
    const { model, messages } = fresh({});
    await send({ model, messages, temperature: 0, user: 'a', metadata: { a: 'b' } });
    expect(await send({ temperature: 0, user: 'b', messages, model: 'openai/matrix' })).toMatchObject({ cache: 'hit' });
    expect(await send({ model, messages, temperature: 1 })).toMatchObject({ cache: 'miss' });
    expect(await send({ model, messages, temperature: 0, seed: 1 })).toMatchObject({ cache: 'miss' });
    expect(await send({ model: 'google/matrix', messages, temperature: 0 })).toMatchObject({ cache: 'miss' });
    expect(provided()).toBe(4);
  });

  it('stream as they streamed, apart from whole answers', async () => {
    await set(ON);
    const body = fresh({ stream: true, stream_options: { include_usage: true } });
    const first = await send(body);
    const before = await world.spent();
    expect(await send(body)).toMatchObject({ cache: 'hit', text: first.text });
    const plain = fresh({ stream: true });
    await send(plain);
    expect(await send({ ...plain, stream: false })).toMatchObject({ cache: 'miss' });
    expect(provided()).toBe(3);
    expect(before).toBeGreaterThan(0n);
    for (const path of ['/v1/messages', '/v1/responses']) {
      const words = { model: 'anthropic/matrix', max_tokens: 50, stream: true, ...{ messages: body.messages } };
      const said = path === '/v1/messages' ? words : { model: 'openai/matrix', input: `x ${asked}`, stream: true };
      const told = await send(said, { path });
      expect(await send(said, { path })).toMatchObject({ status: 200, cache: 'hit', text: told.text });
    }
    expect(await world.findings()).toEqual([]);
  });

  it('are passed by where the request says so: no-cache keeps the new answer, no-store leaves the old one', async () => {
    await set(ON);
    const body = fresh();
    world.mock.behave({ text: 'one' }, { text: 'two' }, { text: 'three' });
    const first = await send(body);
    const anew = await send(body, { headers: { 'cache-control': 'no-cache' } });
    expect(anew.text).toContain('two');
    expect(await send(body)).toMatchObject({ cache: 'hit', text: anew.text });
    const apart = await send(body, { headers: { 'cache-control': 'max-age=0, NO-STORE' } });
    expect(apart.text).toContain('three');
    expect(await send(body)).toMatchObject({ cache: 'hit', text: anew.text });
    expect(first.text).toContain('one');
  });

  it('are whole and good: what failed or was cut is asked again', async () => {
    await set(ON);
    const body = fresh();
    world.mock.behave({ fault: 'bad-request' });
    expect((await send(body)).status).toBe(400);
    expect((await send(body)).cache).toBe('miss');
    const streamed = fresh({ stream: true });
    world.mock.behave({ fault: 'cut', afterTokens: 3 });
    expect((await send(streamed)).text).toContain('stream-cut');
    const whole = await send(streamed);
    expect([whole.cache, whole.text.includes('stream-cut')]).toEqual(['miss', false]);
    expect(await world.findings()).toEqual([]);
  });

  it('are not kept where they are longer than a mebibyte', async () => {
    await set(ON);
    const body = fresh({ stream: true, max_tokens: 8_000 });
    world.mock.behave({ text: 'x '.repeat(5_900), times: 2 });
    expect((await send(body)).text.length).toBeGreaterThan(1_048_576);
    expect((await send(body)).cache).toBe('miss');
    expect(await send({ ...body, stream: false })).toMatchObject({ status: 200 });
    expect(await send({ ...body, stream: false })).toMatchObject({ cache: 'hit' });
  });

  it('are asked for once where the same is asked twice at the same time', async () => {
    await set(ON);
    const body = fresh();
    world.mock.behave({ delayMs: 150 });
    const before = await world.spent();
    const told = await Promise.all(Array.from({ length: 8 }, () => send(body)));
    expect(provided()).toBe(1);
    expect(told.map(({ cache }) => cache).toSorted()).toEqual([...Array(7).fill('hit'), 'miss']);
    expect(new Set(told.map(({ text }) => text)).size).toBe(1);
    const costs = told.reduce((sum, { cost }) => sum + BigInt(cost ?? 0), 0n);
    expect((await world.spent()) - before).toBe(costs);
    expect(await world.findings()).toEqual([]);
  });

  it('do not make those wait for ever whose forerunner failed', async () => {
    await set(ON);
    const body = fresh();
    world.mock.behave({ delayMs: 100, fault: 'bad-request' });
    const told = await Promise.all([send(body), send(body)]);
    expect(told.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  });
});

describe('an organisation', () => {
  it('never gets what another paid for, nor learns of it', async () => {
    const stranger = await world.platform.organisation('Stranger');
    await set(ON);
    await set(ON, stranger.key);
    const body = fresh();
    await send(body);
    const theirs = await send(body, { key: stranger.key });
    expect(theirs.cache).toBe('miss');
    expect(BigInt(theirs.cost ?? 0)).toBeGreaterThan(0n);
    expect(await settled(stranger.key)).toMatchObject({ hits: 0, misses: 1, entries: 1 });
    expect(await send(body, { key: stranger.key })).toMatchObject({ cache: 'hit', cost: '0' });
  });

  it('forgets what was kept when it changes its settings', async () => {
    await set(ON);
    const body = fresh();
    await send(body);
    expect(await settled()).not.toMatchObject({ entries: 0 });
    await set({ responseCache: { enabled: false } });
    expect(await settled()).toMatchObject({ entries: 0, bytes: 0 });
    await set(ON);
    expect(await send(body)).toMatchObject({ cache: 'miss' });
    expect(await world.rows(`select from audit.event where action = 'model-settings.set'`)).not.toEqual([]);
  });

  it('is refused a time to live out of bounds', async () => {
    for (const ttlSeconds of [59, 2_592_001, 1.5])
      expect(
        await world.platform.call('PUT', '/v1/model-settings', { responseCache: { enabled: true, ttlSeconds } }),
      ).toMatchObject({ status: 422 });
  });

  it('keeps no answer to a key that the request brings', async () => {
    await set(ON);
    const body = fresh();
    const headers = { 'x-provider-key': 'sk-of-the-request-0123456789', 'x-provider-base-url': `${world.mock.url}/v1` };
    const first = await send({ ...body, model: 'compatible/matrix' }, { headers });
    expect(first).toMatchObject({ status: 200, cache: 'off' });
    expect(await send({ ...body, model: 'compatible/matrix' }, { headers })).toMatchObject({ cache: 'off' });
    expect(provided()).toBe(2);
  });

  it('sees what its caches hold, hit and saved', async () => {
    const own = await world.platform.organisation('Thrifty');
    await set(ON, own.key);
    const body = fresh();
    const { cost } = await send(body, { key: own.key });
    await send(body, { key: own.key });
    await send(body, { key: own.key });
    const saved = { nanos: (2n * BigInt(cost ?? 0)).toString(), currency: 'USD' };
    expect(await settled(own.key)).toMatchObject({
      hits: 2,
      misses: 1,
      saved,
      entries: 1,
      responses: { hits: 2, misses: 1, saved },
      embeddings: { hits: 0, misses: 0 },
    });
    const metrics = await (await fetch(`${world.platform.url}/metrics`)).text();
    expect(metrics).toMatch(/model_calls_total\{model="openai\/matrix",status="succeeded",cache="hit"\} [1-9]/);
    expect(Number(/^cache_hit_rate (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
  });
});

describe('the table of entries', () => {
  const elsewhere = (body: unknown) => send(body, { url: other.url ?? '' });

  it('serves the other processes too', async () => {
    await set(ON);
    const body = fresh();
    const first = await send(body);
    await settled();
    expect(await elsewhere(body)).toMatchObject({ cache: 'hit', text: first.text });
    expect(provided()).toBe(1);
  });

  it.each([
    ['other words', `content = convert_to('{"usage":{}}' || chr(10) || '{"poison":true}', 'UTF8')`],
    ['a hash of their own', `mac = sha256('poison')`],
    [
      'another genuine entry',
      `(content, mac) = (select o.content, o.mac from models.cache_entry o where o.org_id = cache_entry.org_id and o.key <> cache_entry.key)`,
    ],
  ])('is not believed where somebody else wrote %s in it', async (_, poison) => {
    const { orgId, key } = await world.platform.organisation('Poisoned');
    await set(ON, key);
    const bodies = [fresh(), fresh()];
    for (const body of bodies) await send(body, { key });
    await settled(key);
    await world.rows(`update models.cache_entry set ${poison} where org_id = $1`, [orgId]);
    for (const body of bodies) {
      const told = await send(body, { key, url: other.url ?? '' });
      expect([told.status, told.cache, told.text.includes('poison')]).toEqual([200, 'miss', false]);
    }
  });

  it('loses what has expired', async () => {
    const { orgId, key } = await world.platform.organisation('Forgetful');
    await set(ON, key);
    const bodies = [fresh(), fresh()];
    for (const body of bodies) await send(body, { key });
    await settled(key);
    await world.rows(
      `update models.cache_entry set expires_at = platform.now() - interval '1 second'
      where org_id = $1 and key = (select key from models.cache_entry where org_id = $1 order by key limit 1)`,
      [orgId],
    );
    await other.platform.models.pruneCaches();
    const [left] = await world.rows<{ bytes: number }>(
      `select sum(size)::int as bytes from models.cache_entry where org_id = $1`,
      [orgId],
    );
    expect(await settled(key)).toMatchObject({ entries: 1, bytes: left?.bytes });
    const told = await Promise.all(bodies.map((body) => send(body, { key, url: other.url ?? '' })));
    expect(told.map(({ cache }) => cache).toSorted()).toEqual(['hit', 'miss']);
  });

  it('takes no more of an organisation than its bound, and loses the oldest first', async () => {
    const own = await world.platform.organisation('Hoarder');
    const keep = (name: string) =>
      world.rows(
        `select models.cache_keep($1, 'live', 'response', array[sha256($2)], array[convert_to(repeat('x', 800), 'UTF8')], array[sha256('m')], 60, 10000)`,
        [own.orgId, Buffer.from(name)],
      );
    for (let index = 0; index < 30; index += 1) await keep(`entry ${index}`);
    const rows = await world.rows<{ n: number; bytes: number; newest: boolean }>(
      `select count(*)::int as n, sum(size)::int as bytes, bool_or(key = sha256('entry 29')) as newest
       from models.cache_entry where org_id = $1`,
      [own.orgId],
    );
    expect(rows[0]?.bytes).toBeLessThanOrEqual(10_000);
    expect(rows[0]).toMatchObject({ newest: true });
    expect(await settled(own.key)).toMatchObject({ entries: rows[0]?.n, bytes: rows[0]?.bytes });
  });

  it('fails no call when it is locked or gone', async () => {
    await set(ON);
    const body = fresh();
    await send(body);
    await settled();
    await world.rows('begin');
    await world.rows('lock table models.cache_entry');
    const locked = await Promise.all(Array.from({ length: 20 }, () => elsewhere(fresh())));
    await world.rows('rollback');
    expect(new Set(locked.map(({ status }) => status))).toEqual(new Set([200]));
    await world.rows('alter table models.cache_entry rename to cache_entry_away');
    const gone = await Promise.all(Array.from({ length: 20 }, () => elsewhere(fresh())));
    expect(new Set(gone.map(({ status }) => status))).toEqual(new Set([200]));
    // What is in the memory of a process needs no table.
    expect(await send(body)).toMatchObject({ status: 200, cache: 'hit' });
    await world.rows('alter table models.cache_entry_away rename to cache_entry');
    expect(await world.findings()).toEqual([]);
  });
});
