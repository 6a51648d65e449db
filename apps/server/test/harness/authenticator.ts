/**
 * A security key in software: makes passkeys (P-256) and signs with them as a browser and its authenticator do together. A test tool: its keys
 * lie in memory, and it does whatever a test wants to see refused.
 *
 *     const key = createAuthenticator(platform.url);
 *     const made = key.create(options);                        // after POST /v1/me/factors/passkeys/options
 *     const answer = key.get(options);                         // after POST /v1/auth/passkey/options
 *     key.get(options, { origin: 'https://evil.example' });    // what a page of somebody else would send
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';

export interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string };
}
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
}

/** What is otherwise than it should be. */
export interface Twist {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  /** The kind of ceremony that the browser says it was. */
  readonly type?: string;
  /** Whether the owner showed PIN, finger or face; true when left out. */
  readonly isVerified?: boolean;
  /** Whether anybody was there at all; true when left out. */
  readonly isPresent?: boolean;
  /** What the authenticator says it counted; one more than before when left out. */
  readonly counter?: number;
  /** Signs with another key than that of the passkey. */
  readonly foreignKey?: boolean;
  /** Names another passkey than the one that signs. */
  readonly credentialId?: string;
}

const PRESENT = 0x01;
const VERIFIED = 0x04;
const ATTESTED = 0x40;
const sha256 = (bytes: string | Buffer): Buffer => createHash('sha256').update(bytes).digest();
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The public half as COSE wants it. */
function coseOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const numbers = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, new Uint8Array(Buffer.from(x, 'base64url'))],
    [-3, new Uint8Array(Buffer.from(y, 'base64url'))],
  ]);
  return Buffer.from(isoCBOR.encode(numbers));
}

export function createAuthenticator(pageOrigin: string) {
  const id = randomBytes(32);
  const keys = newKey();
  let counter = 0;
  let userHandle = '';

  const clientData = (type: string, challenge: string, twist: Twist): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: twist.type ?? type,
        challenge: twist.challenge ?? challenge,
        origin: twist.origin ?? pageOrigin,
        crossOrigin: false,
      }),
    );
  const authenticatorData = (rpId: string, twist: Twist, attested?: Buffer): Buffer => {
    counter += 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(twist.counter ?? counter);
    const flags =
      (twist.isPresent === false ? 0 : PRESENT) +
      (twist.isVerified === false ? 0 : VERIFIED) +
      (attested ? ATTESTED : 0);
    return Buffer.concat([sha256(twist.rpId ?? rpId), Buffer.from([flags]), count, attested ?? Buffer.alloc(0)]);
  };

  return {
    id: text(id),
    /** As `navigator.credentials.create(…).toJSON()`. */
    create(options: CreationOptions, twist: Twist = {}) {
      userHandle = options.user.id;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const attested = Buffer.concat([Buffer.alloc(16), length, id, coseOf(keys.publicKey)]);
      const parts = new Map<string, unknown>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', new Uint8Array(authenticatorData(options.rp.id, twist, attested))],
      ]);
      // The encoder takes maps of such values.
      const attestationObject = isoCBOR.encode(parts as never);
      return {
        id: text(id),
        rawId: text(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: text(clientData('webauthn.create', options.challenge, twist)),
          attestationObject: text(attestationObject),
          transports: ['usb'],
        },
      };
    },
    /** As `navigator.credentials.get(…).toJSON()`. */
    get(options: RequestOptions, twist: Twist = {}) {
      const data = clientData('webauthn.get', options.challenge, twist);
      const bytes = authenticatorData(options.rpId, twist);
      const key = twist.foreignKey ? newKey().privateKey : keys.privateKey;
      return {
        id: twist.credentialId ?? text(id),
        rawId: twist.credentialId ?? text(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: text(data),
          authenticatorData: text(bytes),
          signature: text(sign('sha256', Buffer.concat([bytes, sha256(data)]), key)),
          userHandle,
        },
      };
    },
  };
}

export type Authenticator = ReturnType<typeof createAuthenticator>;
