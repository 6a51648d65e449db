/** Mail out: through the operator's server, or kept in the data folder where there is none. Transactions write to the queue. */
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import { createMailbox } from './mailbox.ts';
import type { Mail } from './types.ts';

export { mailErrors } from './errors.ts';
export { KEPT_MAX } from './mailbox.ts';
export { createMailQueue, createPostman, type MailQueue, type Postman, pruneMail } from './queue.ts';
export type { KeptMail, Mail, MailMessage } from './types.ts';

export interface MailOptions {
  readonly smtpUrl: Secret | undefined;
  readonly from: string;
  /** Where mails are kept without a server. */
  readonly directory: string;
  readonly clock: Clock;
}

/** The library that speaks to servers takes 20 MB and a tenth of a second, so it is loaded only where there is one. */
export async function createMail(options: MailOptions): Promise<Mail> {
  if (options.smtpUrl === undefined) return createMailbox(options);
  const { createSmtpMail } = await import('./smtp.ts');
  return createSmtpMail(options.smtpUrl, options.from);
}
