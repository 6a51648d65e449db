/** Prices of every kind, published by the operator's route and applied to the nano; each cost is computed here by hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGatewayWorld, type GatewayWorld, perMillion, up, withMarkup } from './models-fixture.ts';

let world: GatewayWorld;
beforeAll(async () => {
  world = await createGatewayWorld();
}, 60_000);
afterAll(() => world.close(), 60_000);

const hello = [{ role: 'user' as const, content: 'Say something.' }];
const usd = (nanos: bigint) => ({ nanos: nanos.toString(), currency: 'USD' });
const PLAIN = { input: 3_000_000_000n, output: 9_000_000_000n };
const ask = (model: string, more: object = {}) =>
  world.openai.chat.completions.create({ model, messages: hello, max_tokens: 100, ...more });
const nanosOf = (tokens: bigint): bigint => withMarkup(up(tokens, 1_000_000n));

describe('a price', () => {
  it('of tiers charges the whole call by the tier that its input reaches', async () => {
    const tier = {
      aboveInputTokens: 20,
      perMillionTokens: perMillion({ input: 6_000_000_001n, output: 18_000_000_001n }),
    };
    await world.publish({ provider: 'openai', name: 'tiered', perMillionTokens: perMillion(PLAIN), tiers: [tier] });
    for (const [inputTokens, cost] of [
      [20, nanosOf(20n * PLAIN.input + 16n * PLAIN.output)],
      [21, nanosOf(21n * 6_000_000_001n + 16n * 18_000_000_001n)],
    ] as const) {
      world.mock.behave({ inputTokens });
      await ask('openai/tiered');
      const call = await world.newest();
      expect([inputTokens, call.cost_nanos, call.loss_nanos]).toEqual([inputTokens, cost.toString(), '0']);
    }
  });

  it('of the request alone is that, with the markup', async () => {
    const nothing = perMillion({ input: 0n, output: 0n });
    await world.publish({ provider: 'openai', name: 'per-request', perMillionTokens: nothing, perRequest: usd(777n) });
    await ask('openai/per-request');
    expect((await world.newest()).cost_nanos).toBe('886');
  });

  it('of images counts each that is sent', async () => {
    const nothing = perMillion({ input: 0n, output: 0n });
    await world.publish({ provider: 'openai', name: 'pictures', perMillionTokens: nothing, perImage: usd(1_000_000n) });
    const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } };
    await ask('openai/pictures', {
      messages: [{ role: 'user', content: [image, image, { type: 'text', text: 'hi' }] }],
    });
    expect(await world.newest()).toMatchObject({ images: '2', cost_nanos: withMarkup(2_000_000n).toString() });
  });

  it('of nothing charges nothing, and the call is in history and usage nevertheless', async () => {
    await world.publish({ provider: 'ollama', name: 'free', perMillionTokens: perMillion({ input: 0n, output: 0n }) });
    const poor = await world.platform.organisation('Poor', 0n);
    const { openai } = world.clients(poor.key);
    const answer = await openai.chat.completions.create({ model: 'ollama/free', messages: hello });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    const call = await world.newest();
    expect(call).toMatchObject({ status: 'succeeded', hold_nanos: '0', cost_nanos: '0', output_tokens: '16' });
    expect(await world.rows(`select id from metering.usage where id = $1`, [call.id])).toHaveLength(1);
    expect(await world.findings()).toEqual([]);
  });

  it('that is announced is in force from its time on, and not before', async () => {
    await world.publish({ provider: 'openai', name: 'dated', perMillionTokens: perMillion(PLAIN) });
    const effectiveFrom = new Date(Date.now() + 3_000).toISOString();
    await world.publish({
      provider: 'openai',
      name: 'dated',
      effectiveFrom,
      perMillionTokens: perMillion({ input: 1n, output: 7_000_000_000n }),
    });
    world.mock.behave({ inputTokens: 10, times: 'always' });
    await ask('openai/dated');
    expect((await world.newest()).cost_nanos).toBe(nanosOf(10n * PLAIN.input + 16n * PLAIN.output).toString());
    const later = nanosOf(10n + 16n * 7_000_000_000n).toString();
    await expect
      .poll(async () => ask('openai/dated').then(async () => (await world.newest()).cost_nanos), {
        timeout: 15_000,
        interval: 300,
      })
      .toBe(later);
    const [row] = await world.rows<{ at: Date }>(
      `select min(created_at) as at from models.call where requested = 'openai/dated' and cost_nanos = $1`,
      [later],
    );
    expect(row?.at.getTime()).toBeGreaterThanOrEqual(Date.parse(effectiveFrom));
    await world.mock.reset();
  });

  it('that changes between hold and settlement does not change a call that is under way', async () => {
    const { id } = await world.publish({ provider: 'openai', name: 'moving', perMillionTokens: perMillion(PLAIN) });
    world.mock.behave({ delayMs: 1_500, inputTokens: 10 });
    const asked = ask('openai/moving');
    await expect.poll(async () => (await world.newest()).status).toBe('open');
    await world.publish({
      provider: 'openai',
      name: 'moving',
      perMillionTokens: perMillion({ input: 1n, output: 1n }),
    });
    await asked;
    const call = await world.newest();
    expect([call.price_id, call.cost_nanos]).toEqual([id, nanosOf(10n * PLAIN.input + 16n * PLAIN.output).toString()]);
  });

  it('that there is none of refuses the model, and one of a kind prices its others', async () => {
    const requests = world.mock.stats().requests;
    await expect(ask('openai/nobody-priced-it')).rejects.toMatchObject({ status: 422, code: 'models.unpriced-model' });
    await expect(ask('nobody-priced-it')).rejects.toMatchObject({ status: 404, code: 'models.unknown-model' });
    expect(world.mock.stats().requests).toBe(requests);
    await world.publish({ provider: 'novita', name: '*', perMillionTokens: perMillion(PLAIN) });
    world.mock.behave({ inputTokens: 10 });
    await ask('novita/whatever');
    expect((await world.newest()).cost_nanos).toBe(nanosOf(10n * PLAIN.input + 16n * PLAIN.output).toString());
  });
});

describe('what has no price', () => {
  it.each([
    [
      'sound',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }] }] },
      '/messages/0/content/0',
    ],
    [
      'a stored file',
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] },
      '/messages/0/content/0',
    ],
    ['a dearer class of service', { service_tier: 'priority' }, '/service_tier'],
  ])('%s is refused before anything is held', async (_what, more, path) => {
    const requests = world.mock.stats().requests;
    const refused = await ask('openai/matrix', more).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 422, code: 'models.own-key-only', error: { errors: [{ path }] } });
    expect(world.mock.stats().requests).toBe(requests);
  });

  it('a document is held for the whole context, and charged what it took', async () => {
    const file = {
      type: 'file' as const,
      file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
    };
    world.mock.behave({ inputTokens: 60_000 });
    await ask('openai/matrix', { messages: [{ role: 'user', content: [file] }] });
    expect(await world.newest()).toMatchObject({ input_tokens: '60000', loss_nanos: '0', counted: false });
  });
});
