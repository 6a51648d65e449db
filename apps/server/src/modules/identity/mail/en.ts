/** Mails in English. */
import type { MailTexts } from './types.ts';

const REASONS: Readonly<Record<string, string>> = {
  'new-device': 'from a new device',
  'new-country': 'from a country that is new for you',
  'impossible-travel': 'too far from the last sign-in to have travelled',
  'failures-before': 'after failed tries',
};

export const EN: MailTexts = {
  verify: ({ url }) => [
    'Verify your address',
    'Open this link to verify your address. It works once, for 24 hours.',
    url,
    'If you did not sign up, do nothing.',
  ],
  'known-address': ({ url }) => [
    'You have an account already',
    'Somebody, perhaps you, tried to sign up with this address, which has an account. Sign in, or set a new password:',
    url,
    'If it was not you, do nothing.',
  ],
  reset: ({ url }) => [
    'Set a new password',
    'Open this link to set a new password. It works once, for 30 minutes.',
    url,
    'If you did not ask for it, do nothing.',
  ],
  'magic-link': ({ url }) => [
    'Your link to sign in',
    'Open this link to sign in. It works once, for 15 minutes.',
    url,
    'If you did not ask for it, do nothing.',
  ],
  'email-change': ({ url }) => [
    'Confirm your new address',
    'Open this link to move your account to this address. It works once, for 24 hours.',
    url,
    'If you did not ask for it, do nothing.',
  ],
  'email-changed': ({ email = '' }) => [
    'The address of your account changes',
    `Your account is being moved to ${email}. If that was not you, set a new password at once and tell your operator.`,
  ],
  invitation: ({ url, organisation = '' }) => [
    `You are invited to ${organisation}`,
    `You are invited to become a member of ${organisation}. Open this link to see what is offered; sign up or in with this address to accept. It works once, for a limited time.`,
    url,
    'If you do not know them, do nothing.',
  ],
  'organisation-deleted': ({ url, organisation = '' }) => [
    `${organisation} was deleted`,
    `An owner deleted the organisation ${organisation}. Its keys have stopped and its runs end. For 30 days an owner may bring it back; after that it is erased. If this was a mistake, sign in and bring it back:`,
    url,
  ],
  'waiting-list': ({ url }) => [
    'Confirm your place on the waiting list',
    'Open this link to confirm your address. Then you are in the line, and get a mail when there is room for you.',
    url,
    'If you did not ask for it, do nothing.',
  ],
  'beta-invitation': ({ url, code = '' }) => [
    'There is room for you now',
    `You asked to be let in: now you are. Sign up with this address within 14 days. Your code is ${code}.`,
    url,
  ],
  'tokens-stolen': ({ url }) => [
    'A sign-in of yours was ended',
    'A refresh token of your account came a second time. Somebody may have a copy, so the sign-in that it belongs to was ended. Sign in again there. If you do not know what it was, set a new password:',
    url,
  ],
  'factor-added': ({ url, factor = '' }) => [
    'A second factor was added',
    `The second factor ${factor} was added to your account. If that was not you, sign out everywhere and set a new password at once:`,
    url,
  ],
  'factor-removed': ({ url, factor = '' }) => [
    'A second factor was removed',
    `The second factor ${factor} was removed from your account. If that was not you, set a new password and another second factor at once:`,
    url,
  ],
  'account-linked': ({ url, provider = '' }) => [
    'You can sign in another way now',
    `An account at ${provider} was linked to yours: whoever signs in there is signed in here. If that was not you, unlink it, sign out everywhere and set a new password at once:`,
    url,
  ],
  'factors-reset': ({ url }) => [
    'Your second factors were removed',
    'An operator removed all second factors and recovery codes of your account, because they were told that you have lost them, and all sessions were ended. Sign in and set up a new one. If your password is not taken any more, it was too short to stand alone: set another one by mail. If you did not ask for this, set a new password at once and tell your operator:',
    url,
  ],
  'recovery-code-used': ({ url, count = 0 }) => [
    'A recovery code was used',
    `Somebody signed in to your account with a recovery code; ${count} are left. If that was not you, set a new password at once. If few are left, make new ones:`,
    url,
  ],
  'failed-sign-ins': ({ url, count = 0 }) => [
    'Many failed tries to sign in to your account',
    `Somebody tried to sign in to your account ${count} times without success. You need not do anything: your devices go on working. If it was you, ask for a link by mail or set a new password:`,
    url,
  ],
  'unusual-sign-in': ({ url, reasons = [], ip = '' }) => [
    'An unusual sign-in to your account',
    `Somebody signed in to your account ${reasons.map((reason) => REASONS[reason] ?? reason).join(', ')}. The address was ${ip}. If that was you, do nothing. If not, sign out everywhere and set a new password at once:`,
    url,
  ],
  'key-from-new-network': ({ url, key = '', ip = '' }) => [
    'An API key was used from a new network',
    `The API key ${key} was used from ${ip}, a network that it was not used from before. If you do not know why, revoke it and make another one:`,
    url,
  ],
  'password-changed': ({ url }) => [
    'Your password was changed',
    'The password of your account was changed, and all other sessions were ended. If that was not you, set a new one:',
    url,
  ],
  'key-expiring': ({ url, key = '', endsAt }) => [
    'An API key ends soon',
    `The API key ${key} ends at ${endsAt?.toISOString() ?? ''}. What still uses it stops working then: rotate it, with an overlap, at`,
    url,
  ],
  'key-leaked': ({ url, key = '' }) => [
    'An API key was found in the open and revoked',
    `The API key ${key} was found where others could read it. It was revoked at once. Make another one, and look through the audit trail for what was done with it:`,
    url,
  ],
  'budget-reached': ({ url, organisation = '', budget }) => [
    `A budget of ${organisation} has reached ${budget?.reached ?? ''}`,
    `Of the budget for ${budget?.name ?? ''} ${budget?.spent ?? ''} of ${budget?.limit ?? ''} are spent. ${budget?.isHard ? 'What would pass the limit is refused.' : 'Nothing is refused: it only tells.'} If you expected this, do nothing; else see who spent it, or change the budget:`,
    url,
  ],
  'endpoint-disabled': ({ url, organisation = '', endpoint = '' }) => [
    `A webhook endpoint of ${organisation} was disabled`,
    `The webhook endpoint ${endpoint} failed for five days and is disabled. Later events are kept for 30 days. Have the receiver repaired, enable the endpoint, then replay what failed:`,
    url,
  ],
};
