import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../../../test/harness/mock-provider/index.ts';
import { createWorld, readChoices, streamBody, type World } from './fixture.ts';
import { UpstreamError } from './index.ts';
import type { CallLimits, Target, UpstreamCall } from './types.ts';

const QUICK: Partial<CallLimits> = { connectMs: 500, firstByteMs: 100, idleMs: 100 };
let world: World;

beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

const code = (name: string) => ({ spec: { code: `models.${name}` } });
const ask = (call: UpstreamCall<Target>) => world.upstream.ask({ ...call, read: readChoices });
const stream = (call: UpstreamCall<Target>) => world.upstream.stream({ ...call, body: streamBody });
const one = (more: Partial<UpstreamCall<Target>> = {}) => world.call([world.target([world.channel('a')])], more);
const two = (more: Partial<UpstreamCall<Target>> = {}) =>
  world.call([world.target([world.channel('a'), world.channel('b', { priority: 1 })])], more);
const twoModels = (more: Partial<UpstreamCall<Target>> = {}) =>
  world.call(
    [world.target([world.channel('a')]), world.target([world.channel('b')], { model: 'openai/mock-large' })],
    more,
  );
const onA = { onKey: 'sk-a-0123456789' };
const failed = (promise: Promise<unknown>): Promise<UpstreamError> =>
  promise.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => (error instanceof UpstreamError ? error : Promise.reject(error)),
  );
const asked = (): number => world.provider.stats().requests;
const healthOf = (id: string) => world.upstream.health().find(({ channelId }) => channelId === id);
const textOf = async (body: AsyncIterable<Buffer>): Promise<string> => {
  let text = '';
  for await (const piece of body) text += piece.toString();
  return text;
};

