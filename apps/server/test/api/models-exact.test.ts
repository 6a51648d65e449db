/** What a call costs, to the nano, when the provider tells the truth late, in pieces, not at all, or lies; and when prices are of every kind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createGatewayWorld,
  type GatewayWorld,
  providerAsks,
  reportedIn,
  type Used,
  withMarkup,
} from './models-fixture.ts';

let world: GatewayWorld;
beforeAll(async () => {
  world = await createGatewayWorld();
}, 60_000);
afterAll(() => world.close());

const hello = [{ role: 'user' as const, content: 'Say something.' }];
const streamed = { stream: true as const, stream_options: { include_usage: true } };

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of stream);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Streams of each wire from a provider of the same and of another wire. */
const STREAMS: readonly (readonly [name: string, open: (model?: string) => Promise<AsyncIterable<unknown>>])[] = [
  ['chat', () => world.openai.chat.completions.create({ model: 'openai/matrix', messages: hello, ...streamed })],
  [
    'responses',
    () => world.openai.responses.create({ model: 'openai/matrix', input: 'hi', store: false, stream: true }),
  ],
  [
    'messages',
    () => world.anthropic.messages.create({ model: 'anthropic/matrix', max_tokens: 64, messages: hello, stream: true }),
  ],
  [
    'chat from messages',
    () => world.openai.chat.completions.create({ model: 'anthropic/matrix', messages: hello, ...streamed }),
  ],
  [
    'messages from chat',
    () => world.anthropic.messages.create({ model: 'google/matrix', max_tokens: 64, messages: hello, stream: true }),
  ],
  [
    'responses from chat',
    () => world.openai.responses.create({ model: 'google/matrix', input: 'hi', store: false, stream: true }),
  ],
];

