/** The words of mails to people. */

export type MailKind =
  | 'verify'
  | 'known-address'
  | 'reset'
  | 'magic-link'
  | 'email-change'
  | 'email-changed'
  | 'password-changed'
  | 'invitation'
  | 'organisation-deleted'
  | 'waiting-list'
  | 'beta-invitation'
  | 'tokens-stolen'
  | 'factor-added'
  | 'factor-removed'
  | 'factors-reset'
  | 'account-linked'
  | 'recovery-code-used'
  | 'failed-sign-ins'
  | 'unusual-sign-in'
  | 'key-from-new-network'
  | 'key-expiring'
  | 'key-leaked'
  | 'budget-reached'
  | 'endpoint-disabled';

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
  /** A code that the reader types somewhere. */
  readonly code?: string;
  /** The API key that it is about: its name and what may be shown of it. */
  readonly key?: string;
  readonly endsAt?: Date | undefined;
  /** The name of the second factor that it is about. */
  readonly factor?: string;
  /** The name of the provider whose account it is about. */
  readonly provider?: string;
  /** How many: recovery codes that are left, tries that failed. */
  readonly count?: number;
  /** What is unusual, in the words of the trail. */
  readonly reasons?: readonly string[];
  /** Where a request came from. */
  readonly ip?: string;
  /** The budget that it is about; amounts are written out. */
  readonly budget?: {
    readonly name: string;
    readonly reached: string;
    readonly spent: string;
    readonly limit: string;
    readonly isHard: boolean;
  };
  /** The address of the webhook endpoint, or its id. */
  readonly endpoint?: string;
}

/** Subject and paragraphs. A paragraph that is the URL of the facts becomes the button. */
export type MailTexts = Readonly<
  Record<MailKind, (facts: MailFacts) => readonly [subject: string, ...paragraphs: string[]]>
>;
