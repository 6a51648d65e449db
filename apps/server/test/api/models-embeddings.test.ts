/** Embeddings: what is known is not sent, what waits goes together, and each pays for its own to the nano. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vectorOf } from '../harness/mock-provider/index.ts';
import { createGatewayWorld, type GatewayWorld, providerAsks, withMarkup } from './models-fixture.ts';

let world: GatewayWorld;
beforeAll(async () => {
  world = await createGatewayWorld();
}, 60_000);
afterAll(() => world.close());
beforeEach(async () => {
  await world.mock.reset();
});

interface Answer {
  readonly object: string;
  readonly model: string;
  readonly data: readonly { readonly object: string; readonly index: number; readonly embedding: number[] | string }[];
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}
interface Told {
  readonly status: number;
  readonly json: Answer;
  readonly cache: string | null;
  readonly cost: bigint;
  readonly callId: string;
}
interface Sending {
  readonly key?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

async function send(body: object, { key, headers, signal }: Sending = {}): Promise<Told> {
  const answer = await fetch(`${world.platform.url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key ?? world.platform.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'openai/embed', ...body }),
    ...(signal ? { signal } : {}),
  });
  return {
    status: answer.status,
    json: (await answer.json()) as Answer,
    cache: answer.headers.get('x-guildhall-cache'),
    cost: BigInt(answer.headers.get('x-guildhall-cost-nanos') ?? 0),
    callId: answer.headers.get('x-guildhall-call') ?? '',
  };
}

const bytesOf = (text: string, dimensions?: number): Buffer => {
  const vector = vectorOf(text, dimensions);
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
};
const base64Of = (text: string, dimensions?: number): string => bytesOf(text, dimensions).toString('base64');
const given = ({ json }: Told): (number[] | string)[] => json.data.map(({ embedding }) => embedding);
/** The provider is asked for its models, too, at times. */
const calls = () => world.mock.requests().filter(({ method }) => method === 'POST');
/** In the order in which they came. */
const sentInputs = (): unknown[][] => calls().map(({ body }) => (body as unknown as { input: unknown[] }).input);
const NO_OTHER = { output: 0, cached: 0, cacheWrite: 0, cacheWriteLong: 0, reasoning: 0 };
const priceOf = (input: number): bigint => withMarkup(providerAsks({ input, ...NO_OTHER }));
let named = 0;
const text = (): string => {
  named += 1;
  return `A text of its own with the number ${named}`;
};

describe('vectors that are known', () => {
  it('are not sent again: order and indices stay, and what was sent alone is paid', async () => {
    const [a, b, c] = [text(), text(), text()];
    const first = await send({ input: [a, b] });
    expect(first).toMatchObject({ status: 200, cache: 'miss', cost: priceOf(first.json.usage.prompt_tokens) });
    const before = await world.spent();
    const mixed = await send({ input: [b, c, a, c], encoding_format: 'base64' });
    expect(sentInputs()).toEqual([[a, b], [c]]);
    expect(given(mixed)).toEqual([base64Of(b), base64Of(c), base64Of(a), base64Of(c)]);
    expect(mixed.json.data.map(({ index, object }) => [object, index])).toEqual(
      [0, 1, 2, 3].map((index) => ['embedding', index]),
    );
    expect(mixed.cost).toBe(priceOf(mixed.json.usage.prompt_tokens));
    expect((await world.spent()) - before).toBe(mixed.cost);
    const sent = mixed.json.usage.prompt_tokens;
    const row = await world.history(mixed.callId);
    expect(row).toMatchObject({
      input_tokens: String(sent),
      saved_nanos: (priceOf(first.json.usage.prompt_tokens + 2 * sent) - priceOf(sent)).toString(),
    });
    expect(await world.findings()).toEqual([]);
  });

  it('cost nothing and ask nobody where all are known, in either encoding, with the words of the provider', async () => {
    const inputs = [text(), text()];
    const first = await send({ input: inputs, dimensions: 8 });
    expect(given(first)).toEqual(inputs.map((one) => [...vectorOf(one, 8)]));
    const before = await world.spent();
    const again = await send({ input: inputs, dimensions: 8 });
    expect(again).toMatchObject({ status: 200, cache: 'hit', cost: 0n });
    expect(again.json).toEqual({ ...first.json, usage: { prompt_tokens: 0, total_tokens: 0 } });
    const packed = await send({ input: inputs, dimensions: 8, encoding_format: 'base64' });
    expect(given(packed)).toEqual(inputs.map((one) => base64Of(one, 8)));
    expect(calls().length).toBe(1);
    expect(await world.spent()).toBe(before);
    expect(await world.history(again.callId)).toMatchObject({
      cached: true,
      cost_nanos: '0',
      input_tokens: '0',
      saved_nanos: first.cost.toString(),
    });
    expect(await world.findings()).toEqual([]);
  });

  it('are told apart by model, dimensions and by whether the text was cut into tokens', async () => {
    const one = text();
    await send({ input: one });
    for (const body of [
      { input: one, dimensions: 4 },
      { input: one, model: 'mistral/embed' },
      { input: [1, 2, 3] },
      {
        input: [
          [1, 2, 3],
          [1, 2],
        ],
      },
    ])
      expect([body, (await send(body)).cache]).toEqual([body, 'miss']);
    const cut = await send({
      input: [
        [1, 2, 3],
        [1, 2],
      ],
      encoding_format: 'base64',
    });
    expect([cut.cache, given(cut)]).toEqual(['hit', [base64Of('tokens 1 2 3'), base64Of('tokens 1 2')]]);
    expect(sentInputs().slice(-2)).toEqual([[[1, 2, 3]], [[1, 2]]]);
  });

  it('are asked anew where the request or the organisation says so', async () => {
    const input = text();
    await send({ input });
    const headers = { 'cache-control': 'no-cache' };
    expect(await send({ input }, { headers })).toMatchObject({ cache: 'off' });
    const own = await world.platform.organisation('Without');
    await world.platform.call('PUT', '/v1/model-settings', { embeddingsCache: { enabled: false } }, { key: own.key });
    for (let turn = 0; turn < 2; turn += 1)
      expect(await send({ input: [input, input] }, { key: own.key })).toMatchObject({ cache: 'off' });
    expect(calls().length).toBe(4);
  });

  it('are paid by each organisation for itself', async () => {
    const stranger = await world.platform.organisation('Stranger');
    const input = text();
    const mine = await send({ input });
    const theirs = await send({ input }, { key: stranger.key });
    expect(theirs).toMatchObject({ cache: 'miss', cost: mine.cost });
    expect(theirs.cost).toBeGreaterThan(0n);
    expect(await send({ input }, { key: stranger.key })).toMatchObject({ cache: 'hit', cost: 0n });
  });
});

