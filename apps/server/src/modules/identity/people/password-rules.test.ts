import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCommonPasswords } from './common-passwords.ts';
import { findPasswordFault } from './password-rules.ts';

const isCommon = loadCommonPasswords();
const alone = { email: 'ada.lovelace@analytical.example', hasFactor: false };
const withFactor = { ...alone, hasFactor: true };
const fault = (password: string, owner = alone) => findPasswordFault(password, owner, isCommon);

describe('AUTH-03', () => {
  it.each([
    ['fourteen characters', 'vmkqzjwxhtrplb', alone, false],
    ['fifteen', 'vmkqzjwxhtrplbn', alone, true],
    ['seven beside a second factor', 'vmkqzjw', withFactor, false],
    ['eight beside one', 'vmkqzjwx', withFactor, true],
    ['128', 'vmkqzjwxhtrplbnd'.repeat(8), alone, true],
    ['129', `${'vmkqzjwxhtrplbnd'.repeat(8)}x`, alone, false],
    ['64 emoji', '🦊'.repeat(64), alone, true],
    ['14 emoji, which are 28 units', '🦊🐙🦀🐝🌵🍄🔥🌊🎈🎲🧲🪁🧵🪴', alone, false],
    ['128 emoji, which are 512 bytes', '🦊🐙🦀🐝'.repeat(32), alone, true],
    ['spaces and small letters alone', 'my dog likes green cars', alone, true],
    ['Arabic', 'أحب القهوة في الصباح الباكر', alone, true],
  ])('%s', (_what, password, owner, isGood) => {
    expect(fault(password, owner) === undefined).toBe(isGood);
  });

  it.each([
    'passwordpassword',
    'PasswordPassword',
    'aaaaaaaaaaaaaaaa',
    'abababababababab',
    'qwertyuiopasdfghjkl',
    '1234567890123456',
    'guildhallguildhall',
    'guildhall12345',
    'ada.lovelace1234',
    'analyticalanalytical',
    'ada.lovelace@analytical',
  ])('%s is refused', (password) => {
    expect(fault(password)).toBeDefined();
  });

  it('the 3,000 words that guessers try first are refused, with a second factor too', () => {
    const words = readFileSync(path.join(import.meta.dirname, 'fixture-top-words.txt'), 'utf8')
      .trim()
      .split('\n');
    expect(words).toHaveLength(3_000);
    expect(words.filter((word) => fault(word, withFactor) === undefined)).toEqual([]);
  });

  it('at most one good password in a thousand is refused by chance', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return 97 + (Math.floor(seed / 65_536) % 26);
    };
    let refused = 0;
    for (let index = 0; index < 20_000; index += 1) {
      const word = String.fromCharCode(...Array.from({ length: 12 }, random));
      if (isCommon(word)) refused += 1;
    }
    expect(refused).toBeLessThan(20);
  });
});
