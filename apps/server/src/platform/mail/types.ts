/** The words of mail. */

export interface MailMessage {
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The same as `text` for readers that show it. */
  readonly html?: string;
  /** The same for every repetition of one mail: becomes its Message-ID, by which mailboxes know a second copy. */
  readonly idempotencyKey: string;
}

/** A mail that was kept instead of being sent. */
export interface KeptMail extends MailMessage {
  readonly id: string;
  readonly from: string;
  readonly at: Date;
}

export interface Mail {
  /**
   * Hands one mail over; resolves when the server has taken it. What has an unknown outcome may arrive twice, with one Message-ID.
   * Never within a transaction: there, write it to the queue.
   * @throws mailErrors.unavailable (try again later) or .refused (never will).
   */
  send(message: MailMessage): Promise<void>;
  /** Says where mail goes, after asking the server there. @throws as `send`. */
  verify(): Promise<string>;
  /** Without a server: the latest mails, newest first. Empty with one. */
  listKept(): Promise<readonly KeptMail[]>;
  close(): void;
}
