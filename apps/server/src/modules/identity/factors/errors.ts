/** What a second factor can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const factorErrors = defineErrors('factors', {
  notFound: ['not-found', 404, 'There is no such factor.', 'List yours with GET /v1/me/factors.'],
  // One answer for a wrong code, one that was used, and a passkey that is not theirs.
  refused: [
    'refused',
    401,
    'The second factor is not right.',
    'Wait for the next code of your app, check the clock of its device, or use a recovery code. Each code works once.',
  ],
  // One answer for unknown, used and expired challenges, and those of another network or browser.
  invalidChallenge: [
    'invalid-challenge',
    401,
    'This sign-in is not going on any more.',
    'Begin again: a challenge is good for five minutes, once, from where it was asked for.',
  ],
  wrongCode: [
    'wrong-code',
    422,
    'The code is not right.',
    'Send the code that the app shows now, and check the clock of its device.',
  ],
  passkeyRefused: [
    'passkey-refused',
    422,
    'This passkey cannot be added.',
    'Ask for new options with POST /v1/me/factors/passkeys/options and try again from this page.',
  ],
  tooMany: ['too-many', 409, 'There is no room for another passkey.', 'Remove one that you do not use any more.'],
  shortPassword: [
    'short-password',
    409,
    'Your password is long enough only beside a second factor.',
    'Set one of 15 characters or more with PUT /v1/me/password, or add another factor; then remove this one.',
  ],
  noFactor: [
    'none',
    409,
    'You have no second factor.',
    'Set one up with POST /v1/me/factors/totp or POST /v1/me/factors/passkeys/options.',
  ],
});
