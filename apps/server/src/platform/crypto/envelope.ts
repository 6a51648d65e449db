/**
 * One encrypted value as bytes: a data key of its own encrypts the value, the key-encryption key (KEK) wraps the data key.
 * Both layers are AES-256-GCM and both are bound to the place where the value is stored, so that moving it to another row, column,
 * table or organisation makes it unreadable.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';

/** Where a value is stored. Part of what is authenticated, not of what is stored. */
export interface Place {
  readonly orgId: string;
  readonly table: string;
  readonly column: string;
  readonly rowId: string;
}

export interface Kek {
  /** KEY_ID_BYTES bytes that name the key inside the envelope. */
  readonly id: Buffer;
  readonly key: KeyObject;
}

const VERSION = 1;
const CIPHER = 'aes-256-gcm';
export const KEY_ID_BYTES = 8;
const DATA_KEY_BYTES = 32;
// 96 bits, the size GCM is specified for. Random is safe: a data key encrypts once, and a KEK stays far below 2^32 wraps.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
// version | key id | wrap nonce | wrapped data key | wrap tag | nonce | tag | ciphertext
const HEAD_BYTES = 1 + KEY_ID_BYTES;
const WRAP_BYTES = NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;
const BODY_AT = HEAD_BYTES + WRAP_BYTES;

export const makeNonce = (): Buffer => randomBytes(NONCE_BYTES);

/** Lengths go before the parts, so that no two places read the same (`a`+`bc` is not `ab`+`c`). */
function aadOf(place: Place, layer: 'wrap' | 'value'): Buffer {
  const parts = [layer, place.orgId, place.table, place.column, place.rowId].map((part) => Buffer.from(part, 'utf8'));
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

function encrypt(key: KeyObject | Buffer, aad: Buffer, plain: Buffer): { nonce: Buffer; body: Buffer; tag: Buffer } {
  const nonce = makeNonce();
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { nonce, body, tag: cipher.getAuthTag() };
}

/** @throws when the key, the place or a single bit is another one. */
function decrypt(key: KeyObject | Buffer, aad: Buffer, parts: { nonce: Buffer; body: Buffer; tag: Buffer }): Buffer {
  const decipher = createDecipheriv(CIPHER, key, parts.nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(parts.tag);
  return Buffer.concat([decipher.update(parts.body), decipher.final()]);
}

const headOf = (kek: Kek): Buffer => Buffer.concat([Buffer.of(VERSION), kek.id]);

function wrap(kek: Kek, place: Place, dataKey: Buffer): Buffer {
  const head = headOf(kek);
  const { nonce, body, tag } = encrypt(kek.key, Buffer.concat([head, aadOf(place, 'wrap')]), dataKey);
  return Buffer.concat([head, nonce, body, tag]);
}

function unwrap(kek: Kek, place: Place, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
  const body = sealed.subarray(HEAD_BYTES + NONCE_BYTES, HEAD_BYTES + NONCE_BYTES + DATA_KEY_BYTES);
  const tag = sealed.subarray(BODY_AT - TAG_BYTES, BODY_AT);
  return decrypt(kek.key, Buffer.concat([headOf(kek), aadOf(place, 'wrap')]), { nonce, body, tag });
}

export function seal(kek: Kek, place: Place, plain: Buffer): Buffer {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const { nonce, body, tag } = encrypt(dataKey, aadOf(place, 'value'), plain);
  return Buffer.concat([wrap(kek, place, dataKey), nonce, tag, body]);
}

/** The id of the KEK an envelope names; undefined when the bytes are no envelope of this version. */
export function keyIdOf(sealed: Buffer): Buffer | undefined {
  if (sealed.length < BODY_AT + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) return undefined;
  return sealed.subarray(1, HEAD_BYTES);
}

/** @throws when anything about it is not as it was sealed. */
export function open(kek: Kek, place: Place, sealed: Buffer): Buffer {
  const dataKey = unwrap(kek, place, sealed);
  const tagAt = BODY_AT + NONCE_BYTES;
  const parts = {
    nonce: sealed.subarray(BODY_AT, tagAt),
    tag: sealed.subarray(tagAt, tagAt + TAG_BYTES),
    body: sealed.subarray(tagAt + TAG_BYTES),
  };
  return decrypt(dataKey, aadOf(place, 'value'), parts);
}

/** The same value under another KEK; the value itself is neither decrypted nor changed. */
export function rewrap(from: Kek, to: Kek, place: Place, sealed: Buffer): Buffer {
  return Buffer.concat([wrap(to, place, unwrap(from, place, sealed)), sealed.subarray(BODY_AT)]);
}
