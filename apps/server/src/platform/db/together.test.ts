import { expect, test } from 'vitest';
import { together } from './together.ts';

/** A `send` whose answers the test gives one by one. */
function held() {
  const asked: { items: readonly string[]; answer(): void; fail(error: Error): void }[] = [];
  const send = (items: readonly string[]): Promise<string[]> =>
    new Promise((resolve, reject) => {
      asked.push({ items, answer: () => resolve(items.map((item) => `${item}!`)), fail: reject });
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, send, turn };
}

test('whoever comes alone is sent at once; who comes meanwhile shares the next statement, and lanes do not wait for one another', async () => {
  const { asked, send, turn } = held();
  const say = together(send);
  const first = say('a', '1');
  const rest = [say('a', '2'), say('a', '3')];
  const other = say('b', '4');
  expect(asked.map(({ items }) => items)).toEqual([['1'], ['4']]);
  asked[0]?.answer();
  await turn();
  expect(asked[2]?.items).toEqual(['2', '3']);
  asked[1]?.answer();
  asked[2]?.answer();
  expect(await Promise.all([first, ...rest, other])).toEqual(['1!', '2!', '3!', '4!']);
});

test('a lane that was empty again takes the next item at once', async () => {
  const { asked, send, turn } = held();
  const say = together(send);
  void say('a', '1');
  asked[0]?.answer();
  await turn();
  void say('a', '2');
  expect(asked[1]?.items).toEqual(['2']);
});

test('at most 16 share a statement', async () => {
  const { asked, send, turn } = held();
  const say = together(send);
  for (let item = 0; item < 19; item += 1) void say('a', `${item}`);
  asked[0]?.answer();
  await turn();
  expect(asked[1]?.items).toHaveLength(16);
});

test('where a shared statement fails each is sent alone, so one fault is borne by one', async () => {
  const sent: string[][] = [];
  const say = together(async (items: readonly string[]) => {
    sent.push([...items]);
    if (items.includes('bad')) throw new Error('no');
    return items;
  });
  const results = await Promise.allSettled(['1', '2', 'bad', '3'].map((item) => say('a', item)));
  expect(sent).toEqual([['1'], ['2', 'bad', '3'], ['2'], ['bad'], ['3']]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});

test('a lost connection concerns all that shared it: nobody knows what became of it, so nothing is sent again', async () => {
  const { asked, send, turn } = held();
  const say = together(send);
  void say('a', '1');
  const lost = Promise.allSettled([say('a', '2'), say('a', '3')]);
  asked[0]?.answer();
  await turn();
  asked[1]?.fail(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
  expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(asked).toHaveLength(2);
});
