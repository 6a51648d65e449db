import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { mintKey, parseKey, visibleParts } from './key-format.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const KEYS = 100_000;

test('every minted key parses to the mode it was minted for', () => {
  const wrong: string[] = [];
  for (let i = 0; i < KEYS; i += 1) {
    const mode = i % 2 === 0 ? 'live' : 'test';
    const key = mintKey(mode, randomBytes);
    if (parseKey(key)?.mode !== mode || !/^gld_(live|test)_[0-9A-Za-z]{36}$/.test(key)) wrong.push(key);
  }
  expect(wrong).toEqual([]);
});

test('a key with any one character changed is refused from its text alone', () => {
  const accepted: string[] = [];
  for (const mode of ['live', 'test'] as const) {
    const key = mintKey(mode, randomBytes);
    for (let at = 0; at < key.length; at += 1) {
      for (const other of `${ALPHABET}_- é`) {
        if (other === key.charAt(at)) continue;
        const changed = key.slice(0, at) + other + key.slice(at + 1);
        if (parseKey(changed)) accepted.push(changed);
      }
    }
  }
  expect(accepted).toEqual([]);
});

test('a random one-character change of a random key is refused', () => {
  let accepted = 0;
  for (let i = 0; i < KEYS; i += 1) {
    const key = mintKey('live', randomBytes);
    const at = 9 + (i % 36);
    const other = ALPHABET.charAt((ALPHABET.indexOf(key.charAt(at)) + 1 + (i % 61)) % 62);
    if (parseKey(key.slice(0, at) + other + key.slice(at + 1))) accepted += 1;
  }
  expect(accepted).toBe(0);
});

test.each([
  ['nothing', ''],
  ['a live key renamed to test', mintKey('live', randomBytes).replace('live', 'test')],
  ['a key with a space before it', ` ${mintKey('live', randomBytes)}`],
  ['a key with a newline after it', `${mintKey('live', randomBytes)}\n`],
  ['a key cut by one', mintKey('live', randomBytes).slice(0, -1)],
  ['a key with one more', `${mintKey('live', randomBytes)}0`],
])('%s is no key', (_what, text) => {
  expect(parseKey(text)).toBeUndefined();
});

test('all 62 characters are equally likely, up to chance', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 20_000; i += 1) {
    for (const char of mintKey('live', randomBytes).slice(9, 39)) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  const expected = (20_000 * 30) / 62;
  const chiSquare = [...counts.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
  expect(counts.size).toBe(62);
  // 61 degrees of freedom: chance exceeds 130 about once in 2 million runs; the bias of `byte % 62` gives over 3,000.
  expect(chiSquare).toBeLessThan(130);
});

test('what is shown of a key is its mode, four characters at the start and four at the end', () => {
  const key = mintKey('test', randomBytes);
  expect(visibleParts(key)).toEqual({ prefix: key.slice(0, 13), last4: key.slice(-4) });
});