describe('embeddings that wait at the same time', () => {
  const texts = (count: number): string[] => Array.from({ length: count }, text);

  it('go to the provider together, each with its own vectors and its part of the usage', async () => {
    const stranger = await world.platform.organisation('Neighbour');
    world.mock.behave({ delayMs: 200, times: 'always' });
    const inputs = texts(40);
    const told = await Promise.all(
      inputs.map((input, index) =>
        send({ input: [input, `${input}!`.repeat(1 + (index % 3))] }, { key: index % 2 ? stranger.key : undefined }),
      ),
    );
    expect(told.every(({ status }) => status === 200)).toBe(true);
    told.forEach((one, index) => {
      expect(given(one)[0]).toEqual([...vectorOf(inputs[index] ?? '')]);
    });
    expect(calls().length).toBeLessThan(inputs.length);
    for (const { callId, json, cost } of told) {
      expect(cost).toBe(priceOf(json.usage.prompt_tokens));
      expect((await world.history(callId)).input_tokens).toBe(String(json.usage.prompt_tokens));
    }
    expect(await world.findings()).toEqual([]);
  });

  it('share what the provider says to the token, whatever it says', async () => {
    world.mock.behave({ delayMs: 100, usage: 'doubled', times: 'always' });
    const inputs = texts(12);
    const told = await Promise.all(inputs.map((input) => send({ input, dimensions: 2 })));
    const reported = calls()
      .map(({ sent }) => (JSON.parse(sent) as Answer).usage.total_tokens)
      .reduce((sum, each) => sum + each, 0);
    expect(calls().length).toBeLessThan(12);
    expect(told.reduce((sum, { json }) => sum + json.usage.prompt_tokens, 0)).toBe(reported);
    expect(await world.findings()).toEqual([]);
  });

  it('charge nobody where the provider is away', async () => {
    const before = await world.spent();
    world.mock.behave({ delayMs: 100, fault: 'unauthorised', times: 'always', onModel: 'embed' });
    const told = await Promise.all(texts(8).map((input) => send({ input, model: 'novita/embed' })));
    expect(told.map(({ status }) => status)).toEqual(Array(8).fill(503));
    expect(await world.spent()).toBe(before);
    expect(await world.findings()).toEqual([]);
  });

  it('go on without one whose client leaves', async () => {
    const before = await world.spent();
    world.mock.behave({ delayMs: 1_000, times: 'always' });
    const leaving = new AbortController();
    const [first, ...others] = texts(6);
    const staying = [first ?? '', ...others].map((input) => send({ input }));
    const gone = send({ input: text() }, { signal: leaving.signal }).catch(() => 'gone');
    await expect.poll(() => sentInputs().flat().length, { timeout: 10_000 }).toBe(7);
    leaving.abort();
    expect(await gone).toBe('gone');
    const told = await Promise.all(staying);
    expect(told.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(sentInputs().flat()).toHaveLength(7);
    const costs = told.reduce((sum, { cost }) => sum + cost, 0n);
    await expect.poll(() => world.spent()).toBe(before + costs);
    expect(await world.findings()).toEqual([]);
  });

  it('never share a request that is made with a key of their own', async () => {
    world.mock.behave({ delayMs: 150, times: 'always' });
    const keys = ['sk-own-one-0123456789', 'sk-own-two-0123456789'];
    const told = await Promise.all(
      texts(12).map((input, index) =>
        send(
          { input },
          { headers: { 'x-provider-key': keys[index % 2] ?? '', 'x-provider-base-url': `${world.mock.url}/v1` } },
        ),
      ),
    );
    expect(told.map(({ status }) => status)).toEqual(Array(12).fill(200));
    expect(calls().length).toBe(12);
  });
});
