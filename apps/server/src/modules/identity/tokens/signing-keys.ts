/**
 * The keys that sign access tokens, as this process knows them. They lie sealed in the database; what changes there is heard in milliseconds,
 * and looked at again once a minute should that be missed.
 */
import type { Jwks } from '@guildhall/contract';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Keyring } from '../../../platform/crypto/index.ts';
import type { Db } from '../../../platform/db/index.ts';
import { assert } from '../../../platform/errors/index.ts';
import { addSigningKey, listSigningKeys, revokeSigningKeys, type StoredKey } from './store.ts';

export const SIGNING_KEYS_CHANNEL = 'guildhall_signing_keys';
export const ALGORITHM = 'EdDSA';

const REMEMBER_MS = 60_000;
// A key that nobody knows is looked for no more often, so that made-up names cost nothing.
const LOOK_AGAIN_MS = 1_000;
// Others may keep the list of keys for five minutes: by then they have seen the new one.
const ANNOUNCED_SECONDS = 600;

interface SigningKey {
  readonly id: string;
  readonly verifies: CryptoKey;
  readonly signs: CryptoKey;
  readonly publicKey: string;
  /** On the monotonic clock. */
  readonly signsFromMs: number;
}

export interface SigningKeys {
  /** The key that signs at this moment; makes the first one where there is none. */
  current(): Promise<{ readonly id: string; readonly key: CryptoKey }>;
  /** By its id; undefined for one that there is not, or not any more. */
  find(id: string): Promise<CryptoKey | undefined>;
  /** The public halves, as RFC 7517 writes them. */
  jwks(): Promise<Jwks>;
  /**
   * Makes a new key. It is published at once and signs in ten minutes, while tokens of the former one stay good until they expire. With
   * `isUrgent` it signs at once, and every other key and token is void.
   */
  rotate(isUrgent: boolean): Promise<{ readonly id: string; readonly revoked: number }>;
  /** Begins to hear of changes; the result stops. */
  start(): Promise<() => Promise<void>>;
}

export interface SigningKeyDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keyring: Pick<Keyring, 'encrypt' | 'decrypt'>;
}

const placeOf = (id: string) => ({ orgId: '', table: 'identity.signing_key', column: 'sealed', rowId: id });

const isCryptoKey = (key: CryptoKey | Uint8Array): key is CryptoKey => !(key instanceof Uint8Array);

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  assert(isCryptoKey(key), 'an Ed25519 key has a public half');
  return key;
}

export function createSigningKeys({ db, clock, keyring }: SigningKeyDeps): SigningKeys {
  let known: { readonly keys: readonly SigningKey[]; readonly readAtMs: number } | undefined;
  let reading: Promise<readonly SigningKey[]> | undefined;
  // Raised by every announcement: what was read before it must not be remembered after it.
  let epoch = 0;

  const open = async ({ id, publicKey, sealed, signsInMs }: StoredKey, nowMs: number): Promise<SigningKey> => {
    const half = { kty: 'OKP', crv: 'Ed25519', x: publicKey };
    const d = keyring.decrypt(placeOf(id), sealed).toString('utf8');
    const [verifies, signs] = await Promise.all([importKey(half), importKey({ ...half, d })]);
    return { id, verifies, signs, publicKey, signsFromMs: nowMs + signsInMs };
  };

  const read = async (): Promise<readonly SigningKey[]> => {
    const begunIn = epoch;
    const readAtMs = clock.monotonicMs();
    const stored = await db.system((tx) => listSigningKeys(tx));
    const keys = await Promise.all(stored.map((one) => open(one, readAtMs)));
    if (begunIn === epoch) known = { keys, readAtMs };
    return keys;
  };

  const readOnce = (): Promise<readonly SigningKey[]> => {
    const begun =
      reading ??
      read().finally(() => {
        if (reading === begun) reading = undefined;
      });
    reading = begun;
    return begun;
  };

  const notOlderThan = async (ms: number): Promise<readonly SigningKey[]> =>
    known && clock.monotonicMs() - known.readAtMs < ms ? known.keys : readOnce();

  const forget = (): void => {
    epoch += 1;
    known = undefined;
    reading = undefined;
  };

  const add = async (delaySeconds: number, isFirst: boolean): Promise<string> => {
    const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
    const [{ x }, { d }] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
    assert(x !== undefined && d !== undefined, 'an Ed25519 key has two halves');
    const id = await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x });
    const sealed = keyring.encrypt(placeOf(id), d);
    await db.system((tx) => addSigningKey(tx, { id, publicKey: x, sealed, delaySeconds, isFirst }));
    forget();
    return id;
  };

  const signing = (keys: readonly SigningKey[]): SigningKey | undefined => {
    const nowMs = clock.monotonicMs();
    return keys.find(({ signsFromMs }) => signsFromMs <= nowMs) ?? keys.at(-1);
  };

  return {
    async current() {
      let key = signing(await notOlderThan(REMEMBER_MS));
      if (!key) {
        await add(0, true);
        key = signing(await readOnce());
      }
      assert(key, 'there is a key after one was made');
      return { id: key.id, key: key.signs };
    },
    async find(id) {
      const by = (keys: readonly SigningKey[]) => keys.find((one) => one.id === id)?.verifies;
      return by(await notOlderThan(REMEMBER_MS)) ?? by(await notOlderThan(LOOK_AGAIN_MS));
    },
    async jwks() {
      const keys = await notOlderThan(REMEMBER_MS);
      return {
        keys: keys.map(({ id, publicKey }) => ({
          kty: 'OKP',
          crv: 'Ed25519',
          x: publicKey,
          kid: id,
          alg: ALGORITHM,
          use: 'sig',
        })),
      };
    },
    async rotate(isUrgent) {
      const id = await add(isUrgent ? 0 : ANNOUNCED_SECONDS, false);
      const revoked = isUrgent ? await db.system((tx) => revokeSigningKeys(tx, id)) : 0;
      forget();
      return { id, revoked };
    },
    start: () => db.listen([SIGNING_KEYS_CHANNEL], forget, forget),
  };
}
