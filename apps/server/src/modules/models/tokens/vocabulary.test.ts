import tokens from 'gpt-tokenizer/bpeRanks/o200k_base';
import { expect, test } from 'vitest';
import { loadVocabulary } from './vocabulary.ts';

test('each of its tokens that is text is known as one, and nothing else is', async () => {
  const vocabulary = await loadVocabulary();
  const texts = new Set(tokens.filter((token) => typeof token === 'string'));
  expect(texts.size).toBeGreaterThan(190_000);
  // Half a character is written as U+FFFD.
  const wrong: string[] = [];
  for (const text of texts) {
    for (const piece of [text, text.slice(0, -1), `${text}s`, `${text}é`])
      if (vocabulary.has(piece) !== texts.has(piece.toWellFormed())) wrong.push(piece);
  }
  expect(wrong).toEqual([]);
});
