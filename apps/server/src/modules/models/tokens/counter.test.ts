import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../platform/clock/index.ts';
import { createTokenCounter, type TokenCounter } from './index.ts';
import { nextBorder } from './pieces.ts';

const NO_SPECIAL = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() };
const truth = (text: string): number => countTokens(text, NO_SPECIAL);

let counter: TokenCounter;
beforeAll(async () => {
  counter = createTokenCounter({ clock: systemClock });
  await counter.warm();
});

/** Numbers that are the same in every run. */
function numbers(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const ENGLISH =
  'The gateway holds the worst case before a call, and settles what was used after it: 1,234 tokens, no more.\n';
const ARABIC = 'الذكاء الاصطناعي يغيّر العالم، ونحن نقيس كل رمز بدقة. ';
const CHINESE = '人工智能正在改变世界，我们计量每一个词元。';
const JSON_TEXT = JSON.stringify({
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
});

test.each([
  ['nothing', ''],
  ['English', ENGLISH.repeat(3)],
  ['Arabic', ARABIC.repeat(3)],
  ['Chinese', CHINESE.repeat(3)],
  ['JSON', JSON_TEXT],
  ['code', "\tif (x !== null && y['a']) {\r\n\t\treturn `${x}//${y}`;   \r\n\r\n}"],
  ['emoji', '👩‍👩‍👧‍👦 🇸🇦 ☕️'],
  ['contractions, in capitals too', "I'LL they've we'RE don't it's O'Sullivan 'tis rock'n'roll"],
  ['names of special tokens', '<|endoftext|><|im_start|>system'],
  ['half a character', 'a\ud800b \udc00'],
])('%s is counted as the library counts it', async (_, text) => {
  expect(await counter.count([text])).toBe(truth(text));
});

const ALPHABET = [
  'a',
  'B',
  'z',
  '0',
  '9',
  ' ',
  '  ',
  '\n',
  '\r',
  '\t',
  "'",
  's',
  "'ll",
  "'RE",
  '/',
  '.',
  '-',
  '"',
  '{',
  'é',
  'ا',
  '中',
  '\u0301',
  '\u00a0',
  '\u3000',
  '😀',
  '\ud800',
  'ǅ',
  'ʰ',
  '١',
  '\u2028',
  '<|endoftext|>',
  '_',
  '\u0000',
  '\u001c',
  '\v',
  'word',
  ' Word',
];

test('20,000 hostile mixtures of characters are counted as the library counts them', async () => {
  const next = numbers(3);
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + next(16) }, () => ALPHABET[next(ALPHABET.length)]).join('');
    expect(await counter.count([text]), JSON.stringify(text)).toBe(truth(text));
  }
});

/** A clock of which every look is later than a turn, so that each turn counts as little as it can. */
const hasty = () => {
  let nowMs = 0;
  return createTokenCounter({
    clock: {
      now: () => new Date(0),
      monotonicMs: () => {
        nowMs += 5;
        return nowMs;
      },
    },
  });
};

test('a text counted in hundreds of turns counts the same as in one', async () => {
  const next = numbers(5);
  const text = Array.from({ length: 60_000 }, () => ALPHABET[next(ALPHABET.length)]).join('');
  const prose = (ENGLISH + ARABIC + CHINESE + JSON_TEXT).repeat(150);
  const slow = hasty();
  expect(await slow.count([prose])).toBe(truth(prose));
  expect(await slow.count([text])).toBe(truth(text));
});

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const letters = (length: number): string => {
  const next = numbers(length);
  return Array.from({ length }, () => LETTERS[next(LETTERS.length)]).join('');
};

test.each([
  ['a run of letters', letters(3_000)],
  ['a run of one letter, and words behind it', `${'a'.repeat(5_000)} and words`],
  ['Chinese without a stop', '中文字'.repeat(1_000)],
  ['blanks before a letter that is not plain', `${' '.repeat(3_000)}é and words`],
  ['marks and newlines', `${'=-'.repeat(1_500)}\n\n\n/// words ${'\n'.repeat(3_000)}x`],
  ['a combining mark after a long run', `${letters(2_000)}\u0301 words`],
])('%s is never counted too low, and never above its bytes', async (_, text) => {
  const counted = await counter.count([text]);
  expect(counted).toBeGreaterThanOrEqual(truth(text));
  expect(counted).toBeLessThanOrEqual(Buffer.byteLength(text));
});

test('what follows an endless run is counted by token again', async () => {
  const words = ENGLISH.repeat(10);
  expect(await counter.count([`${'中'.repeat(2_000)} ${words}`])).toBeLessThanOrEqual(6_000 + truth(` ${words}`));
});

