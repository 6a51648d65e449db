/** Codes for the day that every factor is lost. */
import { hashRaw } from '@node-rs/argon2';

export const CODES = 10;
export const SALT_BYTES = 16;
// Crockford's alphabet, as in ids: nothing to confuse when it is read from paper.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CHARS = 12;
const GROUP = /.{4}(?=.)/g;
// Argon2id, the library's default, as for passwords: below 112 bits, only a slow hash keeps a stolen table from being tried out (ASVS 5.0, 6.5.2).
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const;

/** 60 bits, as `abcd-efgh-jkmn`. */
export function mintCode(random: (size: number) => Uint8Array): string {
  const chars = [...random(CHARS)].map((byte) => ALPHABET.charAt(byte % ALPHABET.length));
  return chars.join('').replaceAll(GROUP, '$&-');
}

/** As people write it: case, dashes and blanks do not count, and look-alikes are what they look like. */
const plainOf = (code: string): string =>
  code.toLowerCase().replaceAll(/[\s-]/g, '').replaceAll('o', '0').replaceAll(/[il]/g, '1');

export async function hashCode(code: string, salt: Uint8Array): Promise<Buffer> {
  return hashRaw(plainOf(code), { ...OPTIONS, salt });
}
