/** The texts of mails to people. */
import type { Locale } from '../people/types.ts';

export type MailKind =
  | 'verify'
  | 'known-address'
  | 'reset'
  | 'magic-link'
  | 'email-change'
  | 'email-changed'
  | 'password-changed';

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
  /** The new address, where that is what the mail is about. */
  readonly email?: string;
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
  'password-changed': ({ url }) => [
    'Your password was changed',
    'The password of your account was changed, and all other sessions were ended. If that was not you, set a new one:',
    url,
  ],
};

/** A mail of this kind in the reader's language. */
export function mailText(kind: MailKind, _locale: Locale, facts: MailFacts): MailText {
  const [subject, ...lines] = TEXTS[kind](facts);
  return { subject, text: [`Hello ${facts.name},`, ...lines].join('\n\n') };
}
