import { getEventListeners } from 'node:events';
import { getActiveResourcesInfo } from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FAULTS } from '../../../../test/harness/mock-provider/index.ts';
import { createWorld, readChoices, streamBody, type World } from './fixture.ts';
import { UpstreamError } from './index.ts';

const CALLS = 1_000;
const AT_ONCE = 50;
const TOTAL_MS = 2_000;
// What answers with 401 or a spend limit closes the channel, and then hardly anything is tried; it has tests of its own.
const USED = FAULTS.filter((fault) => !['unauthorised', 'spend-limit', 'huge', 'endless'].includes(fault));

/** The same faults in the same order every time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let world: World;
let random: () => number;
beforeEach(async () => {
  random = seeded(20_261_121);
  world = await createWorld({
    random: () => random(),
    limits: { connectMs: 500, firstByteMs: 60, idleMs: 60, totalMs: TOTAL_MS, answerBytesMax: 1_000_000 },
  });
});
afterEach(() => world.close());

const timers = (): number => getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('1,000 calls with every fault at random end in time, and leave no socket, timer or listener behind', async () => {
  const service = new AbortController();
  const before = timers();
  const outcomes = new Map<string, number>();
  let left = CALLS;
  let longestMs = 0;
  const callOnce = async (): Promise<string> => {
    const [kind, fate, who] = [random(), random(), random()];
    if (random() < 0.6) {
      const fault = USED[Math.floor(random() * USED.length)] ?? 'hang';
      world.provider.behave({ fault, afterTokens: Math.floor(random() * 5), chunkMs: 20, tokensPerSecond: 2_000 });
    }
    const client = new AbortController();
    const signal = fate < 0.2 ? client.signal : service.signal;
    if (fate < 0.2) setTimeout(() => client.abort(), who * 40);
    const channels = [
      world.channel(`a${Math.floor(who * 20)}`),
      world.channel(`b${Math.floor(who * 20)}`, { priority: 1 }),
    ];
    const call = world.call([world.target(channels)], { signal });
    try {
      if (kind < 0.5) await world.upstream.ask({ ...call, read: readChoices });
      else {
        const { body } = await world.upstream.stream({ ...call, body: streamBody });
        if (fate > 0.9) body.destroy();
        else for await (const _ of body);
      }
      return 'ok';
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      expect(error.attempts.length).toBeLessThanOrEqual(3);
      return error.spec.code;
    }
  };
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      const outcome = await callOnce();
      longestMs = Math.max(longestMs, performance.now() - begun);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // Requests time out on a coarse clock, and the machine may be busy.
  expect(longestMs).toBeLessThan(TOTAL_MS + 1_500);
  expect(outcomes.get('ok')).toBeGreaterThan(CALLS / 4);
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['models.caller-left', 'models.stream-cut']));
  for (const { state } of world.upstream.health()) expect(['closed', 'open', 'half-open']).toContain(state);
  expect(getEventListeners(service.signal, 'abort')).toEqual([]);
  await world.provider.reset();
  // What is kept open waits for the next call and holds nothing; no call is under way.
  expect(world.provider.stats().openStreams).toBe(0);
  await world.closeEgress();
  while (world.provider.stats().openConnections > 0) await new Promise(setImmediate);
  while (timers() > before) await new Promise((resolve) => setImmediate(resolve));
}, 60_000);
