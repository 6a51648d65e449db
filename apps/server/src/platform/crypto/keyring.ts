/** All keys of the installation, derived from its master key. */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { assert, GuildhallError } from '../errors/index.ts';
import { KEY_ID_BYTES, type Kek, keyIdOf, open, type Place, rewrap, seal } from './envelope.ts';
import { cryptoErrors } from './errors.ts';

export interface KeyringOptions {
  /** 32 random bytes; everything new is made with it. */
  readonly masterKey: Buffer;
  /** Master keys of the past: what they made stays readable and verifiable. */
  readonly previousKeys?: readonly Buffer[];
}

export interface Keyring {
  /** The value as an envelope that can be read only at `place`. */
  encrypt(place: Place, plain: string | Buffer): Buffer;
  /** @throws cryptoErrors.unreadable for another place, an unknown key or a changed bit. */
  decrypt(place: Place, sealed: Buffer): Buffer;
  /** False where `rewrap` would bring an older envelope to the current master key. */
  isCurrent(sealed: Buffer): boolean;
  /** The same value under the current master key. Idempotent; the old envelope stays readable, so a stop between rows harms nothing. */
  rewrap(place: Place, sealed: Buffer): Buffer;
  /** A key for one purpose alone. Purposes are constants in the code, for example `db-role:guildhall_app`. */
  derive(purpose: string, bytes?: number): Buffer;
  /** HMAC-SHA-256 under a key that only this purpose has. */
  mac(purpose: string, message: string | Buffer): Buffer;
  /** The same under every known master key, the current one first: what to look for in a table of stored hashes. */
  macs(purpose: string, message: string | Buffer): Buffer[];
  /** Constant time; true for a mac made under any known master key. */
  verifyMac(purpose: string, message: string | Buffer, mac: Buffer): boolean;
}

const MASTER_KEY_BYTES = 32;
const SALT = 'guildhall/v1';
// Purposes are constants; a caller that makes them from input would otherwise grow this for ever.
const PURPOSES_MAX = 200;

const expand = (master: Buffer, info: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', master, SALT, info, bytes));

interface Root {
  readonly kek: Kek;
  macKey(purpose: string): KeyObject;
}

function createRoot(master: Buffer): Root {
  assert(master.length === MASTER_KEY_BYTES, 'a master key has 32 bytes');
  const kek = { id: expand(master, 'key-id', KEY_ID_BYTES), key: createSecretKey(expand(master, 'kek', 32)) };
  const macKeys = new Map<string, KeyObject>();
  return {
    kek,
    macKey(purpose) {
      const known = macKeys.get(purpose);
      if (known) return known;
      const made = createSecretKey(expand(master, `mac:${purpose}`, 32));
      if (macKeys.size < PURPOSES_MAX) macKeys.set(purpose, made);
      return made;
    },
  };
}

const macWith = (key: KeyObject, message: string | Buffer): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** Cheap to keep, costs one derivation per purpose; make one per process. */
export function createKeyring(options: KeyringOptions): Keyring {
  const current = createRoot(options.masterKey);
  const roots = [current, ...(options.previousKeys ?? []).map(createRoot)];
  const kekOf = (sealed: Buffer): Kek => {
    const id = keyIdOf(sealed);
    const found = id && roots.find((root) => root.kek.id.equals(id));
    if (!found)
      throw new GuildhallError(cryptoErrors.unreadable, {
        internal: `no key ${id?.toString('hex') ?? '(not an envelope)'}`,
      });
    return found.kek;
  };
  const translating = (work: () => Buffer): Buffer => {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof GuildhallError) throw cause;
      throw new GuildhallError(cryptoErrors.unreadable, { internal: 'authentication failed', cause });
    }
  };
  return {
    encrypt: (place, plain) => seal(current.kek, place, typeof plain === 'string' ? Buffer.from(plain, 'utf8') : plain),
    decrypt: (place, sealed) => translating(() => open(kekOf(sealed), place, sealed)),
    isCurrent: (sealed) => keyIdOf(sealed)?.equals(current.kek.id) ?? false,
    rewrap: (place, sealed) =>
      translating(() => {
        const from = kekOf(sealed);
        return from === current.kek ? sealed : rewrap(from, current.kek, place, sealed);
      }),
    derive: (purpose, bytes = 32) => expand(options.masterKey, `derive:${purpose}`, bytes),
    mac: (purpose, message) => macWith(current.macKey(purpose), message),
    macs: (purpose, message) => roots.map((root) => macWith(root.macKey(purpose), message)),
    verifyMac: (purpose, message, mac) =>
      roots
        .map((root) => macWith(root.macKey(purpose), message))
        .filter((known) => known.length === mac.length && timingSafeEqual(known, mac)).length > 0,
  };
}
