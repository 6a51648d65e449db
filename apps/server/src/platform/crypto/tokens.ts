/** Signed tokens with an end: links that open one thing for a while without a key. */
import type { Clock } from '../clock/index.ts';
import { assert } from '../errors/index.ts';
import type { Keyring } from './keyring.ts';

export type TokenVerdict =
  | { readonly ok: true; readonly payload: unknown }
  | { readonly ok: false; readonly reason: 'forged' | 'expired' };

export interface TokenSigner {
  /** URL-safe text. The payload is signed, not hidden: whoever holds the token can read it. */
  sign(payload: unknown, expiresAt: Date): string;
  /** Gives the payload of a token signed for this very purpose that has not expired. Parse it: its shape is the signer's word. */
  verify(token: string): TokenVerdict;
}

// A link has to fit into the URL limits of browsers and proxies.
const TOKEN_CHARS_MAX = 2048;
const FORGED: TokenVerdict = { ok: false, reason: 'forged' };

/** A token of one purpose is worth nothing for another. */
export function createTokenSigner(keyring: Keyring, purpose: string, clock: Clock): TokenSigner {
  const macPurpose = `token:${purpose}`;
  return {
    sign(payload, expiresAt) {
      const body = Buffer.from(JSON.stringify([expiresAt.getTime(), payload]), 'utf8').toString('base64url');
      const token = `${body}.${keyring.mac(macPurpose, body).toString('base64url')}`;
      assert(token.length <= TOKEN_CHARS_MAX, 'a token fits into a link');
      return token;
    },
    verify(token) {
      if (token.length > TOKEN_CHARS_MAX) return FORGED;
      const [body, mac, ...rest] = token.split('.');
      if (!body || !mac || rest.length > 0) return FORGED;
      const bytes = Buffer.from(mac, 'base64url');
      // The decoder overlooks stray characters; only the one canonical spelling counts.
      if (bytes.toString('base64url') !== mac || !keyring.verifyMac(macPurpose, body, bytes)) return FORGED;
      // Signed by us, so it is the pair that `sign` wrote.
      const [expiresMs, payload] = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as [number, unknown];
      return clock.now().getTime() < expiresMs ? { ok: true, payload } : { ok: false, reason: 'expired' };
    },
  };
}
