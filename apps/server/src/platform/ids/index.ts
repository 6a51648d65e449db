/** Ids: a visible prefix, then 26 lower-case base32 characters that sort by time of making. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock/index.ts';

export type Prefix =
  | 'org'
  | 'run'
  | 'key'
  | 'file'
  | 'art'
  | 'evt'
  | 'bud'
  | 'whk'
  | 'whd'
  | 'hold'
  | 'tr'
  | 'use'
  | 'apr'
  | 'req'
  | 'wrk'
  | 'aud'
  | 'mcl'
  | 'prv'
  | 'pvk'
  | 'usr'
  | 'ses'
  | 'mbr'
  | 'inv'
  | 'svc'
  | 'fac'
  | 'con'
  | 'dom'
  | 'lnk'
  | 'cod'
  | 'sct'
  | 'scu'
  | 'scg'
  | 'tok'
  | 'idl'
  | 'chl'
  | 'dev';
export type Id<P extends Prefix> = `${P}_${string}`;

export interface Ids {
  make<P extends Prefix>(prefix: P): Id<P>;
}

// Crockford's alphabet: no i, l, o or u, so that a read-aloud id stays unambiguous.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

function timePart(ms: number): string {
  let rest = ms;
  let text = '';
  for (let i = 0; i < TIME_CHARS; i += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** No id of this prefix that was made from this instant on sorts before it. */
export const lowestId = (prefix: Prefix, from: Date): string => `${prefix}_${timePart(Math.max(0, from.getTime()))}`;

// An id needs 16 bytes, and asking the system costs the same for 16 as for thousands.
const POOL_BYTES = 8_192;

/** Random bytes, each handed out once, fetched many at a time. */
function createPool(): (size: number) => Uint8Array {
  let pool: Uint8Array = randomBytes(POOL_BYTES);
  let used = 0;
  return (size) => {
    if (used + size > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += size;
    return pool.subarray(used - size, used);
  };
}

/** 48 bits of time and 80 random bits: unguessable enough to be shown, ordered enough for an index. */
export function createIds(clock: Clock, random: (size: number) => Uint8Array = createPool()): Ids {
  return {
    make(prefix) {
      let text = timePart(clock.now().getTime());
      for (const byte of random(RANDOM_CHARS)) text += ALPHABET.charAt(byte & 31);
      return `${prefix}_${text}`;
    },
  };
}
