/** Everything that a provider can do wrong, one at a time: what is asked again, how long it takes, what it costs, and that nothing stays held. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createModels, type Gateway } from '../../src/modules/models/index.ts';
import { UpstreamError } from '../../src/modules/models/upstream/index.ts';
import type { Behaviour, Fault } from '../harness/mock-provider/index.ts';
import { promptOf } from './models-hostile.ts';
import { callViolations } from './models-invariants.ts';
import { type CallRow, type ModelStage, openModelStage } from './models-stage.ts';

// A provider that says nothing for so long has hung.
const SILENCE_MS = 300;
// Three attempts, each silent, with the longest pauses between them, on a busy machine.
const DEADLINE_MS = 10_000;
const ATTEMPTS_MAX = 3;

let one: ModelStage;
let gateway: Gateway;
beforeAll(async () => {
  one = await openModelStage({ creditNanos: 1_000_000_000n });
}, 60_000);
afterAll(() => one.close());

/** A gateway that knows nothing yet of its providers, with less patience than the real one. */
beforeEach(async () => {
  await one.mock.reset();
  const { foundation, platform } = one.stage.server;
  const deps = {
    ...foundation,
    ...platform,
    environmentProviders: foundation.settings.providers,
    limitsScale: foundation.settings.limitsScale,
    random: Math.random,
    observer: { ended: () => {} },
    limits: { firstByteMs: SILENCE_MS, idleMs: SILENCE_MS, waitMsMax: 3_000, answerBytesMax: 1_000_000 },
  };
  gateway = createModels(deps).gateway;
});

interface Outcome {
  /** What the client got, event by event or at once. */
  readonly text: string;
  readonly error: UpstreamError | undefined;
  readonly call: CallRow | undefined;
  readonly asked: number;
  readonly ms: number;
}

async function call(behaviour: Behaviour, stream: boolean, more: object = {}): Promise<Outcome> {
  one.mock.behave({ ...behaviour, onWire: 'chat', times: 'always' });
  const { orgId } = one.stage;
  const began = performance.now();
  let text = '';
  let error: UpstreamError | undefined;
  try {
    const answer = await gateway.call({
      payer: { orgId, mode: 'live', keyId: 'key_faults', agentId: 'gateway' },
      requestId: 'req_faults',
      wire: 'chat',
      body: promptOf('chat', 'gpt-4o-mini', 'Say something.', { stream, ...more }),
      signal: new AbortController().signal,
    });
    if (answer.kind === 'whole') text = answer.body.toString();
    else for await (const bytes of answer.events) text += Buffer.from(bytes).toString();
  } catch (thrown) {
    if (!(thrown instanceof UpstreamError)) throw thrown;
    error = thrown;
  }
  const asked = one.mock.requests().filter(({ path }) => path.endsWith('/chat/completions')).length;
  return { text, error, call: (await one.calls()).at(-1), asked, ms: performance.now() - began };
}

async function expectNothingHeld(): Promise<void> {
  expect(await one.money()).toMatchObject({ held: 0n });
  expect(await callViolations(one.stage)).toEqual([]);
}

const FINAL: readonly Fault[] = [
  'bad-request',
  'context-length',
  'too-large',
  'unauthorised',
  'forbidden',
  'not-found',
  'spend-limit',
];
const PASSING: readonly Fault[] = [
  'rate-limited',
  'server-error',
  'bad-gateway',
  'unavailable',
  'overloaded',
  'reset',
  'hang',
  'empty',
];
const SHAPES = [{ stream: false }, { stream: true }];
const each = (faults: readonly Fault[]) => faults.flatMap((fault) => SHAPES.map((shape) => ({ fault, ...shape })));

describe('a provider before its first output', { timeout: 30_000 }, () => {
  it.each(each(FINAL))(
    '$fault (streamed: $stream) is asked once, costs nothing, and the hold goes back',
    async ({ fault, stream }) => {
      const { error, call: row, asked } = await call({ fault }, stream);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(asked).toBe(1);
      expect(row).toMatchObject({ status: 'failed', cost_nanos: '0', loss_nanos: '0' });
      await expectNothingHeld();
    },
  );

  it.each(each(PASSING))(
    '$fault (streamed: $stream) is asked again a few times within the deadline, costs nothing',
    async ({ fault, stream }) => {
      const { error, call: row, asked, ms } = await call({ fault }, stream);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(asked).toBeGreaterThan(1);
      expect(asked).toBeLessThanOrEqual(ATTEMPTS_MAX);
      expect(ms).toBeLessThan(DEADLINE_MS);
      expect(row).toMatchObject({ status: 'failed', cost_nanos: '0' });
      await expectNothingHeld();
    },
  );

  it.each([
    { fault: 'bad-json' },
    { fault: 'wrong-shape' },
    { fault: 'drip' },
    { fault: 'stall' },
    { fault: 'cut' },
  ] as const)(
    'an answer in one piece with $fault is no answer: it ends in time and costs nothing',
    async ({ fault }) => {
      const { error, call: row, asked, ms } = await call({ fault }, false);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(asked).toBeLessThanOrEqual(ATTEMPTS_MAX);
      expect(ms).toBeLessThan(DEADLINE_MS);
      expect(row).toMatchObject({ status: 'failed', cost_nanos: '0' });
      await expectNothingHeld();
    },
  );

  it('that asks for a pause gets it, and is not asked again when the pause is longer than anybody waits', async () => {
    one.mock.behave({ fault: 'rate-limited', retryAfterSeconds: 1, onWire: 'chat' });
    const waited = await call({}, false);
    expect(waited.error).toBeUndefined();
    expect(waited.asked).toBe(2);
    expect(waited.ms).toBeGreaterThanOrEqual(990);
    await one.mock.reset();
    const refused = await call({ fault: 'rate-limited', retryAfterSeconds: 60 }, false);
    expect(refused.error).toBeInstanceOf(UpstreamError);
    expect(refused.asked).toBe(1);
    await expectNothingHeld();
  });

  it('that fails again and again is left alone after at most ten failures', async () => {
    for (let i = 0; i < 15; i += 1) {
      const { error, asked } = await call({ fault: 'server-error' }, false);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(asked).toBeLessThanOrEqual(10);
    }
    await expectNothingHeld();
  });
});

