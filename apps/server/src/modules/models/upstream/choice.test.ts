import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWorld, readChoices, type World } from './fixture.ts';
import { backoffMs, pick } from './route.ts';
import type { Target, UpstreamCall } from './types.ts';

let world: World;
let random: () => number;
beforeEach(async () => {
  random = () => 0.5;
  world = await createWorld({ random: () => random() });
});
afterEach(() => world.close());
const ask = (call: UpstreamCall<Target>) => world.upstream.ask({ ...call, read: readChoices });
const askA = (more: Partial<UpstreamCall<Target>> = {}) => ask(world.call([world.target([world.channel('a')])], more));
const stateOf = (id: string) => world.upstream.health().find(({ channelId }) => channelId === id)?.state;

describe('the choice of a channel', () => {
  const shares = (weights: readonly number[], priorities: readonly number[] = []) => {
    const channels = weights.map((weight, i) => world.channel(`c${i}`, { weight, priority: priorities[i] ?? 0 }));
    const counts = weights.map(() => 0);
    for (let i = 0; i < 100; i += 1) {
      const index = channels.findIndex((channel) => channel === pick(channels, i / 100));
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return counts;
  };

  test.each([
    [[1, 1], [], [50, 50]],
    [[3, 1], [], [75, 25]],
    [[0, 5, 5], [], [0, 50, 50]],
    [[0, 0], [], [50, 50]],
    [
      [1, 100],
      [0, 1],
      [100, 0],
    ],
    [
      [1, 1, 9],
      [2, 1, 2],
      [0, 100, 0],
    ],
  ])('by weights %j and priorities %j falls %j times in a hundred', (weights, priorities, expected) => {
    expect(shares(weights, priorities)).toEqual(expected);
  });

  test('among none is none, and stays within them at the very edge of chance', () => {
    expect(pick([], 0.5)).toBeUndefined();
    const channels = [world.channel('a', { weight: 0.1 }), world.channel('b', { weight: 0.2 })];
    expect(pick(channels, 1 - Number.EPSILON / 2)?.id).toBe('b');
  });

  test('pauses are anything between nothing and a bound that doubles up to 8 s', () => {
    expect([0, 1, 2, 3, 10].map((retries) => backoffMs(retries, 0.999_999))).toEqual([
      expect.closeTo(250, 1),
      expect.closeTo(500, 1),
      expect.closeTo(1_000, 1),
      expect.closeTo(2_000, 1),
      expect.closeTo(8_000, 1),
    ]);
    expect(backoffMs(5, 0)).toBe(0);
  });
});

describe('a channel of its own limits', () => {
  test('takes no more calls at once than it may, and the next goes elsewhere', async () => {
    world.provider.behave({ delayMs: 50, times: 'always' });
    const channels = [world.channel('a', { concurrencyMax: 2 }), world.channel('b', { priority: 1 })];
    const all = await Promise.all(Array.from({ length: 5 }, () => ask(world.call([world.target(channels)]))));
    expect(all.map(({ channel }) => channel.id).toSorted()).toEqual(['a', 'a', 'b', 'b', 'b']);
    expect((await ask(world.call([world.target(channels)]))).channel.id).toBe('a');
  });

  test('without another channel tells its caller when to come again', async () => {
    world.provider.behave({ delayMs: 50 });
    const channels = [world.channel('a', { concurrencyMax: 1 })];
    const first = ask(world.call([world.target(channels)]));
    await expect(ask(world.call([world.target(channels)]))).rejects.toMatchObject({
      spec: { code: 'models.provider-busy', status: 429 },
      details: { members: { retryAfterSeconds: 1 } },
      attempts: [],
      isWorthRepeating: true,
    });
    await first;
  });

  test.each([
    ['requests', { requestsPerMinute: 3 }, 3],
    ['tokens', { tokensPerMinute: 250 }, 2],
  ])('takes no more %s a minute than it may', async (_, limits, count) => {
    const channels = [world.channel('a', limits), world.channel('b', { priority: 1 })];
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push((await ask(world.call([world.target(channels)]))).channel.id);
    expect(ids.filter((id) => id === 'a')).toHaveLength(count);
    world.clock.move(120_000);
    expect((await ask(world.call([world.target(channels)]))).channel.id).toBe('a');
  });
});

describe('a channel that is down', () => {
  test('is asked ten times at most, then left alone, and taken back after one probe', async () => {
    await world.provider.refuse();
    for (let i = 0; i < 20; i += 1) await askA().catch(() => {});
    // Refused connections are not seen by the provider; the channel counted them.
    const [down] = world.upstream.health();
    expect(down).toMatchObject({ state: 'open', lastError: 'models.provider-unavailable', errorRate: 1 });
    expect(down?.calls).toBeLessThanOrEqual(10);
    await expect(askA()).rejects.toMatchObject({
      spec: { code: 'models.provider-unavailable' },
      details: { members: { retryAfterSeconds: 5 } },
      attempts: [],
    });
    await world.provider.accept();
    world.clock.move(5_000);
    expect(stateOf('a')).toBe('half-open');
    await askA();
    expect(stateOf('a')).toBe('closed');
    expect(world.provider.stats().requests).toBe(1);
  });

  test('gets a single probe, however many calls wait', async () => {
    world.provider.behave({ fault: 'server-error', times: 5 });
    for (let i = 0; i < 5; i += 1) await askA({ limits: { attemptsMax: 1 } }).catch(() => {});
    world.clock.move(5_000);
    world.provider.behave({ delayMs: 30 });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => askA()));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(world.provider.stats().requests).toBe(6);
    expect(stateOf('a')).toBe('closed');
  });

  test('stays to be probed by the next when the caller of the probe leaves', async () => {
    world.provider.behave({ fault: 'server-error', times: 5 });
    for (let i = 0; i < 5; i += 1) await askA({ limits: { attemptsMax: 1 } }).catch(() => {});
    world.clock.move(5_000);
    world.provider.behave({ fault: 'hang' });
    const caller = new AbortController();
    const asking = askA({ signal: caller.signal });
    while (world.provider.stats().requests < 6) await new Promise(setImmediate);
    caller.abort();
    await expect(asking).rejects.toMatchObject({ spec: { code: 'models.caller-left' } });
    expect(stateOf('a')).toBe('half-open');
    await askA();
    expect(stateOf('a')).toBe('closed');
  });

  test('for one model serves the others', async () => {
    world.provider.behave({ fault: 'overloaded', onModel: 'mock-small', times: 'always' });
    for (let i = 0; i < 5; i += 1) await askA().catch(() => {});
    expect(world.provider.stats().requests).toBe(5);
    const large = world.target([world.channel('a')], { model: 'openai/mock-large' });
    await ask(world.call([large]));
    expect(stateOf('a')).toBe('closed');
  });

  test("as one request's own way closes nothing for another organisation's", async () => {
    const way = (ownerOrgId: string, baseUrl: string) => world.target([world.channel('own', { ownerOrgId, baseUrl })]);
    const away = way('org_1', 'http://127.0.0.1:1/v1');
    for (let i = 0; i < 3; i += 1) await ask(world.call([away])).catch(() => {});
    expect(stateOf('own')).toBe('open');
    await ask(world.call([way('org_1', `${world.provider.url}/v1`)]));
    await ask(world.call([way('org_2', `${world.provider.url}/v1`)]));
  });
});

describe('health', () => {
  test('tells the median to the first byte, the share of failures and the last one', async () => {
    world.provider.behave({ delayMs: 20, times: 3 });
    for (let i = 0; i < 3; i += 1) await askA();
    world.provider.behave({ fault: 'server-error' });
    await askA();
    const [health] = world.upstream.health();
    expect(health).toMatchObject({
      channelId: 'a',
      kind: 'openai',
      state: 'closed',
      calls: 5,
      errorRate: 0.2,
      lastError: 'models.provider-unavailable',
    });
    expect(health?.firstByteMs).toBeGreaterThan(15);
    expect(health?.since).toBeInstanceOf(Date);
  });
});
