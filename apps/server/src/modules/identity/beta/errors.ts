/** What somebody who wants to come in can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const betaErrors = defineErrors('beta', {
  closed: ['closed', 403, 'Nobody can sign up here.', 'Ask whoever runs this installation.'],
  invitationNeeded: [
    'invitation-needed',
    403,
    'One signs up here by invitation.',
    'Send the code or the token of your invitation as `invitation`, or join the waiting list with POST /v1/auth/waiting-list.',
  ],
  // One answer for unknown, used, expired and revoked ones, and those for another address.
  invalidInvitation: [
    'invalid-invitation',
    403,
    'This invitation is not good for this address.',
    'Check the code; it may have been used or have expired. Or join the waiting list with POST /v1/auth/waiting-list.',
  ],
  codeUsed: ['code-used', 410, 'Your invitation code was used up by others.', 'Ask for a new one and sign up again.'],
  notFound: ['not-found', 404, 'There is no such code.', 'List the codes with GET /v1/operator/sign-up-codes.'],
  // One answer for unknown and outdated links.
  invalidLink: ['invalid-link', 410, 'This link is not valid any more.', 'Join the waiting list again.'],
});
