/** Signatures of webhooks as the Standard Webhooks specification describes them: HMAC-SHA-256 over id, instant and body. */
import { createHmac } from 'node:crypto';
import type { Secret } from '../../platform/crypto/index.ts';

const PREFIX = 'whsec_';
// The specification allows 24 to 64; 32 is the strength of the hash.
const SECRET_BYTES = 32;

/** A new signing secret, as its owner gets it. */
export const makeSecret = (randomBytes: (size: number) => Buffer): string =>
  `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;

function signatureOf(secret: Secret, content: string): string {
  const key = Buffer.from(secret.reveal().slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

/** The three headers of one attempt. Every secret signs, so that a receiver may use the new one or, while they overlap, the former. */
export function signedHeaders(
  secrets: readonly Secret[],
  message: { readonly id: string; readonly at: Date; readonly body: string },
): Record<string, string> {
  const seconds = Math.floor(message.at.getTime() / 1_000).toString();
  const content = `${message.id}.${seconds}.${message.body}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': seconds,
    'webhook-signature': secrets.map((secret) => signatureOf(secret, content)).join(' '),
  };
}
