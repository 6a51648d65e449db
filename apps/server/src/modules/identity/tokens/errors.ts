/** What a token can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const tokenErrors = defineErrors('tokens', {
  // One answer for forged, expired and foreign tokens, and for those of a session or a membership that has ended.
  invalid: [
    'invalid',
    401,
    'This access token is not valid.',
    'Get another one with POST /v1/auth/tokens/refresh, or sign in again.',
  ],
  // One answer for unknown, used and ended refresh tokens.
  invalidRefresh: [
    'invalid-refresh',
    401,
    'This refresh token is not valid any more.',
    'Sign in again, then ask for tokens with POST /v1/auth/tokens.',
  ],
  alreadyRefreshed: [
    'already-refreshed',
    409,
    'This refresh token has just been exchanged.',
    'Use the answer of the other request. If it was lost, send this one again in five seconds.',
  ],
});
