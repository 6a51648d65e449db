/** What the account of a person can be refused. */
import { defineErrors } from '../../../platform/errors/index.ts';

export const peopleErrors = defineErrors('people', {
  notFound: ['not-found', 404, 'There is no such person.', 'Check the id.'],
  invalidEmail: [
    'invalid-email',
    422,
    'This is not an address that mail can be sent to.',
    'Correct it: something before one @, and a domain with a dot behind it.',
  ],
  weakPassword: [
    'weak-password',
    422,
    'This password is not strong enough.',
    'Take four or more words that do not belong together, or let a password manager make one.',
  ],
  // One answer for unknown, used and expired links.
  invalidLink: [
    'invalid-link',
    410,
    'This link is not valid any more.',
    'A link works once and for a limited time; ask for a new one.',
  ],
  full: [
    'full',
    409,
    'There is no room for more people for now.',
    'Join the waiting list with POST /v1/auth/waiting-list.',
  ],
  sameEmail: ['same-email', 409, 'The account has this address already.', 'Give another one.'],
  wrongPassword: ['wrong-password', 403, 'The password is not right.', 'Check it and try again.'],
});
