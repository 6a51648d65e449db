import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { vectorOf } from '../../../../test/harness/mock-provider/index.ts';
import type { PlannedTarget } from '../call/plan.ts';
import type { Channel } from '../types.ts';
import { createWorld, type World } from '../upstream/fixture.ts';
import { UpstreamError, upstreamErrors } from '../upstream/index.ts';
import { type Batches, createBatches, type Embedded, type Member } from './batches.ts';

let world: World;
let batches: Batches;
beforeEach(async () => {
  world = await createWorld();
  batches = createBatches(world);
});
afterEach(() => world.close());

const target = (channels: readonly Channel[], more: Partial<PlannedTarget> = {}): PlannedTarget => ({
  kind: 'openai',
  name: 'embed',
  model: 'openai/embed',
  wire: 'embeddings',
  channels,
  price: undefined,
  ownKey: false,
  ...more,
});
const member = (inputs: Member['inputs'], more: Partial<Member> = {}): Member => ({
  target: target([world.channel('a')]),
  inputs,
  counts: inputs.map(({ length }) => length),
  tokensMax: 10,
  options: { encoding_format: 'base64' },
  clientHeaders: {},
  signal: new AbortController().signal,
  mayShare: true,
  totalMs: 10_000,
  ...more,
});
const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `text ${index}`);
const sizes = (): number[] =>
  world.provider.requests().map(({ body }) => (body as unknown as { input: unknown[] }).input.length);
const isVectorOf = (answer: Embedded | undefined, text: string): void => {
  const vector = vectorOf(text);
  expect(answer?.items[0]?.vector.equals(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))).toBe(true);
};
const askAll = (members: readonly Member[]) => Promise.all(members.map((each) => batches.ask(each)));

describe('requests at the same time', () => {
  test('are one request where another is under way; who is alone goes at once', async () => {
    const all = texts(60);
    const answers = await askAll(all.map((text) => member([text])));
    expect(sizes()).toEqual([1, 59]);
    all.forEach((text, index) => {
      isVectorOf(answers[index], text);
    });
    await askAll([member(['later'])]);
    expect(sizes()).toEqual([1, 59, 1]);
  });

  test('wait at most some milliseconds for others, however long the provider takes', async () => {
    world.provider.behave({ delayMs: 5_000 });
    const leaving = new AbortController();
    const slow = batches.ask(member(['slow'], { signal: leaving.signal }));
    await batches.ask(member(['quick']));
    leaving.abort();
    await expect(slow).rejects.toMatchObject({ spec: upstreamErrors.callerLeft });
  });

  test('share what the provider counted by what we counted, and the sum is the provider’s', async () => {
    world.provider.behave({}, { usage: 'doubled' });
    const [, ...others] = await askAll(texts(8).map((text, index) => member([text], { counts: [index * 3] })));
    const { sent } = world.provider.requests().at(-1) ?? { sent: '' };
    const total = Number(/"total_tokens": (\d+)/.exec(sent)?.[1]);
    const shares = others.map(({ usage }) => usage?.input ?? Number.NaN);
    expect(shares.reduce((sum, each) => sum + each, 0)).toBe(total);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  test('go apart beyond what the provider takes at once', async () => {
    await askAll([member(['first']), ...[1_500, 500, 100].map((count) => member(texts(count)))]);
    expect(sizes().toSorted((x, y) => x - y)).toEqual([1, 100, 2_000]);
    await askAll([member(['first']), ...[200_000, 150_000, 1].map((tokensMax) => member(['x'], { tokensMax }))]);
    expect(sizes().slice(3)).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ['another model', { target: () => target([world.channel('a')], { model: 'openai/other', name: 'other' }) }],
    ['other dimensions', { options: () => ({ encoding_format: 'base64', dimensions: 8 }) }],
    ['another account', { target: () => target([world.channel('b')]) }],
    ['a key of their own', { target: () => target([world.channel('a', { ownerOrgId: 'org_1' })], { ownKey: true }) }],
    ['a key that the request brings', { mayShare: () => false }],
  ])('never share a request with %s', async (_, made) => {
    const more = Object.fromEntries(Object.entries(made).map(([name, make]) => [name, make()])) as Partial<Member>;
    await askAll([member(['first']), member(['one']), member(['two'], more), member(['three'])]);
    expect(world.provider.requests().map(({ body }) => (body as unknown as { input: string[] }).input)).toEqual(
      expect.arrayContaining([['first'], ['one', 'three'], ['two']]),
    );
  });
});

describe('a batch that fails', () => {
  test('is asked one by one where the provider refuses it, so that each hears of its own alone', async () => {
    world.provider.behave({}, { fault: 'bad-request' }, {}, { fault: 'bad-request' });
    const told = await Promise.allSettled(texts(5).map((text) => batches.ask(member([text]))));
    expect(told.map(({ status }) => status).toSorted()).toEqual([...Array(4).fill('fulfilled'), 'rejected']);
    expect(sizes()).toEqual([1, 4, 1, 1, 1, 1]);
  });

  test('fails for all where the provider does', async () => {
    world.provider.behave({}, { fault: 'unauthorised', times: 'always' });
    const told = await Promise.allSettled(texts(5).map((text) => batches.ask(member([text]))));
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', ...Array(4).fill('rejected')]);
    expect(sizes()).toEqual([1, 4]);
  });

  test('never takes one vector for another: an answer of the wrong length is none', async () => {
    world.provider.behave({ fault: 'wrong-shape', times: 'always' });
    await expect(batches.ask(member(['text']))).rejects.toBeInstanceOf(UpstreamError);
  });
});

describe('a client that leaves', () => {
  test('before it was sent is not sent, and tells of no attempt', async () => {
    world.provider.behave({ delayMs: 50 });
    const leaving = new AbortController();
    const first = batches.ask(member(['first']));
    const gone = batches.ask(member(['gone'], { signal: leaving.signal }));
    const stays = batches.ask(member(['stays']));
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ spec: upstreamErrors.callerLeft, attempts: [] });
    await Promise.all([first, stays]);
    expect(world.provider.requests().flatMap(({ body }) => (body as unknown as { input: string[] }).input)).toEqual([
      'first',
      'stays',
    ]);
  });

  test('under way leaves the others their answer, and its attempt is told', async () => {
    world.provider.behave({ delayMs: 100, times: 'always' });
    const leaving = new AbortController();
    const first = batches.ask(member(['first']));
    const gone = batches.ask(member(['gone'], { signal: leaving.signal }));
    const stays = batches.ask(member(['stays']));
    await expect.poll(() => world.provider.stats().requests).toBe(2);
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ attempts: [{ channelId: 'a' }] });
    isVectorOf(await stays, 'stays');
    await first;
  });

  test('last takes the request to the provider with it', async () => {
    world.provider.behave({ delayMs: 60_000, times: 'always' });
    const leaving = new AbortController();
    const told = texts(3).map((text) => batches.ask(member([text], { signal: leaving.signal })));
    await expect.poll(() => world.provider.stats().requests).toBe(2);
    leaving.abort();
    await Promise.allSettled(told);
    await expect.poll(() => world.provider.stats().cancelled).toBe(2);
  });
});