describe('a call', () => {
  test('gives the answer with the one attempt it took', async () => {
    const got = await ask(one());
    expect(got).toMatchObject({ status: 200, channel: { id: 'a' }, answer: [{ index: 0 }] });
    expect(got.headers['content-type']).toContain('application/json');
    expect(got.attempts).toEqual([
      {
        channelId: 'a',
        kind: 'openai',
        model: 'openai/mock-small',
        outcome: 'ok',
        status: 200,
        ms: expect.any(Number),
      },
    ]);
    expect(JSON.parse(got.body.toString()).model).toBe('mock-small');
  });

  test('streams byte for byte what the provider sends', async () => {
    const { body, attempts } = await stream(one());
    const text = await textOf(body);
    expect(text.startsWith('data: {')).toBe(true);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(text.match(/^data: /gm)?.length).toBeGreaterThan(10);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  test('streams every byte once, however the provider cuts it', async () => {
    world.provider.behave({ text: 'one two three', chunkBytes: 7, times: 'always' });
    const cut = await textOf((await stream(one())).body);
    expect(cut.match(/one|two|three/g)).toEqual(['one', 'two', 'three']);
    expect(cut.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('reads the key for every attempt, and not for the ones that are not made', async () => {
    let reads = 0;
    const secret = async () => {
      reads += 1;
      return `sk-read-${reads}-abcdef`;
    };
    world.provider.behave({ fault: 'server-error' });
    await ask(
      world.call([world.target([world.channel('a', { secret }), world.channel('b', { secret, priority: 1 })])]),
    );
    expect(world.provider.requests().map(({ headers }) => headers.authorization)).toEqual([
      'Bearer sk-read-1-abcdef',
      'Bearer sk-read-2-abcdef',
    ]);
  });

  test('leaves a channel whose key cannot be read, and does not hold that against it', async () => {
    const secret = () => Promise.reject(new Error('the vault is closed'));
    const channels = [world.channel('a', { secret }), world.channel('b', { priority: 1 })];
    const got = await ask(world.call([world.target(channels)]));
    expect(got.attempts.map(({ outcome }) => outcome)).toEqual(['models.provider-unavailable', 'ok']);
    expect(healthOf('a')).toMatchObject({ calls: 0, lastError: undefined });
  });

  test('reaches no private address that the operator did not set', async () => {
    const channels = [world.channel('a', { isTrustedAddress: false })];
    const error = await failed(ask(world.call([world.target(channels)])));
    expect(error).toMatchObject({ spec: { code: 'egress.denied' }, attempts: [{ outcome: 'egress.denied' }] });
    expect(asked()).toBe(0);
  });
});

describe('what the request itself is to blame for', () => {
  test.each([
    ['bad-request', 'provider-refused', 400],
    ['context-length', 'provider-too-large', 413],
    ['too-large', 'provider-too-large', 413],
  ] as const)('%s is asked of nobody else', async (fault, name, status) => {
    for (const start of [ask, stream]) {
      world.provider.behave({ fault });
      const before = asked();
      const error = await failed(start(twoModels({ mayFallBack: true, mayLeaveSpendLimit: true })));
      expect(error).toMatchObject({ spec: { code: `models.${name}`, status }, isWorthRepeating: false });
      expect(error.details.detail).toBeTruthy();
      expect(asked() - before).toBe(1);
    }
    expect(world.pauses).toEqual([]);
    expect(world.upstream.health()).toMatchObject([{ state: 'closed', errorRate: 0, lastError: undefined }]);
  });
});

describe('what one account is to blame for', () => {
  test.each(['unauthorised', 'forbidden', 'not-found'] as const)(
    '%s is never repeated there, and may be better elsewhere',
    async (fault) => {
      world.provider.behave({ fault, times: 'always', ...onA });
      const got = await ask(two());
      expect(got.attempts.map(({ channelId }) => channelId)).toEqual(['a', 'b']);
      expect(await failed(ask(one({ targets: one().targets })))).toMatchObject({
        isWorthRepeating: expect.any(Boolean),
      });
      expect(world.pauses).toEqual([]);
    },
  );

  test('a key that is refused closes the channel for the calls that follow', async () => {
    world.provider.behave({ fault: 'unauthorised', times: 'always', ...onA });
    await ask(two());
    await ask(two());
    expect(world.provider.requests().filter(({ headers }) => headers.authorization?.includes('sk-a-'))).toHaveLength(1);
    expect(healthOf('a')).toMatchObject({ state: 'open', lastError: 'models.provider-key-refused' });
  });

  test('a spend limit is never repeated, and left for another account only where that is allowed', async () => {
    world.provider.behave({ fault: 'spend-limit', times: 'always', ...onA });
    for (const call of [two(), twoModels({ mayFallBack: true })]) {
      const error = await failed(ask(call));
      expect(error).toMatchObject({ ...code('provider-spend-limit'), isWorthRepeating: false });
      expect(error.attempts).toHaveLength(1);
      world.clock.move(120_000);
    }
    const got = await ask(two({ mayLeaveSpendLimit: true }));
    expect(got.attempts.map(({ outcome }) => outcome)).toEqual(['models.provider-spend-limit', 'ok']);
    expect(world.pauses).toEqual([]);
  });

  test("a spend limit in Anthropic's words is one too", async () => {
    world.provider.behave({ fault: 'spend-limit' });
    const channel = world.channel('a', { kind: 'anthropic' });
    const error = await failed(ask(world.call([world.target([channel], { wire: 'messages' })])));
    expect(error).toMatchObject(code('provider-spend-limit'));
    expect(asked()).toBe(1);
  });
});

const RETRYABLE: readonly (readonly [Fault, string])[] = [
  ['server-error', 'provider-unavailable'],
  ['bad-gateway', 'provider-unavailable'],
  ['unavailable', 'provider-unavailable'],
  ['overloaded', 'provider-unavailable'],
  ['rate-limited', 'provider-rate-limited'],
  ['reset', 'provider-unavailable'],
  ['hang', 'provider-timeout'],
  ['empty', 'bad-answer'],
  ['bad-json', 'bad-answer'],
];

describe('what may be better the next time', () => {
  test.each(RETRYABLE)('%s is tried again with growing pauses, three times at most', async (fault, name) => {
    world.provider.behave({ fault, times: 2 });
    const got = await ask(one({ limits: QUICK }));
    expect(got.attempts.map(({ outcome }) => outcome)).toEqual([`models.${name}`, `models.${name}`, 'ok']);
    expect(world.pauses).toEqual([125, 250]);
    world.provider.behave({ fault, times: 'always' });
    const error = await failed(ask(one({ limits: QUICK })));
    expect(error).toMatchObject({ ...code(name), isWorthRepeating: true });
    expect(error.attempts).toHaveLength(3);
  });

  test.each([
    ...RETRYABLE,
    ['error-event', 'provider-unavailable'],
    ['cut', 'provider-unavailable'],
    ['truncated', 'bad-answer'],
  ] as const)('%s before a stream has said anything is tried again', async (fault, name) => {
    world.provider.behave({ fault, afterTokens: 0 });
    const { body, attempts } = await stream(one({ limits: QUICK }));
    expect(attempts.map(({ outcome }) => outcome)).toEqual([`models.${name}`, 'ok']);
    expect(await textOf(body)).toContain('[DONE]');
  });

  test.each(['wrong-shape', 'cut', 'stall', 'truncated', 'error-event', 'cut-in-character'] as const)(
    'a whole answer with the fault %s is asked for again, for nothing of it was given out',
    async (fault) => {
      world.provider.behave({ fault });
      const got = await ask(one({ limits: QUICK }));
      expect(got.attempts).toHaveLength(2);
      expect(got.answer).toHaveLength(1);
    },
  );

  test('an error that calls itself a success is what it says', async () => {
    world.provider.behave({ fault: 'error-event' });
    const got = await ask(one());
    expect(got.attempts.map(({ outcome }) => outcome)).toEqual(['models.provider-unavailable', 'ok']);
  });

  test('another channel is asked at once, without a pause', async () => {
    world.provider.behave({ fault: 'server-error', times: 'always', ...onA });
    const got = await ask(two());
    expect([got.channel.id, world.pauses]).toEqual(['b', []]);
  });

  test('a connection that is refused is tried again elsewhere', async () => {
    const channels = [world.channel('a', { baseUrl: 'http://127.0.0.1:1/v1' }), world.channel('b', { priority: 1 })];
    const got = await ask(world.call([world.target(channels)]));
    expect(got.attempts.map(({ outcome }) => outcome)).toEqual(['models.provider-unavailable', 'ok']);
  });

  test('an answer without end is cut off, and not asked for again there', async () => {
    world.provider.behave({ fault: 'endless', times: 'always' });
    const error = await failed(ask(one({ limits: { answerBytesMax: 100_000 } })));
    expect(error).toMatchObject({ ...code('bad-answer'), attempts: [{ outcome: 'models.bad-answer' }] });
    expect(error.attempts).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  test('is waited for, in seconds and as a date', async () => {
    world.provider.behave({ fault: 'rate-limited', retryAfterSeconds: 7 });
    await ask(one());
    const at = new Date(world.clock.now().getTime() + 12_000).toUTCString();
    world.provider.behave({ fault: 'rate-limited', retryAfterDate: at });
    await ask(one());
    // The pause itself with a little on top, so that all who wait do not come at once; then the pause before a repeat.
    const rests = world.pauses.filter((ms) => ms > 1_000);
    expect(rests).toHaveLength(2);
    expect(rests[0]).toBeGreaterThan(7_000);
    expect(rests[0]).toBeLessThan(7_300);
    expect(rests[1]).toBeGreaterThan(10_500);
    expect(rests[1]).toBeLessThan(12_300);
  });

  test('holds for the calls that come meanwhile, so nobody asks before', async () => {
    world.provider.behave({ fault: 'rate-limited', retryAfterSeconds: 20 });
    await failed(ask(one({ limits: { waitMsMax: 1_000 } })));
    const error = await failed(ask(one({ limits: { waitMsMax: 1_000 } })));
    expect(error).toMatchObject({ ...code('provider-rate-limited'), attempts: [] });
    expect(error.details.members).toEqual({ retryAfterSeconds: 20 });
    expect(asked()).toBe(1);
  });

  test('that is longer than what is left leads to the next model, or is told to the caller', async () => {
    world.provider.behave({ fault: 'rate-limited', retryAfterSeconds: 25, times: 'always', ...onA });
    const error = await failed(ask(one({ limits: { totalMs: 20_000 } })));
    expect(error).toMatchObject({ ...code('provider-rate-limited'), isWorthRepeating: true });
    expect(error.details.members).toEqual({ retryAfterSeconds: 25 });
    const got = await ask(twoModels({ mayFallBack: true, limits: { totalMs: 20_000 } }));
    expect(got.target.model).toBe('openai/mock-large');
    expect(world.pauses).toEqual([]);
  });
});

describe('another model', () => {
  test('is asked only where that is allowed', async () => {
    world.provider.behave({ fault: 'server-error', times: 'always', ...onA });
    expect((await failed(ask(twoModels()))).attempts.map(({ model }) => model)).toEqual(
      Array(3).fill('openai/mock-small'),
    );
    const got = await ask(twoModels({ mayFallBack: true }));
    expect(got.attempts.map(({ model }) => model)).toEqual([
      // The breaker opened at the fifth failure.
      ...Array(2).fill('openai/mock-small'),
      'openai/mock-large',
    ]);
    expect(JSON.parse(got.body.toString()).model).toBe('mock-large');
  });

  test('is not reached by more attempts than there may be', async () => {
    world.provider.behave({ fault: 'overloaded', times: 'always' });
    const error = await failed(ask(twoModels({ mayFallBack: true, limits: { attemptsMax: 4 } })));
    expect(error.attempts.map(({ model }) => model)).toEqual([
      ...Array(3).fill('openai/mock-small'),
      'openai/mock-large',
    ]);
  });
});

describe('the status that a client sees', () => {
  test.each([
    ['rate-limited', 429, true],
    ['server-error', 503, true],
    ['unauthorised', 503, false],
    ['not-found', 404, false],
    ['spend-limit', 503, false],
  ] as const satisfies readonly (readonly [Fault, number, boolean])[])(
    'after %s is %i, worth repeating: %s',
    async (fault, status, isWorthRepeating) => {
      world.provider.behave({ fault, times: 'always' });
      const error = await failed(ask(one()));
      expect(error).toMatchObject({ spec: { status }, isWorthRepeating });
      expect(error.spec.advice).toContain('Nothing was charged.');
    },
  );
});
