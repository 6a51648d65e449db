/** Makes the filter of common passwords from a list, the most common first: `node tools/common-passwords.ts LIST`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { bitsOf, FILTER_FILE } from '../apps/server/src/modules/identity/people/common-passwords.ts';

// Shorter ones are refused by their length.
const CHARS_MIN = 8;
const LONG_CHARS = 15;
const MOST_COMMON = 260_000;
const BITS_PER_WORD = 19.2;

const [, , list = ''] = process.argv;
const words = readFileSync(list, 'utf8')
  .split('\n')
  .filter((word, rank) => [...word].length >= (rank < MOST_COMMON ? CHARS_MIN : LONG_CHARS))
  .map((word) => word.toLowerCase());
const unique = [...new Set(words)];
const filter = Buffer.alloc(Math.ceil((unique.length * BITS_PER_WORD) / 8));
for (const word of unique) {
  for (const bit of bitsOf(word, filter.length * 8)) filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
}
writeFileSync(FILTER_FILE, filter);
process.stdout.write(`${unique.length} words, ${filter.length} bytes\n`);
