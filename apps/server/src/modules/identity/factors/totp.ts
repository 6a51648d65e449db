/** Codes of six digits that change every 30 seconds (RFC 6238), as every authenticator app makes them. */
import { Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';

const ISSUER = 'Guildhall';
const PERIOD_SECONDS = 30;
// Some apps understand no other, and HMAC does not suffer from what SHA-1 does.
const SHAPE = { issuer: ISSUER, algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS } as const;
// RFC 4226 recommends 160 bits.
export const SECRET_BYTES = 20;
// A phone's clock, and the time it takes to type: one step to either side.
const WINDOW_STEPS = 1;
const CODE = /^[0-9]{6}$/;

const secretOf = (bytes: Uint8Array): Secret => new Secret({ buffer: new Uint8Array(bytes).buffer });

/** The number of the step whose code this is, if it is one near this moment; each has its own, so that a code can be used up. */
export function findStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  // The library throws for six characters of more than six bytes.
  if (!CODE.test(code)) return undefined;
  const timestamp = now.getTime();
  const delta = TOTP.validate({ ...SHAPE, token: code, secret: secretOf(secret), timestamp, window: WINDOW_STEPS });
  return delta === null ? undefined : Math.floor(timestamp / 1_000 / PERIOD_SECONDS) + delta;
}

/** What an app is set up with: text to type, a link, and a picture of it. */
export function setUpOf(
  secret: Uint8Array,
  label: string,
): { readonly secret: string; readonly uri: string; readonly qrCode: string } {
  const uri = new TOTP({ ...SHAPE, label, secret: secretOf(secret) }).toString();
  return { secret: secretOf(secret).base32, uri, qrCode: renderSVG(uri) };
}
