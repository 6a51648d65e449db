/** What organisations, members and invitations can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const memberErrors = defineErrors('members', {
  notFound: ['not-found', 404, 'There is no such member.', 'List the members with GET /v1/organisation/members.'],
  roleNotHeld: [
    'role-not-held',
    403,
    'Nobody gives, changes or takes a role that may do more than they may.',
    'Ask somebody with that role.',
  ],
  // Said to whoever was let in a moment before their own role was taken.
  notAllowed: ['not-allowed', 403, 'Your role does not allow this any more.', 'Ask an owner of the organisation.'],
  lastOwner: [
    'last-owner',
    409,
    'An organisation keeps at least one owner.',
    'Make somebody else an owner first, or delete the organisation.',
  ],
  already: ['already', 409, 'This person is a member already.', 'Change their role instead.'],
  notAPerson: ['not-a-person', 409, 'Only a person can own an organisation.', 'Choose a member who is a person.'],
  notAServiceAccount: [
    'not-a-service-account',
    409,
    'Only service accounts are given keys by others.',
    'People make their own with POST /v1/keys.',
  ],
});

export const organisationErrors = defineErrors('organisations', {
  // One answer for one that is not there, is deleted, or is not theirs.
  notFound: [
    'not-found',
    404,
    'There is no such organisation.',
    'Name one of those that GET /v1/me/organisations lists.',
  ],
  ownersOnly: ['owners-only', 403, 'Only an owner may do this.', 'Ask an owner of the organisation.'],
  tooMany: [
    'too-many',
    409,
    'You own as many organisations as one person can.',
    'Delete one, or make somebody else its owner.',
  ],
  notDeleted: ['not-deleted', 409, 'This organisation is not deleted.', 'There is nothing to bring back.'],
});

export const invitationErrors = defineErrors('invitations', {
  notFound: [
    'not-found',
    404,
    'There is no such invitation.',
    'List the invitations with GET /v1/organisation/invitations.',
  ],
  // One answer for unknown, used, expired and revoked ones.
  invalid: [
    'invalid',
    410,
    'This invitation is not valid any more.',
    'Ask whoever invited you for a new one: it may have been used, revoked, or have expired.',
  ],
  otherAddress: [
    'other-address',
    403,
    'This invitation is for another address.',
    'Sign in with the address it was mailed to, or ask for one to yours.',
  ],
});