test('beyond two million characters a text counts as its bytes', async () => {
  const text = ENGLISH.repeat(Math.ceil(2_100_000 / ENGLISH.length));
  const counted = await counter.count([text]);
  const inTokens = truth(ENGLISH.repeat(Math.floor(2_000_000 / ENGLISH.length)));
  expect(counted).toBeGreaterThan(inTokens + 90_000);
  expect(counted).toBeLessThan(inTokens + 110_000);
  // The second text has no turn left, and is not remembered by what it was counted as for that.
  const tail = ENGLISH.repeat(20);
  expect(await counter.count([text, tail])).toBe(counted + Buffer.byteLength(tail));
  expect(await counter.count([tail])).toBe(truth(tail));
});

test('texts add up, are counted the same again, and small ones do not wait for large ones', async () => {
  const large = ENGLISH.repeat(4_000);
  const order: string[] = [];
  const first = counter.count([large, JSON_TEXT, large]).then((count) => {
    order.push('large');
    return count;
  });
  await counter.count([JSON_TEXT]).then(() => order.push('small'));
  expect(await first).toBe(2 * truth(large) + truth(JSON_TEXT));
  expect(order).toEqual(['small', 'large']);
  expect(await counter.count([large])).toBe(truth(large));
});

test('large texts leave the process to others every few milliseconds', async () => {
  let turns = 0;
  let isDone = false;
  const look = () => {
    turns += 1;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await hasty().count([`other ${ENGLISH.repeat(2_000)}`]);
  isDone = true;
  // 200,000 characters, looked at every 512.
  expect(turns).toBeGreaterThan(300);
});

test.each([
  ['openai', 'gpt-4o', 1, 1],
  ['openai', 'text-embedding-3-small', 1.2, 4.5],
  ['anthropic', 'claude-sonnet-4-5', 1.8, 3],
  ['google', 'gemini-2.5-pro', 1.5, 2],
  ['ollama', 'llama3.2', 2, 4.5],
] as const)(
  'the bound at %s %s has a margin over o200k_base, within the bytes of the text',
  async (kind, name, plain, other) => {
    const nothing = { messages: 0, tools: 0, images: 0 };
    const words = 'we hold the worst case '.repeat(50);
    expect(await counter.bound(kind, name, { ...nothing, texts: [words] })).toBe(
      Math.ceil(truth(words) * plain - 1e-9),
    );
    const arabic = ARABIC.repeat(20);
    const bound = await counter.bound(kind, name, { ...nothing, texts: [arabic] });
    expect(bound).toBeGreaterThanOrEqual(truth(arabic));
    expect(bound).toBeLessThanOrEqual(
      Math.min(Math.ceil(truth(arabic) * Math.max(plain, other)), Buffer.byteLength(arabic)),
    );
  },
);

test('what counts as its bytes gets no margin on top', async () => {
  const texts = ['中'.repeat(2_000)];
  expect(await counter.bound('ollama', 'x', { messages: 0, tools: 0, images: 0, texts })).toBe(6_000);
});

test.each([
  ['before a blank behind something visible', 'ab cd', 0, 2],
  ['not before a blank behind a blank', 'a  b', 1, 4],
  ['behind a newline', '中\n中', 0, 2],
  ['not before a slash behind a newline', '-\n/中 x', 0, 4],
  ['at the end where there is none', '中中中', 0, 3],
])('every way to cut a text has a border %s', (_, text, at, border) => {
  expect(nextBorder(text, at)).toBe(border);
});

test('where digits are tokens by themselves, a number counts as its digits', async () => {
  const texts = ['123456789'];
  const nothing = { messages: 0, tools: 0, images: 0, texts };
  expect(await counter.bound('openai', 'gpt-4o', nothing)).toBe(3);
  expect(await counter.bound('anthropic', 'claude-haiku-4-5', nothing)).toBe(9);
});

test('messages, tools and images add what frames them', async () => {
  const texts: string[] = [];
  const bound = (messages: number, tools: number, images: number, name = 'gpt-4o') =>
    counter.bound('openai', name, { texts, messages, tools, images });
  expect(await bound(0, 0, 0)).toBe(0);
  expect(await bound(2, 0, 0)).toBe(32);
  expect(await bound(2, 3, 0)).toBe(136);
  expect(await bound(2, 0, 2)).toBe(7_632);
  expect(await bound(2, 0, 1, 'gpt-4o-mini-2024-07-18')).toBe(48_232);
});

test('what was delivered counts without a margin', async () => {
  expect(await counter.countDelivered(ENGLISH)).toBe(truth(ENGLISH));
});
