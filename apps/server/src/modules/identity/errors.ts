/** What identity can refuse. */
import { defineErrors } from '../../platform/errors/index.ts';

/** Beside these, the HTTP edge itself refuses missing keys, keys in URLs and missing scopes. */
export const authErrors = defineErrors('auth', {
  // One answer for malformed, unknown, expired and revoked keys, so that nobody learns which keys exist.
  invalidKey: [
    'invalid-key',
    401,
    'This API key is not valid.',
    'Check that the whole key was copied, or use another key: it may have expired or been revoked.',
  ],
  // Only who holds the whole key hears this, so it tells nobody which keys exist.
  addressRefused: [
    'address-refused',
    403,
    'This key may not be used from this address.',
    'Use it from one of the networks in its allowedCidrs, or make a key for where you are.',
  ],
  testKeyRefused: [
    'test-key-refused',
    403,
    'Test keys cannot act as operator.',
    'Use a live key with the scope operator.',
  ],
  invalidAdminLink: [
    'invalid-admin-link',
    401,
    'This admin link is not valid any more.',
    'An admin link works once and for a limited time; create a new one on the server.',
  ],
  secondFactorRequired: [
    'second-factor-required',
    403,
    'This organisation is open only to members with a second factor.',
    'Set one up with POST /v1/me/factors/totp or a passkey with POST /v1/me/factors/passkeys/options, then send the request again.',
  ],
});

/** Said at sign-in, and of sessions that began before the organisation asked. */
export const entryErrors = defineErrors('federation', {
  ssoRequired: [
    'sso-required',
    403,
    'Your organisation asks you to sign in through its identity provider.',
    'Begin with POST /v1/auth/sso.',
  ],
  addressHeld: [
    'address-held',
    403,
    'Your organisation asks you to sign in through its identity provider, by an address of its own.',
    'Take another address at its domains, or ask those who administer it.',
  ],
});

export const keyErrors = defineErrors('keys', {
  notFound: ['not-found', 404, 'There is no such API key.', 'List your keys with GET /v1/keys.'],
  scopeNotHeld: [
    'scope-not-held',
    403,
    'A key can only hand on scopes that it has itself.',
    'Leave out the scopes named here, or use a key that has them.',
  ],
  networkNotHeld: [
    'network-not-held',
    403,
    'A key that is bound to networks can only make keys for parts of them.',
    'Leave out the networks named here, or use a key that is bound to none.',
  ],
  reportUnproven: [
    'report-unproven',
    401,
    'Nobody vouches for this report.',
    'Send it with an API key of yours, or signed by a scanner whose public key stands in LEAK_SCANNERS.',
  ],
  liveFromTest: ['live-from-test', 403, 'A test key can only make test keys.', 'Use a live key to make live keys.'],
  expiryPast: [
    'expiry-past',
    422,
    'The key would be expired from the start.',
    'Give an expiresAt in the future, or leave it out.',
  ],
  notActive: [
    'not-active',
    409,
    'This key has ended or was already rotated.',
    'Rotate the key that took its place, or create a new key.',
  ],
});
