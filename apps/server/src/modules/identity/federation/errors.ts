/** What a sign-in through a provider, and its set-up, can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const federationErrors = defineErrors('federation', {
  unknownProvider: [
    'unknown-provider',
    404,
    'There is no such way to sign in.',
    'Use one of those that GET /v1/auth/providers lists.',
  ],
  noConnection: [
    'no-connection',
    404,
    'There is no single sign-on for this address.',
    'Sign in with a password, or ask your administrator.',
  ],
  returnTo: [
    'return-to',
    422,
    'The browser can only come back to a page of ours.',
    'Give a path that begins with one slash.',
  ],
  // One answer for unknown, expired, used and foreign states.
  invalidFlow: [
    'invalid-flow',
    400,
    'This sign-in was not begun here, or it has ended.',
    'Begin again in this browser, and finish within ten minutes.',
  ],
  refused: [
    'refused',
    401,
    'The identity provider did not confirm who you are.',
    'Begin again. If it stays so, tell your administrator the request id.',
  ],
  unavailable: [
    'unavailable',
    502,
    'The identity provider does not answer as it should.',
    'Try again in a minute. If it stays so, tell your administrator the request id.',
  ],
  emailNotVerified: [
    'email-not-verified',
    403,
    'The provider does not say that your address is verified.',
    'Verify the address there, or sign up with a password.',
  ],
  linkNeeded: [
    'link-needed',
    409,
    'There is an account with this address already.',
    'Sign in to it as before, then link this provider with POST /v1/me/identity-links.',
  ],
  linkedElsewhere: [
    'linked-elsewhere',
    409,
    'This account at the provider belongs to another person here.',
    'Sign in with it, or unlink it there first.',
  ],
  notOfOrganisation: [
    'not-of-organisation',
    403,
    'This identity provider may not speak for your address.',
    'Ask your administrator to verify the domain of your address, or to invite you.',
  ],
  outside: [
    'outside',
    409,
    'You yourself would be outside of the organisation then.',
    'Sign in through the connection first; an owner may also add a second factor and sign in with the password.',
  ],
  linkNotFound: ['link-not-found', 404, 'There is no such link.', 'List yours with GET /v1/me/identity-links.'],
  lastWayIn: [
    'last-way-in',
    409,
    'Without this link you could not sign in any more.',
    'Set a password first, with POST /v1/auth/reset.',
  ],
  connectionNotFound: [
    'connection-not-found',
    404,
    'There is no such connection.',
    'List yours with GET /v1/organisation/sso/oidc.',
  ],
  tooManyConnections: [
    'too-many-connections',
    409,
    'An organisation has at most fifty connections.',
    'Remove one first.',
  ],
  noWayIn: [
    'no-way-in',
    409,
    'Nobody could come in: single sign-on needs a verified domain and a connection that works.',
    'Verify a domain and enable a connection first.',
  ],
});