const CUTS: readonly Fault[] = ['cut', 'cut-in-line', 'cut-in-character', 'truncated', 'error-event', 'stall'];

describe('a stream that breaks after its output has begun', { timeout: 30_000 }, () => {
  it.each(CUTS)('by %s is not begun again, and costs what was delivered', async (fault) => {
    const { text, call: row, asked } = await call({ fault, afterTokens: 6, tokensPerSecond: 200 }, true);
    expect(asked).toBe(1);
    expect(text).toContain('"error"');
    const delivered = one.mock.requests().at(-1)?.tokensDelivered ?? 0;
    expect(delivered).toBeGreaterThan(0);
    const [usage] = await one.stage.query<{ output_tokens: string; input_tokens: string; cost_nanos: string }>(
      'select input_tokens, output_tokens, cost_nanos from metering.usage where run_id = $1',
      [row?.id],
    );
    expect(usage?.output_tokens).toBe(String(delivered));
    expect(row).toMatchObject({ status: 'failed', output_tokens: String(delivered), cost_nanos: usage?.cost_nanos });
    const provider = Number(usage?.input_tokens) * 150 + delivered * 600;
    expect(usage?.cost_nanos).toBe(String(Math.ceil(provider * 1.14)));
    await expectNothingHeld();
  });

  it('with the call of a tool gives that call once', async () => {
    const toolCalls = [{ name: 'pay', arguments: { amount: 1 } }];
    const tools = [{ type: 'function', function: { name: 'pay', parameters: { type: 'object', properties: {} } } }];
    const { text, asked } = await call({ toolCalls, fault: 'cut', afterTokens: 4 }, true, { tools });
    expect(asked).toBe(1);
    expect(text.match(/"name": ?"pay"/g) ?? []).toHaveLength(1);
    await expectNothingHeld();
  });

  it('by a provider that never stops is cut at the bound of an answer, and the hold bounds what it costs', async () => {
    const { call: row } = await call({ fault: 'endless' }, true);
    expect(row?.status).toBe('failed');
    expect(row?.cost_nanos).toBe(row?.hold_nanos);
    await expectNothingHeld();
  });
});

it.each(SHAPES)(
  'what the money does not cover is refused before a provider is asked (streamed: $stream)',
  async ({ stream }) => {
    const { key } = await one.customer(10n);
    expect(await one.chat({ key, stream })).toMatchObject({ status: 402, end: 'whole' });
    expect(one.mock.requests().filter(({ path }) => path.endsWith('/chat/completions'))).toEqual([]);
    await expectNothingHeld();
  },
);

describe('usage', { timeout: 30_000 }, () => {
  it.each(SHAPES)(
    'that is left out is counted, to the token of the provider (streamed: $stream)',
    async ({ stream }) => {
      const { call: row } = await call({ usage: 'omitted', outputTokens: 20 }, stream);
      expect(row).toMatchObject({ status: 'succeeded', output_tokens: '20' });
      await expectNothingHeld();
    },
  );

  it.each(SHAPES)(
    'that is more than was reserved is charged up to the hold, and the rest is a loss (streamed: $stream)',
    async ({ stream }) => {
      const { call: row } = await call({ inputTokens: 1_000_000 }, stream);
      expect(row?.cost_nanos).toBe(row?.hold_nanos);
      expect(BigInt(row?.loss_nanos ?? 0)).toBeGreaterThan(0n);
      await expectNothingHeld();
    },
  );

  it('of another model than was asked for is charged as the one that was asked for', async () => {
    const { call: row, error } = await call({ answerModel: 'gpt-5-pro', outputTokens: 16 }, false);
    expect(error).toBeUndefined();
    expect(row?.cost_nanos).toBe(String(Math.ceil((10 * 150 + 16 * 600) * 1.14)));
  });
});
