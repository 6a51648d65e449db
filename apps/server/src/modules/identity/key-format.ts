/**
 * What an API key looks like: `gld_live_` or `gld_test_`, 30 random base62 characters (178 bits), 6 of checksum. CRC-32 notices every
 * change of up to 32 neighbouring bits, so a mistyped key is refused without asking the database.
 */
import { crc32 } from 'node:zlib';
import type { Mode } from '@guildhall/contract';

/** What the stored hashes of keys are made for: no other hash of the installation is like them. */
export const KEY_PURPOSE = 'api-key';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 30;
const CHECKSUM_CHARS = 6;
const KEY = /^gld_(live|test)_[0-9A-Za-z]{36}$/;
const PREFIX_CHARS = 'gld_live_'.length + 4;
const LAST_CHARS = 4;
// The largest multiple of 62 in a byte: bytes from here on would favour some characters.
const UNBIASED_BELOW = 248;

function randomText(length: number, random: (size: number) => Uint8Array): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < UNBIASED_BELOW && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < CHECKSUM_CHARS; i += 1) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** A new secret key. The checksum covers the mode too. */
export function mintKey(mode: Mode, random: (size: number) => Uint8Array): string {
  const body = `gld_${mode}_${randomText(RANDOM_CHARS, random)}`;
  return body + checksum(body);
}

/** Its mode, or undefined for anything that was never a key of ours: decided from the text alone. */
export function parseKey(presented: string): { readonly mode: Mode } | undefined {
  if (!KEY.test(presented)) return undefined;
  const end = presented.length - CHECKSUM_CHARS;
  if (checksum(presented.slice(0, end)) !== presented.slice(end)) return undefined;
  return { mode: presented.startsWith('gld_live_') ? 'live' : 'test' };
}

/** The parts of a key that may be shown. */
export function visibleParts(secret: string): { readonly prefix: string; readonly last4: string } {
  return { prefix: secret.slice(0, PREFIX_CHARS), last4: secret.slice(-LAST_CHARS) };
}
