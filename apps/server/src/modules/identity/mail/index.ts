/** The texts of mails to people. */
import type { Locale } from '../people/types.ts';

export type MailKind =
  | 'verify'
  | 'known-address'
  | 'reset'
  | 'magic-link'
  | 'email-change'
  | 'email-changed'
  | 'password-changed'
  | 'tokens-stolen'
  | 'key-expiring'
  | 'key-leaked'
  | 'invitation'
  | 'organisation-deleted';

export interface MailText {
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** What a mail may speak of. */
export interface MailFacts {
  readonly name: string;
  /** Where the reader goes on. */
  readonly url: string;
  /** The name of the organisation that it is about. */
  readonly organisation?: string;
  /** The new address, where that is what the mail is about. */
  readonly email?: string;
  /** The API key that it is about: its name and what may be shown of it. */
  readonly key?: string;
  readonly endsAt?: Date | undefined;
}

const TEXTS: Readonly<Record<MailKind, (facts: MailFacts) => readonly [subject: string, ...lines: string[]]>> = {
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
  'tokens-stolen': ({ url }) => [
    'A sign-in of yours was ended',
    'A refresh token of your account came a second time. Somebody may have a copy, so the sign-in that it belongs to was ended. Sign in again there. If you do not know what it was, set a new password:',
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
  'key-leaked': ({ url, key = '' }) => [
    'An API key was found in the open and revoked',
    `The API key ${key} was found where others could read it. It was revoked at once. Make another one, and look through the audit trail for what was done with it:`,
    url,
  ],
};

/** A mail of this kind in the reader's language. */
export function mailText(kind: MailKind, _locale: Locale, facts: MailFacts): MailText {
  const [subject, ...lines] = TEXTS[kind](facts);
  return { subject, text: [`Hello ${facts.name},`, ...lines].join('\n\n') };
}