describe('a stream that comes in pieces', () => {
  it.each(STREAMS)('of %s is whole, and costs what its last event reports', async (_name, open) => {
    world.mock.behave({ chunkBytes: 40, cachedTokens: 3, reasoningTokens: 2, inputTokens: 11 });
    expect(await readAll(await open())).toBeUndefined();
    const call = await world.newest();
    const used = reportedIn(world.lastRequest().sent) as Used;
    expect(call).toMatchObject({ status: 'succeeded', counted: false, output_tokens: String(used.output) });
    expect(call.cost_nanos).toBe(withMarkup(providerAsks(used)).toString());
  });

  it('gives every answer where several are asked for', async () => {
    world.mock.behave({ chunkBytes: 40 });
    const answer = await world.openai.chat.completions
      .stream({ model: 'openai/matrix', messages: hello, n: 2, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(answer.choices.map(({ message }) => message.content?.trim().split(' ').length)).toEqual([16, 16]);
    const used = reportedIn(world.lastRequest().sent) as Used;
    expect(answer.usage?.completion_tokens).toBe(used.output);
    expect((await world.newest()).cost_nanos).toBe(withMarkup(providerAsks(used)).toString());
  });
});

type Cost = { used: Used; cost: bigint };
const whole = (kind = 'openai', more: object = {}) =>
  world.openai.chat.completions.create({ model: `${kind}/matrix`, messages: hello, max_tokens: 40, ...more });

/** What the provider delivered, counted from what it sent by the tokens of its events. */
async function charged(): Promise<Cost & { call: Awaited<ReturnType<GatewayWorld['newest']>> }> {
  const call = await world.newest();
  const used: Used = {
    input: Number(call.input_tokens),
    output: Number(call.output_tokens),
    cached: Number(call.cached_tokens),
    cacheWrite: Number(call.cache_write_tokens),
    cacheWriteLong: Number(call.cache_write_long_tokens),
    reasoning: Number(call.reasoning_tokens),
  };
  return { call, used, cost: withMarkup(providerAsks(used)) };
}

describe('usage that the provider keeps back', () => {
  it('is counted and flagged in history, for a whole answer and for a stream', async () => {
    for (const kind of ['openai', 'anthropic', 'google']) {
      world.mock.behave({ usage: 'omitted', outputTokens: 20, times: 2 });
      await whole(kind);
      const first = await charged();
      expect(first.call).toMatchObject({ counted: true, output_tokens: '20', cost_nanos: first.cost.toString() });
      expect(
        await readAll(
          await world.openai.chat.completions.create({ model: `${kind}/matrix`, messages: hello, ...streamed }),
        ),
      ).toBeUndefined();
      const second = await charged();
      expect(second.call).toMatchObject({ counted: true, output_tokens: '20', cost_nanos: second.cost.toString() });
      expect(first.used.input).toBeGreaterThan(0);
      expect(second.used.input).toBe(first.used.input);
    }
    expect(await world.findings()).toEqual([]);
  });

  /** What the official client of another wire than the provider's reads of a whole answer and of a stream. */
  const TOLD: readonly (readonly [name: string, whole: () => Promise<unknown>, streamed: () => Promise<unknown>])[] = [
    [
      'chat from messages',
      async () => (await whole('anthropic')).usage,
      async () =>
        (
          await world.openai.chat.completions
            .stream({ model: 'anthropic/matrix', messages: hello, stream_options: { include_usage: true } })
            .finalChatCompletion()
        ).usage,
    ],
    [
      'messages from chat',
      async () =>
        (await world.anthropic.messages.create({ model: 'google/matrix', max_tokens: 64, messages: hello })).usage,
      async () =>
        (
          await world.anthropic.messages
            .stream({ model: 'google/matrix', max_tokens: 64, messages: hello })
            .finalMessage()
        ).usage,
    ],
    ...(['google', 'anthropic'] as const).map((kind) => {
      const asked = { model: `${kind}/matrix`, input: 'hi', store: false };
      return [
        `responses from ${kind}`,
        async () => (await world.openai.responses.create(asked)).usage,
        async () => (await world.openai.responses.stream(asked).finalResponse()).usage,
      ] as const;
    }),
  ];

  it.each(TOLD)('is told to the client as it was counted: %s', async (_name, ...ways) => {
    for (const way of ways) {
      world.mock.behave({ usage: 'omitted', outputTokens: 20 });
      const told = (await way()) as Record<string, number>;
      const { used, call } = await charged();
      expect(call).toMatchObject({ counted: true, output_tokens: '20' });
      expect([told.input_tokens ?? told.prompt_tokens, told.output_tokens ?? told.completion_tokens]).toEqual([
        used.input,
        used.output,
      ]);
      expect(used.input).toBeGreaterThan(0);
    }
  });
});

describe('usage that is a lie', () => {
  it('beyond the hold is charged up to the hold, and the rest is the operator’s booked loss', async () => {
    world.mock.behave({ inputTokens: 5_000_000 });
    const before = await world.spent();
    await whole();
    const { call, cost } = await charged();
    const hold = BigInt(call.hold_nanos);
    expect(cost).toBeGreaterThan(hold);
    expect(BigInt(call.cost_nanos)).toBe(hold);
    expect((await world.spent()) - before).toBe(hold);
    const asks = BigInt(call.provider_cost_nanos);
    // The part of the provider's price that the hold does not reach, rounded up.
    expect(BigInt(call.loss_nanos)).toBe((asks * (cost - hold) + cost - 1n) / cost);
    expect(await world.findings()).toEqual([]);
  });

  it('within the hold is believed: the provider’s numbers win', async () => {
    world.mock.behave({ usage: 'doubled', outputTokens: 10 });
    await whole();
    const { call, cost } = await charged();
    expect(call).toMatchObject({ output_tokens: '20', counted: false, cost_nanos: cost.toString() });
  });

  it('that no model could use is no usage: it is counted', async () => {
    world.mock.behave({ inputTokens: 3_000_000_000, outputTokens: 12 });
    await whole();
    expect((await charged()).call).toMatchObject({ counted: true, output_tokens: '12' });
  });
});

describe('a stream that breaks off', () => {
  it.each(STREAMS)('of %s costs what was delivered, and says so', async (_name, open) => {
    for (const fault of ['cut', 'truncated', 'error-event', 'cut-in-line'] as const) {
      world.mock.behave({ fault, afterTokens: 6, chunkBytes: 4_000 });
      const before = await world.spent();
      const error = await open().then(readAll, (refused: unknown) => refused);
      const delivered = world.lastRequest().tokensDelivered;
      const { call, cost } = await charged();
      expect([fault, error]).not.toEqual([fault, undefined]);
      expect([fault, call.status, call.counted]).toEqual([fault, 'failed', true]);
      expect([fault, Number(call.output_tokens)]).toEqual([fault, delivered]);
      expect([fault, (await world.spent()) - before]).toEqual([fault, cost]);
    }
    expect(await world.findings()).toEqual([]);
  });

  it('of messages costs the input that the provider told at its beginning', async () => {
    world.mock.behave({ fault: 'cut', afterTokens: 6, inputTokens: 50, cachedTokens: 20, cacheWriteTokens: 7 });
    await world.anthropic.messages
      .create({ model: 'anthropic/matrix', max_tokens: 64, messages: hello, stream: true })
      .then(readAll);
    const { call, cost } = await charged();
    expect(call).toMatchObject({ input_tokens: '50', cached_tokens: '20', cache_write_tokens: '7', counted: true });
    expect(call.cost_nanos).toBe(cost.toString());
  });

  it('because the client left costs what the client got, and the provider is let go', async () => {
    world.mock.behave({ outputTokens: 2_000, tokensPerSecond: 200 });
    const stream = await world.openai.chat.completions.create({ model: 'openai/matrix', messages: hello, ...streamed });
    let got = 0;
    for await (const chunk of stream) {
      got += chunk.choices[0]?.delta.content ? 1 : 0;
      if (got === 10) break;
    }
    stream.controller.abort();
    await expect.poll(async () => (await world.newest()).status, { timeout: 10_000 }).toBe('cancelled');
    const { call, cost } = await charged();
    const { outcome, tokensDelivered } = world.lastRequest();
    expect(outcome).toBe('cancelled');
    expect(Number(call.output_tokens)).toBeGreaterThanOrEqual(got);
    expect(Number(call.output_tokens)).toBeLessThanOrEqual(tokensDelivered);
    expect(call.cost_nanos).toBe(cost.toString());
    expect(await world.findings()).toEqual([]);
  });
});
