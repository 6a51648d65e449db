import { expect, test } from 'vitest';
import { parseEmail } from './email.ts';

test.each([
  ['Ada@Example.COM', 'ada@example.com'],
  ['  ada@example.com ', 'ada@example.com'],
  ['ada+shop@example.com', 'ada+shop@example.com'],
  ['a.d.a@example.com', 'a.d.a@example.com'],
  ["o'hara@example.com", "o'hara@example.com"],
  ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ['ada@XN--BCHER-KVA.example', 'ada@xn--bcher-kva.example'],
  ['ada@例え.テスト', 'ada@xn--r8jz45g.xn--zckzah'],
  // One letter, or a letter and its accent.
  ['jos\u00e9@example.com', 'jos\u00e9@example.com'],
  ['jose\u0301@example.com', 'jos\u00e9@example.com'],
  ['ÜBER@example.com', 'über@example.com'],
  ['عمر@مثال.إختبار', 'عمر@xn--mgbh0fb.xn--kgbechtv'],
])('%s is found as %s', (text, folded) => {
  expect(parseEmail(text)?.folded).toBe(folded);
});

test('a plus sign makes another address, and what was written is kept for mails', () => {
  expect(parseEmail('Ada+1@example.com')?.folded).not.toBe(parseEmail('ada@example.com')?.folded);
  expect(parseEmail('Ada@Bücher.Example')?.written).toBe('Ada@Bücher.Example');
});

test.each([
  ['nothing', ''],
  ['no sign', 'ada.example.com'],
  ['nothing before it', '@example.com'],
  ['nothing behind it', 'ada@'],
  ['no dot in the domain', 'ada@localhost'],
  ['an address of a machine', 'ada@127.0.0.1'],
  ['an address in brackets', 'ada@[::1]'],
  ['two signs', 'ada@b@example.com'],
  ['a space', 'ada lovelace@example.com'],
  ['a line break', 'ada@example.com\nbcc: eve@example.com'],
  ['a line break inside', 'ada\r\nx@example.com'],
  ['a name beside it', 'Ada <ada@example.com>'],
  ['a quote', '"ada"@example.com'],
  ['two addresses', 'ada@example.com,eve@example.com'],
  ['a turned direction', 'ada\u202e@example.com'],
  ['a letter that does not show', 'a\u200bda@example.com'],
  ['a NUL', 'ada\0@example.com'],
  ['half of a letter', 'ada\ud800@example.com'],
  ['dots in a row', 'a..b@example.com'],
  ['a dot at the end', 'ada.@example.com'],
  ['a label that begins with a dash', 'ada@-example.com'],
  ['ten thousand letters', `${'a'.repeat(10_000)}@example.com`],
  ['a domain of ten thousand letters', `ada@${'a'.repeat(10_000)}.com`],
  ['more octets than its server takes', `${'é'.repeat(40)}@example.com`],
])('%s is no address', (_what, text) => {
  expect(parseEmail(text)).toBeUndefined();
});
