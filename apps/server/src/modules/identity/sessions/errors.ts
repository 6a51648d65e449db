/** What a sign-in or a session can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const sessionErrors = defineErrors('sessions', {
  // One answer for unknown, ended and expired sessions.
  invalid: ['invalid', 401, 'This session has ended.', 'Sign in again with POST /v1/auth/sign-in.'],
  // One answer for an unknown address, a wrong password and a disabled account.
  refused: [
    'refused',
    401,
    'The address or the password is not right.',
    'Check both, or set a new password with POST /v1/auth/reset.',
  ],
  notFound: ['not-found', 404, 'There is no such session.', 'List your sessions with GET /v1/me/sessions.'],
  organisationNotFound: [
    'organisation-not-found',
    404,
    'There is no such organisation.',
    'Name one of those that GET /v1/me lists.',
  ],
});
