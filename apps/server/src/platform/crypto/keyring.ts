/** All keys of the installation, derived from its master key. */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { assert, GuildhallError } from '../errors/index.ts';
import { KEY_ID_BYTES, type Kek, keyIdOf, open, type Place, rewrap, seal } from './envelope.ts';
import { cryptoErrors } from './errors.ts';

export interface KeyringOptions {
  /** 32 random bytes; everything new is made with it. */
  readonly masterKey: Buffer;
  /** Other master keys: what is sealed under them is readable. */
  readonly previousKeys?: readonly Buffer[];
  /**
   * What hashes, tokens and passwords are made from, so that they outlive a master key (`openRoot`). Left out, they are made from the master
   * key itself, and hashes made under other known ones are found too.
   */
  readonly root?: Buffer;
  /** Which of the known keys seals; the master key when left out. */
  readonly sealingKeyId?: Buffer;
  /** The master keys as they are known now, newest first: asked for when an envelope names one that is not known. */
  readonly reload?: () => readonly Buffer[];
}

export interface Keyring {
  /** The value as an envelope that can be read only at `place`. */
  encrypt(place: Place, plain: string | Buffer): Buffer;
  /** @throws cryptoErrors.unreadable for another place, an unknown key or a changed bit. */
  decrypt(place: Place, sealed: Buffer): Buffer;
  /** False where `rewrap` would bring an older envelope to the key that seals. */
  isCurrent(sealed: Buffer): boolean;
  /** The same value under the key that seals. Idempotent; the old envelope stays readable, so a stop between rows harms nothing. */
  rewrap(place: Place, sealed: Buffer): Buffer;
  /** From now on this key seals. False when it is not known, also after looking again: then nothing changes. */
  sealUnder(keyId: Buffer): boolean;
  /** Ids of the known master keys, newest first. */
  keyIds(): readonly Buffer[];
  /** The same after reading them again where they come from. */
  refresh(): readonly Buffer[];
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

/** Names a master key without telling anything about it. */
const idOf = (master: Buffer): Buffer => expand(master, 'key-id', KEY_ID_BYTES);

function createKek(master: Buffer): Kek {
  assert(master.length === MASTER_KEY_BYTES, 'a master key has 32 bytes');
  return { id: idOf(master), key: createSecretKey(expand(master, 'kek', 32)) };
}

/** Keys for one purpose each, derived once. */
function createMacKeys(root: Buffer): (purpose: string) => KeyObject {
  const known = new Map<string, KeyObject>();
  return (purpose) => {
    const before = known.get(purpose);
    if (before) return before;
    const made = createSecretKey(expand(root, `mac:${purpose}`, 32));
    if (known.size < PURPOSES_MAX) known.set(purpose, made);
    return made;
  };
}

const macWith = (key: KeyObject, message: string | Buffer): Buffer =>
  createHmac('sha256', key).update(message).digest();

/** The known key-encryption keys, and which of them seals. */
function createKeks(options: KeyringOptions) {
  let known = [options.masterKey, ...(options.previousKeys ?? [])].map(createKek);
  const find = (id: Buffer): Kek | undefined => known.find((kek) => kek.id.equals(id));
  const reload = (): void => {
    const fresh = (options.reload?.() ?? []).map(createKek);
    // What was known stays known, and the very same: values in memory may still lie under it.
    const kept = fresh.map((one) => find(one.id) ?? one);
    known = [...kept, ...known.filter((kek) => !kept.includes(kek))];
  };
  const findOrReload = (id: Buffer): Kek | undefined => {
    const found = find(id);
    if (found || !options.reload) return found;
    reload();
    return find(id);
  };
  const first = options.sealingKeyId ? findOrReload(options.sealingKeyId) : known[0];
  assert(first, 'the key that seals is known');
  let sealing: Kek = first;
  return {
    sealing: () => sealing,
    sealUnder(id: Buffer): boolean {
      const wanted = findOrReload(id);
      if (wanted) sealing = wanted;
      return wanted !== undefined;
    },
    ids: () => known.map((kek) => kek.id),
    reload,
    /** @throws cryptoErrors.unreadable when the envelope names no known key. */
    of(sealed: Buffer): Kek {
      const id = keyIdOf(sealed);
      const found = id && findOrReload(id);
      if (found) return found;
      throw new GuildhallError(cryptoErrors.unreadable, {
        internal: `no key ${id?.toString('hex') ?? '(not an envelope)'}`,
      });
    },
  };
}

function translating(work: () => Buffer): Buffer {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof GuildhallError) throw cause;
    throw new GuildhallError(cryptoErrors.unreadable, { internal: 'authentication failed', cause });
  }
}

/** Cheap to keep, costs one derivation per purpose; make one per process. */
export function createKeyring(options: KeyringOptions): Keyring {
  const keks = createKeks(options);
  const root = options.root ?? options.masterKey;
  const newest = createMacKeys(root);
  const macKeys = options.root ? [newest] : [newest, ...(options.previousKeys ?? []).map(createMacKeys)];
  const macs = (purpose: string, message: string | Buffer): Buffer[] =>
    macKeys.map((keyOf) => macWith(keyOf(purpose), message));
  return {
    encrypt: (place, plain) =>
      seal(keks.sealing(), place, typeof plain === 'string' ? Buffer.from(plain, 'utf8') : plain),
    decrypt: (place, sealed) => translating(() => open(keks.of(sealed), place, sealed)),
    isCurrent: (sealed) => keyIdOf(sealed)?.equals(keks.sealing().id) ?? false,
    rewrap: (place, sealed) =>
      translating(() => {
        const from = keks.of(sealed);
        const to = keks.sealing();
        return from === to ? sealed : rewrap(from, to, place, sealed);
      }),
    sealUnder: keks.sealUnder,
    keyIds: keks.ids,
    refresh() {
      keks.reload();
      return keks.ids();
    },
    derive: (purpose, bytes = 32) => expand(root, `derive:${purpose}`, bytes),
    mac: (purpose, message) => macWith(newest(purpose), message),
    macs,
    verifyMac: (purpose, message, mac) =>
      macs(purpose, message).filter((known) => known.length === mac.length && timingSafeEqual(known, mac)).length > 0,
  };
}
