/** Mail out: through the operator's server, or kept in the data folder where there is none. Transactions write to the queue. */
import type { Clock } from '../clock/index.ts';
import type { Secret } from '../crypto/index.ts';
import { createMailbox } from './mailbox.ts';
import { createSmtpMail } from './smtp.ts';
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

export function createMail(options: MailOptions): Mail {
  return options.smtpUrl === undefined ? createMailbox(options) : createSmtpMail(options.smtpUrl, options.from);
}
