/** The signature of a secret scanner: ECDSA over P-256 with SHA-256 of the body as it was sent, as GitHub signs its reports. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';

export const SIGNATURE_HEADER = 'github-public-key-signature';

// DER of two numbers of 256 bits in base64, with room for padding.
const SIGNATURE = /^[A-Za-z0-9+/]{64,104}={0,2}$/;

/** Keys of scanners, each the base64 of a public key in DER (SPKI): the text between the lines of a PEM file. */
export const scannerKeys = (texts: readonly string[]): readonly KeyObject[] =>
  texts.map((text) => createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' }));

/** Whether one of these keys signed exactly these bytes. */
export function isSignedBy(keys: readonly KeyObject[], bytes: Buffer, signature: string): boolean {
  if (!SIGNATURE.test(signature)) return false;
  const made = Buffer.from(signature, 'base64');
  return keys.some((key) => verify('sha256', bytes, key, made));
}
